package sqlstore_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/credstoretest"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/internal/testdb"
)

func TestConformanceOfPostgreSQL(t *testing.T) {
	t.Parallel()
	// A clone for each test is quicker than a migration.
	clone := testdb.PostgreSQLTemplate(t, func(dsn string) error {
		db, err := sqlstore.OpenPostgres(dsn, 1)
		if err != nil {
			return err
		}
		return errors.Join(migrateUp(db, sqlstore.Postgres), db.Close())
	})
	runConformance(t, engine{sqlstore.Postgres, clone}, credstoretest.Exceptions{
		NoByteOrder: "the indexes follow the collation of the database, and so do the listings",
	})
}

func TestConformanceOfSQLite(t *testing.T) {
	t.Parallel()
	runConformance(t, engine{sqlstore.SQLite, newSQLite}, credstoretest.Exceptions{})
}

func runConformance(t *testing.T, engine engine, exceptions credstoretest.Exceptions) {
	credstoretest.Run(t, credstoretest.Harness{
		New:        func(t *testing.T) *credstoretest.Fixture { return newFixture(t, engine) },
		Exceptions: exceptions,
	})
}

func newFixture(t *testing.T, engine engine) *credstoretest.Fixture {
	url := engine.create(t)
	db := open(t, engine.dialect, url)
	store := newStore(t, engine.dialect, db)
	behind := func(t testing.TB, statement string) {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	return &credstoretest.Fixture{
		Store: store,
		Admin: store,
		Reopen: func(t testing.TB) credstore.Store {
			return newStore(t, engine.dialect, open(t, engine.dialect, url))
		},
		Damage: func(t testing.TB, accountID string) {
			behind(t, `UPDATE accounts SET api_key_encrypted = 'x' || api_key_encrypted,
				oauth_access_token_encrypted = 'x' || oauth_access_token_encrypted WHERE account_id = '`+accountID+`'`)
		},
		Break: func(t testing.TB) { require.NoError(t, db.Close()) },
		BreakAudit: func(t testing.TB) func() {
			behind(t, `CREATE TRIGGER audit_events_broken BEFORE INSERT ON audit_events `+refusal(engine.dialect))
			return func() { behind(t, `DROP TRIGGER audit_events_broken`+ifPostgres(engine.dialect, ` ON audit_events`)) }
		},
	}
}

// refusal is the body of a trigger that lets nothing in.
func refusal(dialect sqlstore.Dialect) string {
	if dialect == sqlstore.Postgres {
		return `EXECUTE FUNCTION audit_events_append_only()`
	}
	return `BEGIN SELECT RAISE(ABORT, 'broken'); END`
}

func ifPostgres(dialect sqlstore.Dialect, text string) string {
	if dialect == sqlstore.Postgres {
		return text
	}
	return ""
}
