package selection_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/cachestore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/migrate"
	"github.com/signalbox-go/signalbox/selection"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Names whose order differs between byte order and that of a database's locale.
var backendAccounts = []string{"a", "B", "a-1", "A_1", "a.1", "a:1", "b", "C", "prod", "Prod-2"}

// Every backend gives every train the same accounts, with and without a cache.
func TestSameAnswerInEveryBackend(t *testing.T) {
	trains := trainIDs(20)
	for name, store := range map[string]credstore.Store{
		"files":      openFiles(t, trains),
		"SQLite":     openSQL(t, sqlstore.SQLite, trains),
		"PostgreSQL": openSQL(t, sqlstore.Postgres, trains),
	} {
		cache := cachestore.New(store, nil)
		for _, train := range trains {
			want := selection.Rank(train, backendAccounts)
			for _, from := range []selection.Store{store, cache, cache} {
				got, err := selection.New(from, nil).Candidates(t.Context(), train, "")
				require.NoError(t, err, name)
				require.Equal(t, want, names(got), "%s, %s", name, train)
			}
		}
		if admin, ok := store.(credstore.AdminStore); ok {
			requireMappedOrder(t, admin, trains[0])
		}
		require.NoError(t, cache.Close())
	}
}

// requireMappedOrder maps all accounts to the train with one priority.
func requireMappedOrder(t *testing.T, store credstore.AdminStore, train string) {
	t.Helper()
	for _, name := range backendAccounts {
		require.NoError(t, store.AddMapping(t.Context(), train, "acc_"+name, 7))
	}
	got, err := selection.New(store, nil).Candidates(t.Context(), train, "")
	require.NoError(t, err)
	require.Equal(t, selection.Rank(train, backendAccounts), names(got))
}

func openFiles(t *testing.T, trains []string) credstore.Store {
	t.Helper()
	accounts, keys := t.TempDir(), t.TempDir()
	for _, name := range backendAccounts {
		content := fmt.Sprintf(`{"type": "api_key", "accountId": "acc_%s", "api_key": "sk-ant-1"}`, name)
		require.NoError(t, os.WriteFile(filepath.Join(accounts, name+".credentials.json"), []byte(content), 0o600))
	}
	for _, train := range trains {
		require.NoError(t, os.WriteFile(filepath.Join(keys, train+".client-keys.json"), []byte(`{"keys": ["cnp_1"]}`), 0o600))
	}
	store, err := filestore.Open(accounts, keys, nil)
	require.NoError(t, err)
	return store
}

func openSQL(t *testing.T, dialect sqlstore.Dialect, trains []string) credstore.Store {
	t.Helper()
	var db *sql.DB
	var err error
	if dialect == sqlstore.Postgres {
		db, err = sqlstore.OpenPostgres(testdb.PostgreSQL(t), 0)
	} else {
		db, err = sqlstore.OpenSQLite(strings.TrimPrefix(testdb.SQLite(t), "sqlite:"))
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = migrate.New(db, dialect, nil).Up(t.Context())
	require.NoError(t, err)

	sealer, err := crypto.NewSealer(strings.Repeat("k", 32), &crypto.SealerOptions{ReuseSalt: true})
	require.NoError(t, err)
	t.Cleanup(sealer.Close)
	store := sqlstore.New(db, dialect, sealer, nil)
	for _, name := range backendAccounts {
		_, err := store.CreateAccount(t.Context(), credstore.NewAccount{
			ID: "acc_" + name, Name: name, Type: credstore.APIKey, APIKey: credstore.NewSecret("sk-ant-1"),
		})
		require.NoError(t, err)
	}
	for _, train := range trains {
		_, err := store.CreateTrain(t.Context(), credstore.NewTrain{ID: train})
		require.NoError(t, err)
	}
	return store
}
