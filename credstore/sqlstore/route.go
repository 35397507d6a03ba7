package sqlstore

import (
	"context"
	"database/sql"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
)

// A refRow is an account as choosing one sees it; all NULL for none.
type refRow struct {
	ID          sql.NullString `db:"account_id"`
	Name        sql.NullString `db:"account_name"`
	Type        sql.NullString `db:"credential_type"`
	Active      bool           `db:"is_active"`
	NeedsReauth bool           `db:"needs_reauth"`
}

func (r *refRow) ref() credstore.AccountRef {
	return credstore.AccountRef{
		ID: r.ID.String, Name: r.Name.String, Type: credstore.CredentialType(r.Type.String),
		Active: r.Active, NeedsReauth: r.NeedsReauth,
	}
}

// refColumns are the columns of a refRow, of the tables of joinMark, named with a prefix.
func refColumns(account, mark, prefix string) string {
	name := func(column string) string { return ` AS "` + prefix + column + `", ` }
	return account + ".account_id" + name("account_id") + account + ".account_name" + name("account_name") +
		account + ".credential_type" + name("credential_type") +
		"coalesce(" + account + ".is_active, false)" + name("is_active") +
		mark + `.account_id IS NOT NULL AS "` + prefix + `needs_reauth"`
}

// mappingColumns are the columns of a mappingRow's mapping.
const mappingColumns = `, coalesce(m.priority, 0) AS priority, m.created_at`

type mappingRow struct {
	refRow
	Priority  int      `db:"priority"`
	CreatedAt nullTime `db:"created_at"`
}

// selectMappings selects the mappingRows of a train.
func selectMappings(trainID string) sq.SelectBuilder {
	return sq.Select(refColumns("a", "r", "")+mappingColumns).
		From("train_account_mappings m JOIN accounts a ON a.account_id = m.account_id "+joinMark("a", "r")).
		Where("m.train_id = ?", trainID)
}

func (r *mappingRow) mapping() credstore.Mapping {
	return credstore.Mapping{Account: r.ref(), Priority: r.Priority, CreatedAt: r.CreatedAt.Time}
}

// GetRoute implements [credstore.RequestStore], in one query: a row for each
// mapping, or one without.
func (s *Store) GetRoute(ctx context.Context, trainID string) (*credstore.Route, error) {
	if err := credstore.CheckID("train id", trainID); err != nil {
		return nil, err
	}
	var rows []struct {
		TrainActive bool   `db:"train_active"`
		Default     refRow `db:"default"`
		mappingRow
	}
	err := s.all(ctx, &rows, `SELECT coalesce(t.is_active, false) AS train_active, `+refColumns("d", "dr", "default.")+`, `+
		refColumns("a", "r", "")+mappingColumns+`
		FROM trains t
		LEFT JOIN accounts d ON d.account_id = t.default_account_id `+joinMark("d", "dr")+`
		LEFT JOIN train_account_mappings m ON m.train_id = t.train_id
		LEFT JOIN accounts a ON a.account_id = m.account_id `+joinMark("a", "r")+`
		WHERE t.train_id = ?
		ORDER BY priority DESC, `+s.dialect.bytewise("a.account_name"), trainID)
	if err == nil && len(rows) == 0 {
		err = credstore.ErrNotFound
	}
	if err != nil {
		return nil, about(err, "route of train %q", trainID)
	}
	route := &credstore.Route{TrainID: trainID, Active: rows[0].TrainActive}
	if rows[0].Default.ID.Valid {
		ref := rows[0].Default.ref()
		route.Default = &ref
	}
	for i := range rows {
		if rows[i].ID.Valid {
			route.Mappings = append(route.Mappings, rows[i].mapping())
		}
	}
	return route, nil
}

// ActiveAccounts implements [credstore.RequestStore].
func (s *Store) ActiveAccounts(ctx context.Context) ([]credstore.AccountRef, error) {
	var rows []refRow
	err := s.all(ctx, &rows, `SELECT `+refColumns("a", "r", "")+` FROM `+fromAccounts+`
		WHERE a.is_active = true ORDER BY `+s.dialect.bytewise("a.account_name"))
	if err != nil {
		return nil, about(err, "active accounts")
	}
	accounts := make([]credstore.AccountRef, len(rows))
	for i := range rows {
		accounts[i] = rows[i].ref()
	}
	return accounts, nil
}
