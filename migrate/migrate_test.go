package migrate_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/migrate"
)

var allSteps = []string{"001_accounts_trains.sql", "002_audit_events.sql", "003_account_refreshes.sql", "004_dashboard_sessions.sql"}

// An engine is a kind of database that the tests run on.
type engine struct {
	dialect sqlstore.Dialect
	url     func(testing.TB) string
}

var engines = map[string]engine{
	"PostgreSQL": {sqlstore.Postgres, testdb.PostgreSQL},
	"SQLite":     {sqlstore.SQLite, testdb.SQLite},
}

func open(t testing.TB, url string) *sql.DB {
	t.Helper()
	var db *sql.DB
	var err error
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		db, err = sqlstore.OpenSQLite(path)
	} else {
		db, err = sqlstore.OpenPostgres(url, 0)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// onEngines runs test on an empty database of each kind.
func onEngines(t *testing.T, test func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect)) {
	for name, e := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, e.url(t)), e.dialect)
		})
	}
}

func ids(steps []migrate.Step) (ids []string) {
	for _, step := range steps {
		ids = append(ids, step.ID)
	}
	return ids
}

func schema(t *testing.T, m *migrate.Migrator) migrate.SchemaState {
	t.Helper()
	status, err := m.Status(t.Context())
	require.NoError(t, err)
	return status.Schema
}

func TestUpAndDown(t *testing.T) {
	onEngines(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
		ctx := t.Context()
		m := migrate.New(db, dialect, nil)
		require.Equal(t, migrate.SchemaMissing, schema(t, m))

		up, err := m.Up(ctx)
		require.NoError(t, err)
		require.Equal(t, allSteps, ids(up.Steps))
		require.Positive(t, up.Duration)
		require.Equal(t, migrate.SchemaCurrent, schema(t, m))
		status, err := m.Status(ctx)
		require.NoError(t, err)
		for i, migration := range status.Migrations {
			require.Equal(t, allSteps[i], migration.ID)
			require.WithinDuration(t, time.Now(), *migration.AppliedAt, time.Hour)
		}

		up, err = m.Up(ctx)
		require.NoError(t, err)
		require.Empty(t, up.Steps, "a second run finds nothing to do")

		down, err := m.Down(ctx, nil)
		require.NoError(t, err)
		require.Equal(t, allSteps[3:], ids(down.Steps), "one step by default")
		require.Equal(t, migrate.SchemaOlder, schema(t, m))

		down, err = m.Down(ctx, &migrate.DownOptions{Steps: 5})
		require.NoError(t, err)
		require.Equal(t, []string{allSteps[2], allSteps[1], allSteps[0]}, ids(down.Steps))
		require.Equal(t, migrate.SchemaMissing, schema(t, m))

		down, err = m.Down(ctx, nil)
		require.NoError(t, err)
		require.Empty(t, down.Steps)

		up, err = m.Up(ctx)
		require.NoError(t, err)
		require.Len(t, up.Steps, len(allSteps))
	})
}

const insertAccount = `INSERT INTO accounts (account_id, account_name, credential_type, api_key_encrypted)
  VALUES ('acc_1', 'one', 'api_key', 'sealed')`

func TestDownKeepsRows(t *testing.T) {
	onEngines(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
		ctx := t.Context()
		m := migrate.New(db, dialect, nil)
		_, err := m.Up(ctx)
		require.NoError(t, err)
		execute(t, db, insertAccount)
		execute(t, db, insertAudit)

		_, err = m.Down(ctx, &migrate.DownOptions{Steps: 4})
		require.ErrorIs(t, err, migrate.ErrHoldsRows)
		require.ErrorContains(t, err, "002_audit_events.sql would drop table audit_events with 1 row")
		require.Equal(t, migrate.SchemaCurrent, schema(t, m), "all or nothing: 003 stays too")

		_, err = m.Down(ctx, &migrate.DownOptions{Steps: 2})
		require.NoError(t, err, "empty tables may go")
		_, err = m.Down(ctx, &migrate.DownOptions{Force: true})
		require.NoError(t, err)
		_, err = m.Down(ctx, nil)
		require.ErrorIs(t, err, migrate.ErrHoldsRows)
		require.ErrorContains(t, err, "table accounts")
		require.Equal(t, 1, queryInt(t, db, "SELECT count(*) FROM accounts"))

		_, err = m.Down(ctx, &migrate.DownOptions{Force: true})
		require.NoError(t, err)
		require.Equal(t, migrate.SchemaMissing, schema(t, m))
	})
}

