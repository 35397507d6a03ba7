package sqlstore

import (
	"context"
	"errors"
	"maps"
	"slices"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
)

// InsertAccounts adds new accounts, all or none, in one statement: for imports of
// many. It checks ids and names, not what is sealed. ErrInvalid, ErrAlreadyExists
// for an id or a name.
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
	return about(tx.insert(ctx, "accounts", values), "insert accounts")
}

// InsertTrains adds new trains, all or none, in one statement. ErrInvalid,
// ErrAlreadyExists, ErrNotFound for a default account.
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
	return about(tx.insert(ctx, "trains", values), "insert trains")
}

// AppendAudits is [Tx.AppendAudit] for many events, in one statement.
func (tx *Tx) AppendAudits(ctx context.Context, events ...credstore.AuditEvent) error {
	actor := credstore.ActorFrom(ctx)
	now, err := tx.now(ctx)
	if err != nil {
		return about(err, "audit events")
	}
	values := make([]map[string]any, 0, len(events))
	for _, event := range events {
		if err := checkEvent(event, actor); err != nil {
			return about(err, "audit event")
		}
		values = append(values, map[string]any{
			"occurred_at": timeParam(now), "actor_kind": string(actor.Kind), "actor_name": actor.Name,
			"actor_verified": actor.Verified, "actor_session": actor.Session, "actor_address": actor.Address,
			"action": string(event.Action), "object_type": string(event.ObjectType), "object_id": event.ObjectID,
			"before_state": nullText(string(event.Before)), "after_state": nullText(string(event.After)),
		})
	}
	return about(tx.insert(ctx, "audit_events", values), "audit events")
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
