package cachestore_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/cachestore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/selection"
)

// forTheTest keeps entries for longer than any test takes: what changes earlier
// was invalidated.
var forTheTest = &cachestore.Options{TTL: time.Hour, NegativeTTL: time.Hour}

// newCache makes a cache in front of store, closed when the test ends.
func newCache(t testing.TB, store credstore.Store, opts *cachestore.Options) *cachestore.Store {
	t.Helper()
	cache := cachestore.New(store, opts)
	t.Cleanup(func() { require.NoError(t, cache.Close()) })
	return cache
}

func TestAdministrativeChangesAreSeenAtOnce(t *testing.T) {
	ctx := t.Context()
	store := openStore(t, newDatabase(t))
	cache := newCache(t, store, forTheTest)
	selector := selection.New(cache, nil)
	candidates := func() []string {
		t.Helper()
		accounts, err := selector.Candidates(ctx, "train", "")
		if err != nil {
			return []string{err.Error()}
		}
		var names []string
		for _, account := range accounts {
			names = append(names, account.Name)
		}
		return names
	}
	key, other := clientKey("train", 0), credstore.NewSecret("cnp_live_other")

	require.ErrorIs(t, cache.ValidateClientKey(ctx, "train", key), credstore.ErrUnauthorized)
	_, err := cache.GetRoute(ctx, "train")
	require.ErrorIs(t, err, credstore.ErrNotFound)
	blue := addAccount(t, store, "blue")
	addTrain(t, store, "train", 1)
	require.NoError(t, cache.ValidateClientKey(ctx, "train", key))
	require.Equal(t, []string{"blue"}, candidates())

	red := addAccount(t, store, "red")
	require.Equal(t, selection.Rank("train", []string{"blue", "red"}), candidates())
	require.NoError(t, store.AddMapping(ctx, "train", red.ID, 0))
	require.Equal(t, []string{"red"}, candidates())
	require.NoError(t, store.SetDefaultAccount(ctx, "train", blue.ID, false))
	require.Equal(t, []string{"blue", "red"}, candidates())

	credential, err := cache.GetCredential(ctx, blue.ID)
	require.NoError(t, err)
	require.Equal(t, "sk-ant-blue", credential.APIKey.Reveal())
	name := "azure"
	_, err = store.UpdateAccount(ctx, blue.ID, credstore.AccountUpdate{Name: &name, APIKey: credstore.NewSecret("sk-ant-azure")})
	require.NoError(t, err)
	require.Equal(t, []string{"azure", "red"}, candidates())
	credential, err = cache.GetCredential(ctx, blue.ID)
	require.NoError(t, err)
	require.Equal(t, "sk-ant-azure", credential.APIKey.Reveal())

	require.NoError(t, store.DeactivateAccount(ctx, blue.ID, false))
	require.Equal(t, []string{"red"}, candidates())
	_, err = cache.GetCredential(ctx, blue.ID)
	require.ErrorIs(t, err, credstore.ErrInactive)
	require.NoError(t, store.ReactivateAccount(ctx, blue.ID))
	_, err = cache.GetCredential(ctx, blue.ID)
	require.NoError(t, err)

	_, err = store.AddClientKeys(ctx, "train", other)
	require.NoError(t, err)
	require.NoError(t, cache.ValidateClientKey(ctx, "train", other))
	require.NoError(t, store.RevokeClientKey(ctx, "train", credstore.HashClientKey(key)))
	require.ErrorIs(t, cache.ValidateClientKey(ctx, "train", key), credstore.ErrUnauthorized)

	require.NoError(t, store.DeactivateTrain(ctx, "train"))
	require.ErrorIs(t, cache.ValidateClientKey(ctx, "train", other), credstore.ErrUnauthorized)
	_, err = cache.ClientKeyHashes(ctx, "train")
	require.ErrorIs(t, err, credstore.ErrInactive)
	_, err = selector.Candidates(ctx, "train", "")
	require.ErrorIs(t, err, credstore.ErrInactive)
	require.NoError(t, store.ReactivateTrain(ctx, "train"))
	require.NoError(t, cache.ValidateClientKey(ctx, "train", other))
}

