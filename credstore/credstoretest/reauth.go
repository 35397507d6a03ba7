package credstoretest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var reauthTests = []test{
	{name: "Mark", run: testMark},
	{name: "MarkTwice", run: testMarkTwice},
	{name: "MarkConflict", run: testMarkConflict},
	{name: "MarkRefused", run: testMarkRefused},
	{name: "VoidAfterSave", run: testMarkVoidAfterSave},
	{name: "VoidAfterRotation", run: testMarkVoidAfterRotation, requires: needs(admin)},
	{name: "StaysOtherwise", run: testMarkStays, requires: needs(admin)},
	{name: "Route", run: testMarkInRoute, requires: needs(admin, mappings)},
}

// mark marks acc_a, whose tokens have that label.
func (f *Fixture) mark(t testing.TB, label string) {
	t.Helper()
	require.NoError(t, f.Store.MarkNeedsReauth(t.Context(), "acc_a", tokens(label).Refresh, "invalid_grant"))
}

// requireMark checks everything that shows the mark of acc_a, the only account.
func (f *Fixture) requireMark(t testing.TB, marked bool) {
	t.Helper()
	account := f.account(t, "acc_a")
	require.Equal(t, marked, account.NeedsReauth())
	require.Equal(t, marked, account.ReauthReason == "invalid_grant")
	require.Equal(t, marked, f.stored(t, "acc_a").NeedsReauth)
	accounts, err := f.Store.ActiveAccounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, marked, accounts[0].NeedsReauth)
	lease, err := f.Store.AcquireLease(t.Context(), "acc_a", "me", time.Hour)
	require.NoError(t, err)
	require.Equal(t, marked, lease.Credential.NeedsReauth)
	for _, reauth := range []bool{true, false} {
		count, err := f.Store.CountAccounts(t.Context(), credstore.AccountFilter{Reauth: &reauth})
		require.NoError(t, err)
		require.Equal(t, reauth == marked, count == 1)
	}
}

func testMark(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	f.requireMark(t, false)
	f.mark(t, "a")
	f.requireMark(t, true)
	require.WithinDuration(t, time.Now(), f.account(t, "acc_a").ReauthSince, 10*time.Minute)
	requireTokens(t, tokens("a"), f.stored(t, "acc_a").Tokens)
}

func testMarkTwice(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	f.mark(t, "a")
	since := f.account(t, "acc_a").ReauthSince
	f.mark(t, "a")
	require.Equal(t, since, f.account(t, "acc_a").ReauthSince)
}

func testMarkConflict(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("new")))
	err := f.Store.MarkNeedsReauth(t.Context(), "acc_a", tokens("a").Refresh, "invalid_grant")
	require.ErrorIs(t, err, credstore.ErrConflict, "nothing is wrong with the new token")
	require.NotContains(t, err.Error(), "sk-ant-")
	f.requireMark(t, false)
}

func testMarkRefused(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	err := f.Store.MarkNeedsReauth(t.Context(), "acc_b", tokens("a").Refresh, "invalid_grant")
	require.ErrorIs(t, err, credstore.ErrNotFound)
	err = f.Store.MarkNeedsReauth(t.Context(), "acc a", tokens("a").Refresh, "invalid_grant")
	require.ErrorIs(t, err, credstore.ErrInvalidID)
}

func testMarkVoidAfterSave(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	f.mark(t, "a")
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("new")))
	f.requireMark(t, false)
	f.mark(t, "new")
	f.requireMark(t, true)
}

func testMarkVoidAfterRotation(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	f.mark(t, "a")
	fresh := tokens("new")
	_, err := f.Admin.UpdateAccount(t.Context(), "acc_a",
		credstore.AccountUpdate{AccessToken: fresh.Access, RefreshToken: fresh.Refresh, ExpiresAt: &fresh.ExpiresAt})
	require.NoError(t, err)
	f.requireMark(t, false)
}

func testMarkStays(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	f.mark(t, "a")
	renamed := "renamed"
	_, err := f.Admin.UpdateAccount(t.Context(), "acc_a", credstore.AccountUpdate{Name: &renamed})
	require.NoError(t, err)
	f.requireMark(t, true)
	require.NoError(t, f.Store.ReleaseLease(t.Context(), "acc_a", "me"))
	f.requireMark(t, true)
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_a", false))
	require.NoError(t, f.Admin.ReactivateAccount(t.Context(), "acc_a"))
	f.requireMark(t, true)
}

func testMarkInRoute(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	f.addTrain(t, train("main"))
	require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_a", 1))
	require.NoError(t, f.Admin.SetDefaultAccount(t.Context(), "main", "acc_a", false))
	requireMarked := func(marked bool) {
		route, err := f.Store.GetRoute(t.Context(), "main")
		require.NoError(t, err)
		require.Equal(t, marked, route.Default.NeedsReauth)
		require.Equal(t, marked, route.Mappings[0].Account.NeedsReauth)
	}
	requireMarked(false)
	f.mark(t, "a")
	requireMarked(true)
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("new")))
	requireMarked(false)
}
