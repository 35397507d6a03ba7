package credstoretest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var storeTests = []test{
	{name: "Ping", run: testPing},
	{name: "EndedContext", run: testEndedContext},
	{name: "EndedContextAdmin", run: testEndedContextAdmin, requires: needs(admin)},
	{name: "OtherProcess", run: testOtherProcess},
	{name: "OtherProcessLeases", run: testOtherProcessLeases},
	{name: "OtherProcessAdmin", run: testOtherProcessAdmin, requires: needs(admin)},
	{name: "CloseWritesLastUsed", run: testCloseWritesLastUsed, requires: needs(lastUsed)},
	{name: "Events", run: testEvents, requires: needs(events)},
	{name: "EventsAdmin", run: testEventsAdmin, requires: needs(events, admin)},
	{name: "EventsEnd", run: testEventsEnd, requires: needs(events)},
}

func testPing(t *testing.T, f *Fixture) {
	require.NoError(t, f.Store.Ping(t.Context()))
}

// endedContexts are a cancelled one and one past its deadline.
func endedContexts(t testing.TB) map[error]context.Context {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	t.Cleanup(cancel)
	return map[error]context.Context{context.Canceled: cancelled, context.DeadlineExceeded: late}
}

func testEndedContext(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	f.addTrain(t, train("main"))
	s := f.Store
	for want, ctx := range endedContexts(t) {
		for name, call := range map[string]func() error{
			"ListAccountNames": func() error { _, err := s.ListAccountNames(ctx, credstore.PageRequest{}); return err },
			"ListAccounts": func() error {
				_, err := s.ListAccounts(ctx, credstore.AccountFilter{}, credstore.PageRequest{})
				return err
			},
			"CountAccounts":    func() error { _, err := s.CountAccounts(ctx, credstore.AccountFilter{}); return err },
			"GetAccount":       func() error { _, err := s.GetAccount(ctx, "acc_a"); return err },
			"GetAccountByName": func() error { _, err := s.GetAccountByName(ctx, "a"); return err },
			"ListTrains": func() error {
				_, err := s.ListTrains(ctx, credstore.TrainFilter{}, credstore.PageRequest{})
				return err
			},
			"CountTrains":       func() error { _, err := s.CountTrains(ctx, credstore.TrainFilter{}); return err },
			"GetTrain":          func() error { _, err := s.GetTrain(ctx, "main"); return err },
			"ListClientKeys":    func() error { _, err := s.ListClientKeys(ctx, "main", credstore.PageRequest{}); return err },
			"ListMappings":      func() error { _, err := s.ListMappings(ctx, "main", credstore.PageRequest{}); return err },
			"GetSlackConfig":    func() error { _, err := s.GetSlackConfig(ctx, "main"); return err },
			"ValidateClientKey": func() error { return s.ValidateClientKey(ctx, "main", clientKey("main")) },
			"ClientKeyHashes":   func() error { _, err := s.ClientKeyHashes(ctx, "main"); return err },
			"GetRoute":          func() error { _, err := s.GetRoute(ctx, "main"); return err },
			"ActiveAccounts":    func() error { _, err := s.ActiveAccounts(ctx); return err },
			"GetCredential":     func() error { _, err := s.GetCredential(ctx, "acc_a"); return err },
			"AcquireLease":      func() error { _, err := s.AcquireLease(ctx, "acc_a", "me", time.Hour); return err },
			"ReleaseLease":      func() error { return s.ReleaseLease(ctx, "acc_a", "me") },
			"SaveTokens":        func() error { return s.SaveTokens(ctx, "acc_a", tokens("a").Refresh, tokens("new")) },
			"MarkNeedsReauth":   func() error { return s.MarkNeedsReauth(ctx, "acc_a", tokens("a").Refresh, "invalid_grant") },
			"Ping":              func() error { return s.Ping(ctx) },
		} {
			require.ErrorIs(t, call(), want, name)
		}
	}
	requireTokens(t, tokens("a"), f.stored(t, "acc_a").Tokens)
	f.requireMark(t, false)
}

func testEndedContextAdmin(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	before := f.dump(t)
	for want, ctx := range endedContexts(t) {
		for _, change := range changes {
			require.ErrorIs(t, change.run(ctx, f.Admin), want, change.name)
		}
		require.ErrorIs(t, f.Admin.AppendAudit(ctx, credstore.AuditEvent{Action: "login", ObjectType: "operator", ObjectID: "o"}), want)
		_, err := f.Admin.ListAudit(ctx, credstore.AuditFilter{}, credstore.PageRequest{})
		require.ErrorIs(t, err, want)
	}
	require.Equal(t, before, f.dump(t))
}

