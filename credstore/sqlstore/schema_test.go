package sqlstore_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/internal/testdb"
)

func TestCheckSchema(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		require.NoError(t, store.CheckSchema(t.Context()))

		_, err := db.ExecContext(t.Context(), `DROP TABLE account_refreshes`)
		require.NoError(t, err)
		err = store.CheckSchema(t.Context())
		require.ErrorIs(t, err, sqlstore.ErrSchema)
		require.ErrorContains(t, err, "migrate up")
		require.ErrorContains(t, err, "missing table account_refreshes")
		_, err = store.GetRoute(t.Context(), "main")
		require.ErrorIs(t, err, sqlstore.ErrSchema)

		_, err = db.ExecContext(t.Context(), `ALTER TABLE accounts RENAME COLUMN api_key_encrypted TO api_key`)
		require.NoError(t, err)
		err = store.CheckSchema(t.Context())
		require.ErrorContains(t, err, "missing column accounts.api_key_encrypted, table account_refreshes")
		_, err = store.GetCredential(t.Context(), "a")
		require.ErrorIs(t, err, sqlstore.ErrSchema)
	})
}

func TestCheckSchemaOfEmptyDatabase(t *testing.T) {
	for dialect, url := range map[sqlstore.Dialect]string{sqlstore.Postgres: testdb.PostgreSQL(t), sqlstore.SQLite: testdb.SQLite(t)} {
		err := newStore(t, dialect, open(t, dialect, url)).CheckSchema(t.Context())
		require.ErrorIs(t, err, sqlstore.ErrSchema)
		require.ErrorContains(t, err, "none of its tables exist")
	}
}
