package sqlstore

import (
	"context"
	"errors"
	"maps"
	"slices"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
)

// InsertAccounts adds new accounts in one statement, for imports of many: a few
// hundred at most, or the statement has too many parameters. It checks ids and
// names, not what is sealed. ErrInvalid, ErrAlreadyExists for an id or a name.
func (tx *Tx) InsertAccounts(ctx context.Context, rows ...AccountRow) error {
	now, err := tx.now(ctx)
	if err != nil {
		return err
	}
	values := make([]map[string]any, 0, len(rows))
	for _, row := range rows {
		if err := errors.Join(credstore.CheckID("account id", row.ID), credstore.CheckID("account name", row.Name)); err != nil {
			return about(err, "account %q", row.ID)
		}
		columns := tx.dialect.accountValues(row)
		columns["account_id"], columns["created_at"], columns["updated_at"] = row.ID, timeParam(now), timeParam(now)
		values = append(values, columns)
		tx.changed(credstore.EventAccount, row.ID)
	}
	return tx.insert(ctx, "accounts", values)
}

// InsertTrains adds new trains in one statement, as InsertAccounts does.
// ErrInvalid, ErrAlreadyExists, ErrNotFound for a default account.
func (tx *Tx) InsertTrains(ctx context.Context, rows ...TrainRow) error {
	now, err := tx.now(ctx)
	if err != nil {
		return err
	}
	values := make([]map[string]any, 0, len(rows))
	for _, row := range rows {
		if err := errors.Join(credstore.CheckID("train id", row.ID), checkTrainText(&row.Name, &row.Description)); err != nil {
			return about(err, "train %q", row.ID)
		}
		columns := tx.dialect.trainValues(row)
		columns["train_id"], columns["created_at"], columns["updated_at"] = row.ID, timeParam(now), timeParam(now)
		values = append(values, columns)
		tx.changed(credstore.EventTrain, row.ID)
	}
	return tx.insert(ctx, "trains", values)
}

// insert adds rows that all have the same columns; none is no error.
func (tx *Tx) insert(ctx context.Context, table string, rows []map[string]any) error {
	if len(rows) == 0 {
		return nil
	}
	columns := slices.Sorted(maps.Keys(rows[0]))
	statement := sq.Insert(table).Columns(columns...)
	for _, row := range rows {
		values := make([]any, len(columns))
		for i, column := range columns {
			values[i] = row[column]
		}
		statement = statement.Values(values...)
	}
	return tx.execBuilt(ctx, statement)
}
