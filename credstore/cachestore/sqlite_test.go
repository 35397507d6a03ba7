package cachestore_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/migrate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sealer derives one key for all tests, which makes them quick.
var sealer = sync.OnceValue(func() *crypto.Sealer {
	sealer, err := crypto.NewSealer(strings.Repeat("k", 32), &crypto.SealerOptions{ReuseSalt: true})
	if err != nil {
		panic(err)
	}
	return sealer
})

// newDatabase makes an SQLite file with the schema in place, and returns its path.
func newDatabase(t testing.TB) (path string) {
	t.Helper()
	path = strings.TrimPrefix(testdb.SQLite(t), "sqlite:")
	db, err := sqlstore.OpenSQLite(path)
	require.NoError(t, err)
	defer db.Close()
	_, err = migrate.New(db, sqlstore.SQLite, nil).Up(t.Context())
	require.NoError(t, err)
	return path
}

// openStore opens the database once more, as another process would.
func openStore(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	db, err := sqlstore.OpenSQLite(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	store := sqlstore.New(db, sqlstore.SQLite, sealer(), &sqlstore.Options{QueryTimeout: 30 * time.Second})
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func addAccount(t testing.TB, store credstore.AdminStore, name string) credstore.AccountRef {
	t.Helper()
	account, err := store.CreateAccount(t.Context(), credstore.NewAccount{
		Name: name, Type: credstore.APIKey, APIKey: credstore.NewSecret("sk-ant-" + name),
	})
	require.NoError(t, err)
	return credstore.AccountRef{ID: account.ID, Name: name, Type: credstore.APIKey, Active: true}
}

func clientKey(trainID string, i int) credstore.Secret {
	return credstore.NewSecret(fmt.Sprintf("cnp_live_%s_%032d", trainID, i))
}

func addTrain(t testing.TB, store credstore.AdminStore, trainID string, clientKeys int, mapped ...credstore.AccountRef) {
	t.Helper()
	train := credstore.NewTrain{ID: trainID}
	for i := range clientKeys {
		train.ClientKeys = append(train.ClientKeys, clientKey(trainID, i))
	}
	_, err := store.CreateTrain(t.Context(), train)
	require.NoError(t, err)
	for _, account := range mapped {
		require.NoError(t, store.AddMapping(t.Context(), trainID, account.ID, 0))
	}
}
