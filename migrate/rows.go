package migrate

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// tables are those that the migrations make.
var tables = []string{"accounts", "trains", "train_account_mappings", "audit_events", "audit_chain", "account_refreshes", "dashboard_sessions"}

// pageSize is how many rows are read at once: a page of accounts is some 2 MB.
const pageSize = 500

// readPage reads the page of rows that follows the key after.
func readPage[T any](ctx context.Context, m *Migrator, query, after string, scan func(*sql.Rows) (T, error)) ([]T, error) {
	rows, err := m.db.QueryContext(ctx, m.rebind(query), after, pageSize)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var page []T
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return nil, err
		}
		page = append(page, row)
	}
	return page, rows.Err()
}

// An accountRow is an account as it is stored, with whatever may be wrong with it.
type accountRow struct {
	id, name, credentialType string
	apiKey, access, refresh  sql.NullString // sealed
	expiresAt                sql.NullInt64
	scopes                   sql.NullString // JSON
	isMax, active            sql.NullBool
	updatedAt                any
}

// accountPage selects accountRows, of the keys after the one given.
func (m *Migrator) accountPage() string {
	scopes := "array_to_json(oauth_scopes)::text"
	if m.isSQLite() {
		scopes = "oauth_scopes"
	}
	return `SELECT account_id, account_name, credential_type, api_key_encrypted, oauth_access_token_encrypted,
    oauth_refresh_token_encrypted, oauth_expires_at, ` + scopes + `, oauth_is_max, is_active, updated_at
  FROM accounts WHERE account_id > ? ORDER BY account_id LIMIT ?`
}

func scanAccount(rows *sql.Rows) (r accountRow, err error) {
	err = rows.Scan(&r.id, &r.name, &r.credentialType, &r.apiKey, &r.access, &r.refresh,
		&r.expiresAt, &r.scopes, &r.isMax, &r.active, &r.updatedAt)
	return r, err
}

// A sealedSecret is a stored secret and where it is.
type sealedSecret struct{ column, value string }

func (r *accountRow) secrets() (secrets []sealedSecret) {
	for _, s := range []struct {
		column string
		value  sql.NullString
	}{
		{"api_key_encrypted", r.apiKey},
		{"oauth_access_token_encrypted", r.access},
		{"oauth_refresh_token_encrypted", r.refresh},
	} {
		if s.value.Valid {
			secrets = append(secrets, sealedSecret{s.column, s.value.String})
		}
	}
	return secrets
}

// stored is the row as package sqlstore has it. A time that cannot be read counts
// as long ago.
func (r *accountRow) stored() *sqlstore.AccountRow {
	row := &sqlstore.AccountRow{
		ID: r.id, Name: r.name, Type: credstore.CredentialType(r.credentialType),
		APIKey: r.apiKey.String, AccessToken: r.access.String, RefreshToken: r.refresh.String,
		IsMax: r.isMax.Bool, Active: r.active.Bool,
	}
	if r.expiresAt.Int64 != 0 {
		row.ExpiresAt = time.UnixMilli(r.expiresAt.Int64).UTC()
	}
	if json.Unmarshal([]byte(r.scopes.String), &row.Scopes) != nil {
		row.Scopes = nil
	}
	switch updatedAt := r.updatedAt.(type) {
	case time.Time:
		row.UpdatedAt = updatedAt.UTC()
	case string:
		row.UpdatedAt, _ = time.Parse(time.RFC3339Nano, updatedAt)
	}
	return row
}

// A trainRow is a train as it is stored, with whatever may be wrong with it.
type trainRow struct {
	id            string
	hashes, slack sql.NullString // JSON
	active        sql.NullBool
}

// trainPage selects trainRows, of the keys after the one given.
func (m *Migrator) trainPage() string {
	hashes := "array_to_json(client_api_keys_hashed)::text"
	if m.isSQLite() {
		hashes = "client_api_keys_hashed"
	}
	return `SELECT train_id, ` + hashes + `, CAST(slack_config AS text), is_active
  FROM trains WHERE train_id > ? ORDER BY train_id LIMIT ?`
}

func scanTrain(rows *sql.Rows) (r trainRow, err error) {
	err = rows.Scan(&r.id, &r.hashes, &r.slack, &r.active)
	return r, err
}

// stored is as much of the row, as package sqlstore has it, as a plan needs.
func (r *trainRow) stored() *sqlstore.TrainRow {
	row := &sqlstore.TrainRow{ID: r.id, Active: r.active.Bool}
	if json.Unmarshal([]byte(r.hashes.String), &row.ClientKeyHashes) != nil {
		row.ClientKeyHashes = nil
	}
	return row
}
