package oauth_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/cachestore"
	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/oauth"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

func TestRefusedRefreshesOnceForAll(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, time.Hour, nil)
		w.provider.Behave(oauthtest.Behaviour{Delay: time.Second})
		refused := w.get()
		var callers sync.WaitGroup
		for i := range 100 {
			callers.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond) // some come when it is done
				cred, err := w.Refused(t.Context(), "acc_1", refused)
				if assert.NoError(t, err) {
					assert.True(t, w.provider.Valid(cred.Tokens.Access))
				}
			})
		}
		callers.Wait()
		require.Equal(t, oauthtest.Counts{Requests: 1, Rotations: 1}, w.counts())
	})
}

func TestRefusedUsesWhatIsStored(t *testing.T) {
	w := newWorld(t, time.Hour, nil)
	refused := w.get()
	tokens := w.login("acc_1", time.Hour)
	cred, err := w.Refused(t.Context(), "acc_1", refused)
	require.NoError(t, err)
	require.True(t, cred.Tokens.Access.Equal(tokens.Access))
	require.Zero(t, w.counts().Requests)
}

// The store's cache may still show the refused token when another process has
// refreshed; the lease tells.
func TestRefusedSeesThroughACache(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, time.Hour, nil)
		refused := w.get()
		w.store.lagBehind("acc_1", true)
		other := w.refresher()
		_, err := other.Refused(t.Context(), "acc_1", refused)
		require.NoError(t, err)
		for range 10 {
			cred, err := w.Refused(t.Context(), "acc_1", refused)
			require.NoError(t, err)
			w.requireFresh(cred)
		}
		require.Equal(t, 1, w.counts().Requests)
	})
}

// A caller who was refused must not be served by a flight that is content with
// the refused token.
func TestRefusedWhileAnotherFlightIsUnderWay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 30*time.Second, nil)
		old := w.store.stored("acc_1")
		w.store.lagBehind("acc_1", true) // says: 30 s left, so that Credential asks for the lease
		w.store.accounts["acc_1"].cred.Tokens.ExpiresAt = time.Now().Add(time.Hour)
		w.store.slow = time.Second

		var callers sync.WaitGroup
		callers.Go(func() { _, _ = w.Credential(t.Context(), "acc_1") })
		synctest.Wait() // it asks for the lease, and will be content with the stored token
		callers.Go(func() {
			cred, err := w.Refused(t.Context(), "acc_1", old)
			if assert.NoError(t, err) {
				assert.True(t, w.provider.Valid(cred.Tokens.Access))
				assert.False(t, cred.Tokens.Access.Equal(old.Tokens.Access))
			}
		})
		callers.Wait()
		require.Equal(t, 1, w.counts().Requests)
	})
}

// An API that refuses every token of an account must not make every request
// refresh.
func TestRefusedRightAfterARefresh(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, time.Hour, nil)
		cred, err := w.Refused(t.Context(), "acc_1", w.get())
		require.NoError(t, err)
		for range 50 {
			_, err = w.Refused(t.Context(), "acc_1", cred)
			require.ErrorIs(t, err, oauth.ErrRefused)
			time.Sleep(time.Second)
		}
		require.Equal(t, 1, w.counts().Requests)
		w.requireFresh(w.get())

		time.Sleep(time.Minute)
		again, err := w.Refused(t.Context(), "acc_1", cred)
		require.NoError(t, err)
		w.requireFresh(again)
		require.Equal(t, 2, w.counts().Requests)
	})
}

func TestRefusedAndRefreshFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, time.Hour, nil)
		refused := w.get()
		w.provider.Behave(oauthtest.Behaviour{Answer: oauthtest.ServerError})
		var cooling *oauth.CoolDownError
		for range 3 {
			_, err := w.Refused(t.Context(), "acc_1", refused)
			require.ErrorAs(t, err, &cooling, "the refused token is no good, although it has not expired")
		}
		require.Equal(t, 1, w.counts().Requests)

		time.Sleep(time.Minute)
		w.provider.Revoke("acc_1")
		w.provider.Behave(oauthtest.Behaviour{})
		_, err := w.Refused(t.Context(), "acc_1", refused)
		require.ErrorIs(t, err, credstore.ErrNeedsReauth)
		_, err = w.Refused(t.Context(), "acc_1", refused)
		require.ErrorIs(t, err, credstore.ErrNeedsReauth)
		require.Equal(t, 2, w.counts().Requests)
	})
}

func TestRefusedAPIKey(t *testing.T) {
	w := newWorld(t, time.Hour, nil)
	key := func(key string) *credstore.Credential {
		return &credstore.Credential{AccountID: "acc_1", Type: credstore.APIKey, APIKey: credstore.NewSecret(key)}
	}
	w.store.accounts["acc_1"].cred = *key("new")
	cred, err := w.Refused(t.Context(), "acc_1", key("old"))
	require.NoError(t, err)
	require.Equal(t, "new", cred.APIKey.Reveal(), "the key was rotated")

	_, err = w.Refused(t.Context(), "acc_1", key("new"))
	require.ErrorIs(t, err, oauth.ErrRefused)

	w.login("acc_1", time.Hour) // the account is of the other type now
	cred, err = w.Refused(t.Context(), "acc_1", key("new"))
	require.NoError(t, err)
	w.requireFresh(cred)
}

// Another process replaces a key and revokes the old one; the cache does not know.
func TestRefusedAPIKeyReadsPastTheCache(t *testing.T) {
	url := migrated(t, testdb.SQLite(t))
	open := func() credstore.Store {
		store, closeStore, err := openStore(url)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, closeStore()) })
		return store
	}
	admin := open().(credstore.AdminStore)
	_, err := admin.CreateAccount(t.Context(), credstore.NewAccount{
		ID: "acc_1", Name: "one", Type: credstore.APIKey, APIKey: credstore.NewSecret("old")})
	require.NoError(t, err)
	cache := cachestore.New(open(), &cachestore.Options{TTL: time.Hour})
	defer func() { require.NoError(t, cache.Close()) }()
	journal, err := oauth.OpenJournal(t.TempDir(), journalSealer())
	require.NoError(t, err)
	r := oauth.NewRefresher(cache, oauth.NewClient(nil), journal, nil)
	defer r.Close()

	old, err := r.Credential(t.Context(), "acc_1")
	require.NoError(t, err)
	_, err = admin.UpdateAccount(t.Context(), "acc_1", credstore.AccountUpdate{APIKey: credstore.NewSecret("new")})
	require.NoError(t, err)
	better, err := r.Refused(t.Context(), "acc_1", old)
	require.NoError(t, err)
	require.Equal(t, "new", better.APIKey.Reveal())
	_, err = r.Refused(t.Context(), "acc_1", better)
	require.ErrorIs(t, err, oauth.ErrRefused)
}