func addOAuthAccount(t testing.TB, store credstore.AdminStore, name string) (id string, refresh credstore.Secret) {
	t.Helper()
	refresh = credstore.NewSecret("refresh-" + name)
	account, err := store.CreateAccount(t.Context(), credstore.NewAccount{
		Name: name, Type: credstore.OAuth,
		Tokens: credstore.Tokens{Access: credstore.NewSecret("access-" + name), Refresh: refresh},
	})
	require.NoError(t, err)
	return account.ID, refresh
}

// silent hides the store's events: of a store that has none, the cache sees its
// own writes all the same.
type silent struct{ credstore.Store }

func TestOwnWritesAreSeenAtOnce(t *testing.T) {
	ctx := t.Context()
	store := openStore(t, newDatabase(t))
	id, refresh := addOAuthAccount(t, store, "oauth")
	addTrain(t, store, "train", 1, credstore.AccountRef{ID: id})
	cache := newCache(t, silent{store}, forTheTest)
	needsReauth := func() [3]bool {
		t.Helper()
		credential, err := cache.GetCredential(ctx, id)
		require.NoError(t, err)
		route, err := cache.GetRoute(ctx, "train")
		require.NoError(t, err)
		active, err := cache.ActiveAccounts(ctx)
		require.NoError(t, err)
		return [3]bool{credential.NeedsReauth, route.Mappings[0].Account.NeedsReauth, active[0].NeedsReauth}
	}

	require.Equal(t, [3]bool{}, needsReauth())
	require.NoError(t, cache.MarkNeedsReauth(ctx, id, refresh, "invalid_grant"))
	require.Equal(t, [3]bool{true, true, true}, needsReauth())

	next := credstore.Tokens{Access: credstore.NewSecret("access-2"), Refresh: credstore.NewSecret("refresh-2")}
	require.NoError(t, cache.SaveTokens(ctx, id, refresh, next))
	require.Equal(t, [3]bool{}, needsReauth())
	credential, err := cache.GetCredential(ctx, id)
	require.NoError(t, err)
	require.Equal(t, "access-2", credential.Tokens.Access.Reveal())

	require.ErrorIs(t, cache.SaveTokens(ctx, id, refresh, credstore.Tokens{
		Access: credstore.NewSecret("access-3"), Refresh: credstore.NewSecret("refresh-3"),
	}), credstore.ErrConflict)
	require.Equal(t, [3]bool{}, needsReauth())
}

func TestChangesOfAnotherProcess(t *testing.T) {
	ctx := t.Context()
	path := newDatabase(t)
	here, there := openStore(t, path), openStore(t, path)
	addTrain(t, here, "train", 2)
	cache := newCache(t, here, &cachestore.Options{TTL: 50 * time.Millisecond})
	slow := newCache(t, openStore(t, path), forTheTest)
	key := clientKey("train", 0)
	require.NoError(t, cache.ValidateClientKey(ctx, "train", key))
	require.NoError(t, slow.ValidateClientKey(ctx, "train", key))

	require.NoError(t, there.RevokeClientKey(ctx, "train", credstore.HashClientKey(key)))
	require.Eventually(t, func() bool { return cache.ValidateClientKey(ctx, "train", key) != nil },
		time.Minute, time.Millisecond, "a TTL after the change it counts")

	require.NoError(t, slow.ValidateClientKey(ctx, "train", key), "within the TTL nothing tells of the change")
	slow.Handle(credstore.Event{Kind: credstore.EventTrain, ID: "another"})
	require.NoError(t, slow.ValidateClientKey(ctx, "train", key))
	slow.Handle(credstore.Event{Kind: credstore.EventTrain, ID: "train"})
	require.ErrorIs(t, slow.ValidateClientKey(ctx, "train", key), credstore.ErrUnauthorized)

	require.NoError(t, there.DeactivateTrain(ctx, "train"))
	require.ErrorIs(t, slow.ValidateClientKey(ctx, "train", key), credstore.ErrUnauthorized)
	require.NoError(t, slow.ValidateClientKey(ctx, "train", clientKey("train", 1)))
	slow.Handle(credstore.Event{})
	require.ErrorIs(t, slow.ValidateClientKey(ctx, "train", clientKey("train", 1)), credstore.ErrUnauthorized)
}

