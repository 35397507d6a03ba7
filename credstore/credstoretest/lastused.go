package credstoretest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var lastUsedTests = []test{
	{name: "Forward", run: testLastUsed, requires: needs(lastUsed)},
	{name: "Unknown", run: testLastUsedOfUnknown},
}

// eventually is how long a background write may take on a slow machine.
const eventually = 30 * time.Second

func (f *Fixture) awaitLastUsed(t testing.TB, accountID string, want time.Time) {
	t.Helper()
	require.Eventually(t, func() bool {
		account, err := f.Store.GetAccount(t.Context(), accountID)
		return err == nil && account.LastUsedAt.Equal(want)
	}, eventually, 20*time.Millisecond)
}

func testLastUsed(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"), apiKeyAccount("b"))
	before := f.account(t, "acc_a")
	require.True(t, before.LastUsedAt.IsZero())

	first := time.Now().Add(-10 * time.Minute).UTC().Truncate(time.Microsecond)
	second := first.Add(5 * time.Minute)
	f.Store.TouchLastUsed("acc_a", first)
	f.Store.TouchLastUsed("acc_b", first)
	f.awaitLastUsed(t, "acc_a", first)
	f.awaitLastUsed(t, "acc_b", first)

	f.Store.TouchLastUsed("acc_a", first.Add(-time.Hour)) // passed over
	f.Store.TouchLastUsed("acc_b", second)
	f.awaitLastUsed(t, "acc_b", second) // by then the other would be written too
	after := f.account(t, "acc_a")
	require.Equal(t, first, after.LastUsedAt, "never back")
	require.Equal(t, before.UpdatedAt, after.UpdatedAt, "use is no change")
}

func testLastUsedOfUnknown(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"))
	f.Store.TouchLastUsed("acc_none", time.Now())
	f.Store.TouchLastUsed("../acc_a", time.Now())
	f.Store.TouchLastUsed("acc_a", time.Time{})
	_, err := f.Store.GetAccount(t.Context(), "acc_none")
	require.ErrorIs(t, err, credstore.ErrNotFound)
}
