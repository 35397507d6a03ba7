package credstoretest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var leaseTests = []test{
	{name: "Acquire", run: testAcquireLease},
	{name: "Release", run: testReleaseLease},
	{name: "Renew", run: testRenewLease},
	{name: "Expire", run: testExpireLease},
	{name: "ClockSetBack", run: testLeaseClockSetBack},
	{name: "Race", run: testLeaseRace},
	{name: "Refused", run: testLeaseRefused},
	{name: "Damaged", run: testLeaseOfDamaged},
	{name: "Deactivated", run: testLeaseOfDeactivated, requires: needs(admin)},
}

// acquire asks for the lease of acc_a.
func (f *Fixture) acquire(t testing.TB, owner string, ttl time.Duration) credstore.Lease {
	t.Helper()
	lease, err := f.Store.AcquireLease(t.Context(), "acc_a", owner, ttl)
	require.NoError(t, err)
	return lease
}

func testAcquireLease(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"), oauthAccount("b"))
	mine := f.acquire(t, "me", time.Hour)
	require.True(t, mine.Acquired)
	require.WithinDuration(t, time.Now().Add(time.Hour), mine.ExpiresAt, 10*time.Minute)
	requireTokens(t, tokens("a"), mine.Credential.Tokens)

	other := f.acquire(t, "other", time.Hour)
	require.False(t, other.Acquired)
	require.Equal(t, mine.ExpiresAt, other.ExpiresAt)
	requireTokens(t, tokens("a"), other.Credential.Tokens)

	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("new")))
	requireTokens(t, tokens("new"), f.acquire(t, "other", time.Hour).Credential.Tokens)

	lease, err := f.Store.AcquireLease(t.Context(), "acc_b", "other", time.Hour)
	require.NoError(t, err)
	require.True(t, lease.Acquired, "accounts have leases of their own")
}

func testReleaseLease(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	require.True(t, f.acquire(t, "me", time.Hour).Acquired)
	require.NoError(t, f.Store.ReleaseLease(t.Context(), "acc_a", "other"), "not its lease: no error")
	require.False(t, f.acquire(t, "other", time.Hour).Acquired)
	require.NoError(t, f.Store.ReleaseLease(t.Context(), "acc_a", "me"))
	require.True(t, f.acquire(t, "other", time.Hour).Acquired)
	require.NoError(t, f.Store.ReleaseLease(t.Context(), "acc_a", "me"), "no longer its lease")
	require.False(t, f.acquire(t, "me", time.Hour).Acquired)
}

func testRenewLease(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	first := f.acquire(t, "me", time.Hour)
	second := f.acquire(t, "me", 2*time.Hour)
	require.True(t, second.Acquired)
	require.True(t, second.ExpiresAt.After(first.ExpiresAt.Add(time.Minute)))
	require.Equal(t, second.ExpiresAt, f.acquire(t, "other", time.Hour).ExpiresAt)
}

func testExpireLease(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	require.True(t, f.acquire(t, "me", 20*time.Millisecond).Acquired)
	require.Eventually(t, func() bool {
		lease, err := f.Store.AcquireLease(t.Context(), "acc_a", "other", time.Hour)
		return err == nil && lease.Acquired
	}, eventually, 5*time.Millisecond)
	require.False(t, f.acquire(t, "me", time.Hour).Acquired, "the late one has lost it")
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("late")),
		"but may still save what it got")
}

// A lease that would last far too long was given before a clock was set back.
func testLeaseClockSetBack(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	require.True(t, f.acquire(t, "dead", 30*time.Minute).Acquired)
	require.False(t, f.acquire(t, "alive", time.Minute).Acquired)
	require.True(t, f.acquire(t, "dead", 24*time.Hour).Acquired)
	require.True(t, f.acquire(t, "alive", time.Minute).Acquired)
}

func testLeaseRace(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	leases, errs := make([]credstore.Lease, 30), make([]error, 30)
	var group sync.WaitGroup
	for i := range leases {
		group.Go(func() {
			leases[i], errs[i] = f.Store.AcquireLease(t.Context(), "acc_a", fmt.Sprint("owner ", i), time.Hour)
		})
	}
	group.Wait()
	acquired := 0
	for i := range leases {
		require.NoError(t, errs[i])
		require.Equal(t, leases[0].ExpiresAt, leases[i].ExpiresAt)
		if leases[i].Acquired {
			acquired++
		}
	}
	require.Equal(t, 1, acquired)
}

func testLeaseRefused(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	_, err := f.Store.AcquireLease(t.Context(), "acc_b", "me", time.Hour)
	require.ErrorIs(t, err, credstore.ErrNotFound)
	_, err = f.Store.AcquireLease(t.Context(), "", "me", time.Hour)
	require.ErrorIs(t, err, credstore.ErrInvalidID)
	require.ErrorIs(t, f.Store.ReleaseLease(t.Context(), "a/b", "me"), credstore.ErrInvalidID)
}

func testLeaseOfDamaged(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	f.Damage(t, "acc_a")
	_, err := f.Store.AcquireLease(t.Context(), "acc_a", "me", time.Hour)
	require.ErrorIs(t, err, credstore.ErrDamaged)
}

func testLeaseOfDeactivated(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_a", false))
	_, err := f.Store.AcquireLease(t.Context(), "acc_a", "me", time.Hour)
	require.ErrorIs(t, err, credstore.ErrInactive)
}
