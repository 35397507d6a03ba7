package testdb_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/testdb"
)

// query opens the database, runs one query that returns one value, and closes it.
func query[T any](t *testing.T, driver, dsn, statement string) (value T) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.QueryRowContext(t.Context(), statement).Scan(&value))
	return value
}

func makeTable(dsn string) error {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(context.Background(), `CREATE TABLE accounts AS SELECT 7 AS n`)
	return errors.Join(err, db.Close())
}

func TestPostgreSQLIsEmptyEachTimeAndDropped(t *testing.T) {
	const tables = `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`
	first := testdb.PostgreSQL(t)
	require.NoError(t, makeTable(first))
	require.Equal(t, 1, query[int](t, "postgres", first, tables))

	var second string
	t.Run("second", func(t *testing.T) {
		second = testdb.PostgreSQL(t)
		require.NotEqual(t, first, second)
		require.Zero(t, query[int](t, "postgres", second, tables))
	})
	name := second[strings.LastIndex(second, "/")+1:]
	name, _, _ = strings.Cut(name, "?")
	require.False(t, query[bool](t, "postgres", first, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = '`+name+`')`))
}

func TestPostgreSQLTemplate(t *testing.T) {
	clone := testdb.PostgreSQLTemplate(t, makeTable)
	for range 2 {
		t.Run("clone", func(t *testing.T) {
			t.Parallel()
			require.Equal(t, 7, query[int](t, "postgres", clone(t), `DELETE FROM accounts RETURNING n`))
		})
	}
}

func TestSQLite(t *testing.T) {
	url := testdb.SQLite(t)
	path, ok := strings.CutPrefix(url, "sqlite:")
	require.True(t, ok, url)
	require.NoFileExists(t, path)
	require.Zero(t, query[int](t, "sqlite", path, `SELECT count(*) FROM sqlite_master`))
	require.NotEqual(t, url, testdb.SQLite(t))
}

// failing is a testing.TB that records a fatal failure instead of failing.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Errorf(format string, args ...any) { f.message = format + args[0].(string) }
func (f *failing) FailNow()                          { panic(f) }

func TestBadAdminURLFailsWithoutShowingIt(t *testing.T) {
	for _, dsn := range []string{"host=127.0.0.1 password=hunter2", "postgres://u:hunter2@127.0.0.1:port/x", "mysql://u:hunter2@h/x"} {
		t.Setenv("TEST_DATABASE_URL", dsn)
		f := &failing{TB: t}
		require.Panics(t, func() { testdb.PostgreSQL(f) })
		require.Contains(t, f.message, "TEST_DATABASE_URL is not a URL")
		require.NotContains(t, f.message, "hunter2")
	}
}

func BenchmarkPostgreSQLTemplateClone(b *testing.B) {
	clone := testdb.PostgreSQLTemplate(b, makeTable)
	for b.Loop() {
		clone(b)
	}
}