// Two stores on the same data see each other's writes.
func testOtherProcess(t *testing.T, f *Fixture) {
	other := f.Reopen(t)
	f.addAccounts(t, oauthAccount("a"))
	f.addTrain(t, train("main"))
	require.NoError(t, other.ValidateClientKey(t.Context(), "main", clientKey("main")))

	require.NoError(t, other.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("theirs")))
	requireTokens(t, tokens("theirs"), f.stored(t, "acc_a").Tokens)
	require.ErrorIs(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("ours")), credstore.ErrConflict)
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("theirs").Refresh, tokens("ours")))
	lease, err := other.AcquireLease(t.Context(), "acc_a", "theirs", time.Millisecond)
	require.NoError(t, err)
	requireTokens(t, tokens("ours"), lease.Credential.Tokens)

	require.NoError(t, other.MarkNeedsReauth(t.Context(), "acc_a", tokens("ours").Refresh, "invalid_grant"))
	f.requireMark(t, true)
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("ours").Refresh, tokens("again")))
	account, err := other.GetAccount(t.Context(), "acc_a")
	require.NoError(t, err)
	require.False(t, account.NeedsReauth())
}

func testOtherProcessLeases(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	stores := []credstore.Store{f.Store, f.Reopen(t)}
	require.True(t, f.acquire(t, "me", time.Hour).Acquired)
	lease, err := stores[1].AcquireLease(t.Context(), "acc_a", "other", time.Hour)
	require.NoError(t, err)
	require.False(t, lease.Acquired)
	require.NoError(t, f.Store.ReleaseLease(t.Context(), "acc_a", "me"))

	acquired := make([]bool, 20)
	var group sync.WaitGroup
	for i := range acquired {
		group.Go(func() {
			lease, err := stores[i%2].AcquireLease(t.Context(), "acc_a", string(rune('a'+i)), time.Hour)
			acquired[i] = err == nil && lease.Acquired
		})
	}
	group.Wait()
	total := 0
	for _, one := range acquired {
		if one {
			total++
		}
	}
	require.Equal(t, 1, total)
}

func testOtherProcessAdmin(t *testing.T, f *Fixture) {
	other := f.Reopen(t)
	f.addAccounts(t, apiKeyAccount("a"))
	f.addTrain(t, train("main"))
	require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_a", 1))
	route, err := other.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	require.Len(t, route.Mappings, 1)
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_a", false))
	require.NoError(t, f.Admin.RemoveMapping(t.Context(), "main", "acc_a", true))
	_, err = other.GetCredential(t.Context(), "acc_a")
	require.ErrorIs(t, err, credstore.ErrInactive)
	route, err = other.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	require.Empty(t, route.Mappings)
}

func testCloseWritesLastUsed(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"))
	other := f.Reopen(t)
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond)
	f.Store.TouchLastUsed("acc_a", at)
	require.NoError(t, f.Store.Close())
	account, err := other.GetAccount(t.Context(), "acc_a")
	require.NoError(t, err)
	require.Equal(t, at, account.LastUsedAt)
	require.NoError(t, f.Store.Close(), "closing twice is no error")
	f.Store.TouchLastUsed("acc_a", time.Now()) // and no panic
}

// A recorder collects events.
type recorder struct {
	mu     sync.Mutex
	events []credstore.Event
}

func (r *recorder) handle(event credstore.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, event)
}

// take returns what was collected, and starts anew.
func (r *recorder) take() []credstore.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// A change's event comes after the change can be read and before the method returns.
func testEvents(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	other := f.Reopen(t)
	var recorded recorder
	var seen string
	stop := f.Store.(credstore.Notifier).Subscribe(func(event credstore.Event) {
		recorded.handle(event)
		if credential, err := other.GetCredential(t.Context(), "acc_a"); err == nil {
			seen = credential.Tokens.Access.Reveal()
		}
	})
	defer stop()
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("new")))
	require.Contains(t, recorded.take(), credstore.Event{Kind: credstore.EventAccount, ID: "acc_a"})
	require.Equal(t, tokens("new").Access.Reveal(), seen)
	require.NoError(t, f.Store.MarkNeedsReauth(t.Context(), "acc_a", tokens("new").Refresh, "invalid_grant"))
	require.Contains(t, recorded.take(), credstore.Event{Kind: credstore.EventAccount, ID: "acc_a"})
}

func testEventsAdmin(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	var recorded recorder
	stop := f.Admin.(credstore.Notifier).Subscribe(recorded.handle)
	defer stop()
	for _, change := range changes {
		require.NoError(t, change.run(t.Context(), f.Admin), change.name)
		require.Equal(t, change.events, recorded.take(), change.name)
	}
}

func testEventsEnd(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	var first, second recorder
	stopFirst := f.Store.(credstore.Notifier).Subscribe(first.handle)
	stopSecond := f.Store.(credstore.Notifier).Subscribe(second.handle)
	stopFirst()
	stopFirst()
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("new")))
	require.Empty(t, first.take())
	require.NotEmpty(t, second.take())
	stopSecond()
}