func TestIdenticalValuesWhileNothingChanges(t *testing.T) {
	ctx := t.Context()
	store := openStore(t, newDatabase(t))
	account := addAccount(t, store, "account")
	addTrain(t, store, "mapped", 2, account)
	require.NoError(t, store.SetDefaultAccount(ctx, "mapped", account.ID, false))
	addTrain(t, store, "open", 0)
	cache := newCache(t, store, forTheTest)
	selector := selection.New(cache, nil)
	pointers := func() []any {
		t.Helper()
		route, err := cache.GetRoute(ctx, "mapped")
		require.NoError(t, err)
		hashes, err := cache.ClientKeyHashes(ctx, "mapped")
		require.NoError(t, err)
		active, err := cache.ActiveAccounts(ctx)
		require.NoError(t, err)
		credential, err := cache.GetCredential(ctx, account.ID)
		require.NoError(t, err)
		order, err := selector.Candidates(ctx, "open", "")
		require.NoError(t, err)
		return []any{route, &hashes[0], &active[0], credential, &order[0]}
	}

	first := pointers()
	loads := cache.Stats().Loads
	for i, pointer := range pointers() {
		require.Same(t, first[i], pointer)
	}
	require.Equal(t, loads, cache.Stats().Loads)

	cache.Handle(credstore.Event{Kind: credstore.EventFlush})
	for i, pointer := range pointers() {
		require.Same(t, first[i], pointer, "what is stored is the same as before")
	}
	require.Equal(t, 2*loads, cache.Stats().Loads)
}

// gated holds the first credential back after it was read.
type gated struct {
	*sqlstore.Store
	held    atomic.Bool
	reading chan struct{} // closed when it has been read
	release chan struct{} // to be closed when it may be returned
}

func (g *gated) GetCredential(ctx context.Context, accountID string) (*credstore.Credential, error) {
	credential, err := g.Store.GetCredential(ctx, accountID)
	if g.held.CompareAndSwap(false, true) {
		close(g.reading)
		<-g.release
	}
	return credential, err
}

func TestChangeDuringALoad(t *testing.T) {
	ctx := t.Context()
	store := openStore(t, newDatabase(t))
	account := addAccount(t, store, "account")
	behind := &gated{Store: store, reading: make(chan struct{}), release: make(chan struct{})}
	cache := newCache(t, behind, forTheTest)
	apiKey := func() string {
		credential, err := cache.GetCredential(ctx, account.ID)
		if err != nil {
			return err.Error()
		}
		return credential.APIKey.Reveal()
	}

	early := make(chan string)
	go func() { early <- apiKey() }()
	<-behind.reading
	_, err := store.UpdateAccount(ctx, account.ID, credstore.AccountUpdate{APIKey: credstore.NewSecret("sk-ant-new")})
	require.NoError(t, err)

	require.Equal(t, "sk-ant-new", apiKey(), "asked after the change, while the earlier load is under way")
	close(behind.release)
	require.Equal(t, "sk-ant-account", <-early, "asked before the change")
	require.Equal(t, "sk-ant-new", apiKey(), "the earlier load has put the old key back")
}

func TestAThousandRequestsLoadOnce(t *testing.T) {
	ctx := t.Context()
	store := openStore(t, newDatabase(t))
	account := addAccount(t, store, "account")
	addTrain(t, store, "train", 1, account)
	cache := newCache(t, store, forTheTest)
	key := clientKey("train", 0)

	var requests sync.WaitGroup
	start := make(chan struct{})
	errs := make(chan error, 2000)
	for range 1000 {
		requests.Go(func() {
			<-start
			errs <- cache.ValidateClientKey(ctx, "train", key)
			_, err := cache.GetCredential(ctx, account.ID)
			errs <- err
		})
	}
	close(start)
	requests.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	stats := cache.Stats()
	require.EqualValues(t, 2, stats.Loads)
	require.EqualValues(t, 2000, stats.Hits+stats.Misses)
}

