package sqlstore_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

func TestOpenPostgresRefusesWithoutQuoting(t *testing.T) {
	for _, dsn := range []string{
		"postgres://u:hunter2@h:port/x", "postgres://u:hunt%er2@h/x", "host=h password='hunter2", "hunter2",
		"postgres://u@h/x?sslmode=hunter2", "postgres://u@h/x?connect_timeout=hunter2",
	} {
		_, err := sqlstore.OpenPostgres(dsn, 0)
		require.Error(t, err, dsn)
		require.NotContains(t, err.Error(), "hunt", dsn)
	}
}

func TestUnreachablePostgres(t *testing.T) {
	db := open(t, sqlstore.Postgres, "postgres://user:hunter2@127.0.0.1:1/x?sslmode=disable")
	store := newStore(t, sqlstore.Postgres, db)
	_, err := store.GetAccount(t.Context(), "a")
	require.ErrorIs(t, err, credstore.ErrUnavailable)
	require.NotContains(t, err.Error(), "hunter2")
	require.ErrorIs(t, store.CheckSchema(t.Context()), credstore.ErrUnavailable)
}

func TestOpenPostgresPool(t *testing.T) {
	for size, want := range map[int]int{0: sqlstore.DefaultPoolSize, -1: sqlstore.DefaultPoolSize, 3: 3} {
		db, err := sqlstore.OpenPostgres("host=a,b target_session_attrs=read-write", size)
		require.NoError(t, err)
		require.Equal(t, want, db.Stats().MaxOpenConnections)
		require.NoError(t, db.Close())
	}
}

func TestOpenSQLite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "odd name?#%41 'ü'.db")
	db := open(t, sqlstore.SQLite, path)
	require.NoError(t, migrateUp(db, sqlstore.SQLite))
	for pragma, want := range map[string]string{"journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "5000", "synchronous": "2"} {
		var got string
		require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file.Name())
		require.Contains(t, file.Name(), filepath.Base(path))
	}

	again := open(t, sqlstore.SQLite, path)
	require.NoError(t, newStore(t, sqlstore.SQLite, again).CheckSchema(t.Context()), "a file that is there stays as it is")
}

func TestOpenSQLiteRefused(t *testing.T) {
	for _, path := range []string{"", ":memory:", filepath.Join(t.TempDir(), "none", "x.db")} {
		_, err := sqlstore.OpenSQLite(path)
		require.Error(t, err, path)
	}
	notADatabase := filepath.Join(t.TempDir(), "x.db")
	require.NoError(t, os.WriteFile(notADatabase, []byte("this is no database, and long enough to be seen as none"), 0o600))
	store := newStore(t, sqlstore.SQLite, open(t, sqlstore.SQLite, notADatabase))
	require.ErrorIs(t, store.Ping(t.Context()), credstore.ErrDamaged)
	directory := newStore(t, sqlstore.SQLite, open(t, sqlstore.SQLite, t.TempDir()))
	require.ErrorIs(t, directory.Ping(t.Context()), credstore.ErrUnavailable)
}

// Behind a pooler that keeps no prepared statements lib/pq is used with binary_parameters.
func TestBinaryParameters(t *testing.T) {
	t.Parallel()
	url := engines[0].create(t)
	store := newStore(t, sqlstore.Postgres, open(t, sqlstore.Postgres, url+"&binary_parameters=yes"))
	addOAuth(t, store, "a")
	require.NoError(t, store.SaveTokens(t.Context(), "a", tokens("a").Refresh, tokens("new")))
	_, err := store.CreateTrain(t.Context(), credstore.NewTrain{ID: "main", ClientKeys: []credstore.Secret{credstore.NewSecret("k")}})
	require.NoError(t, err)
	require.NoError(t, store.ValidateClientKey(t.Context(), "main", credstore.NewSecret("k")))
	require.NoError(t, store.WriteLastUsed(t.Context(), map[string]time.Time{"a": time.Now()}))
	active := true
	require.Equal(t, 1, walkAccounts(t, store, credstore.AccountFilter{Active: &active, Search: "A", Sort: credstore.SortAccountLastUsed}, 1))
}
