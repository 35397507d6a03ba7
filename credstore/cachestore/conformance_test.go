package cachestore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/cachestore"
	"github.com/signalbox-go/signalbox/credstore/credstoretest"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

func TestConformance(t *testing.T) {
	credstoretest.RunRequests(t, credstoretest.Harness{New: newFixture})
}

func newFixture(t *testing.T) *credstoretest.Fixture {
	path := newDatabase(t)
	db, err := sqlstore.OpenSQLite(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	store := sqlstore.New(db, sqlstore.SQLite, sealer(), &sqlstore.Options{QueryTimeout: 30 * time.Second})
	cache := cachestore.New(store, forTheTest)
	t.Cleanup(func() { _ = cache.Close() }) // fails where the test has broken the store
	// What happens behind the store's back, an event has to tell.
	flush := func() { cache.Handle(credstore.Event{Kind: credstore.EventFlush}) }
	return &credstoretest.Fixture{
		Store: cache,
		Admin: store,
		Damage: func(t testing.TB, accountID string) {
			defer flush()
			_, err := db.ExecContext(t.Context(), `UPDATE accounts SET api_key_encrypted = 'x' || api_key_encrypted,
				oauth_access_token_encrypted = 'x' || oauth_access_token_encrypted WHERE account_id = ?`, accountID)
			require.NoError(t, err)
		},
		Break: func(t testing.TB) {
			defer flush()
			require.NoError(t, db.Close())
		},
	}
}