const insertAudit = `INSERT INTO audit_events (event_id, occurred_at, actor_kind, actor_name, actor_verified,
  actor_session, actor_address, action, object_type, object_id, hash)
  VALUES (1, '2026-01-02T03:04:05.000000Z', 'operator', 'operator', true, '', '', 'account.create', 'account', 'acc_1', '')`

// A newer release has been here: nothing is changed, whichever way it is asked.
func TestNewerSchemaIsLeftAlone(t *testing.T) {
	onEngines(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
		ctx := t.Context()
		m := migrate.New(db, dialect, nil)
		_, err := m.Up(ctx)
		require.NoError(t, err)
		_, err = m.Down(ctx, nil)
		require.NoError(t, err)
		execute(t, db, `INSERT INTO signalbox_migrations (id, applied_at) VALUES ('099_future.sql', '2026-01-02T03:04:05Z')`)

		status, err := m.Status(ctx)
		require.NoError(t, err)
		require.Equal(t, migrate.SchemaNewer, status.Schema)
		require.Equal(t, []string{"099_future.sql"}, status.Unknown)

		_, err = m.Up(ctx)
		require.ErrorIs(t, err, migrate.ErrNewerSchema)
		require.ErrorContains(t, err, "099_future.sql")
		_, err = m.Down(ctx, &migrate.DownOptions{Steps: 4, Force: true})
		require.ErrorIs(t, err, migrate.ErrNewerSchema)
		require.Equal(t, len(allSteps), queryInt(t, db, "SELECT count(*) FROM signalbox_migrations"), "the newest is another")
		require.Equal(t, 0, queryInt(t, db, "SELECT count(*) FROM accounts"))
	})
}

// Tables of the same names that belong to something else are not touched.
func TestForeignTablesAreLeftAlone(t *testing.T) {
	onEngines(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
		execute(t, db, `CREATE TABLE accounts (account_id varchar(255) PRIMARY KEY, credential_type varchar(20), is_active boolean, last_used_at text)`)
		m := migrate.New(db, dialect, nil)
		_, err := m.Up(t.Context())
		require.ErrorIs(t, err, migrate.ErrForeignSchema)
		require.NotContains(t, err.Error(), "bad connection")
		require.Equal(t, migrate.SchemaUnadopted, schema(t, m), "nothing is left of the attempt")
	})
}

func TestUpWaitsForTheLock(t *testing.T) {
	onEngines(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
		ctx := t.Context()
		lock, err := db.BeginTx(ctx, nil)
		require.NoError(t, err)
		if dialect == sqlstore.Postgres {
			_, err = lock.ExecContext(ctx, "SELECT pg_advisory_xact_lock(8316291910694888056)")
			require.NoError(t, err)
		}
		impatient := migrate.New(db, dialect, &migrate.Options{LockTimeout: 50 * time.Millisecond})
		_, err = impatient.Up(ctx)
		require.ErrorIs(t, err, migrate.ErrLocked)

		patient := migrate.New(db, dialect, nil)
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err = patient.Up(short)
		require.Error(t, err)
		require.ErrorIs(t, short.Err(), context.DeadlineExceeded, "it gave up because its context was over")
		require.Equal(t, migrate.SchemaMissing, schema(t, patient))

		waited := make(chan error, 1)
		go func() {
			_, err := patient.Up(ctx)
			waited <- err
		}()
		require.NoError(t, lock.Rollback())
		require.NoError(t, <-waited)
		require.Equal(t, migrate.SchemaCurrent, schema(t, patient))
	})
}

func execute(t testing.TB, db *sql.DB, statement string, args ...any) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

func queryInt(t testing.TB, db *sql.DB, query string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}