func TestAFaultyStoreLetsNobodyIn(t *testing.T) {
	ctx := t.Context()
	path := newDatabase(t)
	store := openStore(t, path)
	account := addAccount(t, store, "account")
	addTrain(t, store, "train", 1, account)
	db, err := sqlstore.OpenSQLite(path)
	require.NoError(t, err)
	cache := newCache(t, sqlstore.New(db, sqlstore.SQLite, sealer(), &sqlstore.Options{QueryTimeout: 30 * time.Second}), forTheTest)
	ask := map[string]func() error{
		"validate": func() error { return cache.ValidateClientKey(ctx, "train", clientKey("train", 0)) },
		"hashes":   func() error { _, err := cache.ClientKeyHashes(ctx, "train"); return err },
		"route":    func() error { _, err := cache.GetRoute(ctx, "train"); return err },
		"active":   func() error { _, err := cache.ActiveAccounts(ctx); return err },
		"secret":   func() error { _, err := cache.GetCredential(ctx, account.ID); return err },
		"select":   func() error { _, err := selection.New(cache, nil).Candidates(ctx, "train", ""); return err },
		"select even for unknown trains": func() error {
			_, err := selection.New(cache, &selection.Options{AllowUnknownTrains: true}).Candidates(ctx, "unknown", "")
			return err
		},
	}
	for name, call := range ask {
		require.NoError(t, call(), name)
	}
	require.NoError(t, db.Close())
	cache.Handle(credstore.Event{})
	for name, call := range ask {
		require.ErrorIs(t, call(), credstore.ErrUnavailable, name)
	}
}

func TestIDsAreChecked(t *testing.T) {
	ctx := t.Context()
	cache := newCache(t, openStore(t, newDatabase(t)), nil)
	for _, id := range []string{"", "a b", "../x"} {
		_, err := cache.GetRoute(ctx, id)
		require.ErrorIs(t, err, credstore.ErrInvalidID)
		_, err = cache.ClientKeyHashes(ctx, id)
		require.ErrorIs(t, err, credstore.ErrInvalidID)
		_, err = cache.GetCredential(ctx, id)
		require.ErrorIs(t, err, credstore.ErrInvalidID)
		require.ErrorIs(t, cache.ValidateClientKey(ctx, id, clientKey("train", 0)), credstore.ErrUnauthorized)
	}
	require.Zero(t, cache.Stats().Loads)
}

func TestWarmRequestsAllocateLittle(t *testing.T) {
	ctx := t.Context()
	store := openStore(t, newDatabase(t))
	account := addAccount(t, store, "account")
	addTrain(t, store, "train", 20, account)
	cache := newCache(t, store, forTheTest)
	selector := selection.New(cache, nil)
	key := clientKey("train", 19)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		_ = cache.ValidateClientKey(ctx, "train", key)
		accounts, _ := selector.Candidates(ctx, "train", "")
		_, _ = cache.GetCredential(ctx, accounts[0].ID)
	}), 3.0)
}

func TestCloseClosesTheStoreBehind(t *testing.T) {
	store := openStore(t, newDatabase(t))
	account := addAccount(t, store, "account")
	cache := cachestore.New(store, nil)
	used := time.Now().UTC().Truncate(time.Microsecond)
	cache.TouchLastUsed(account.ID, used)
	require.NoError(t, cache.Close(), "writes what is waiting to be written")
	got, err := store.GetAccount(t.Context(), account.ID)
	require.NoError(t, err)
	require.Equal(t, used, got.LastUsedAt)
	_, err = cache.GetCredential(t.Context(), account.ID)
	require.ErrorIs(t, err, credstore.ErrUnavailable)
}
