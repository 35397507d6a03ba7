package credstoretest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var tokenTests = []test{
	{name: "Save", run: testSaveTokens},
	{name: "SaveTwice", run: testSaveTokensTwice},
	{name: "SaveUnrotated", run: testSaveUnrotated},
	{name: "SaveKeepsScopesAndTier", run: testSaveKeeps},
	{name: "SaveConflict", run: testSaveConflict},
	{name: "SaveRefused", run: testSaveRefused},
	{name: "SaveDeactivated", run: testSaveDeactivated, requires: needs(admin)},
	{name: "HundredSavesLoseNone", run: testHundredSaves},
	{name: "HundredRaceForOne", run: testHundredRace},
}

func testSaveTokens(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"), oauthAccount("b"))
	before := f.account(t, "acc_a")
	fresh := tokens("new")
	fresh.ExpiresAt, fresh.Scopes = expiry.AddDate(1, 0, 0), []string{"only"}
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, fresh))
	requireTokens(t, fresh, f.stored(t, "acc_a").Tokens)
	requireTokens(t, tokens("b"), f.stored(t, "acc_b").Tokens)
	account := f.account(t, "acc_a")
	require.Equal(t, fresh.ExpiresAt, account.ExpiresAt)
	require.Equal(t, fresh.Scopes, account.Scopes)
	require.True(t, account.UpdatedAt.After(before.UpdatedAt))
}

func testSaveTokensTwice(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	for range 2 {
		require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("new")))
		requireTokens(t, tokens("new"), f.stored(t, "acc_a").Tokens)
	}
}

// A provider may leave the refresh token as it is.
func testSaveUnrotated(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	fresh := tokens("new")
	fresh.Refresh = tokens("a").Refresh
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", fresh.Refresh, fresh))
	requireTokens(t, fresh, f.stored(t, "acc_a").Tokens)
}

func testSaveKeeps(t *testing.T, f *Fixture) {
	modest := oauthAccount("b")
	modest.IsMax = false
	f.addAccounts(t, oauthAccount("a"), modest)
	for _, name := range []string{"a", "b"} {
		fresh := tokens("new-" + name)
		fresh.Scopes = nil
		require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_"+name, tokens(name).Refresh, fresh))
		account := f.account(t, "acc_"+name)
		require.Equal(t, tokens(name).Scopes, account.Scopes, "nil keeps the scopes")
		require.Equal(t, name == "a", account.IsMax)
		require.Equal(t, name, account.Name)
		require.Equal(t, credstore.OAuth, account.Type)
	}
}

func testSaveConflict(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"), apiKeyAccount("key"))
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("winner")))
	err := f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("loser"))
	require.ErrorIs(t, err, credstore.ErrConflict)
	require.NotContains(t, err.Error(), "sk-ant-")
	requireTokens(t, tokens("winner"), f.stored(t, "acc_a").Tokens)

	err = f.Store.SaveTokens(t.Context(), "acc_key", tokens("a").Refresh, tokens("new"))
	require.ErrorIs(t, err, credstore.ErrConflict, "an account without tokens")
	require.Equal(t, "sk-ant-api03-key", f.stored(t, "acc_key").APIKey.Reveal())
}

func testSaveRefused(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	spent := tokens("a").Refresh
	save := func(id string, spent credstore.Secret, fresh credstore.Tokens) error {
		return f.Store.SaveTokens(t.Context(), id, spent, fresh)
	}
	require.ErrorIs(t, save("acc_b", spent, tokens("new")), credstore.ErrNotFound)
	require.ErrorIs(t, save("acc/a", spent, tokens("new")), credstore.ErrInvalidID)
	require.ErrorIs(t, save("acc_a", spent, credstore.Tokens{Refresh: secret("r")}), credstore.ErrInvalid, "no access token")
	require.ErrorIs(t, save("acc_a", spent, credstore.Tokens{Access: secret("a")}), credstore.ErrInvalid, "no refresh token")
	require.ErrorIs(t, save("acc_a", credstore.Secret{}, tokens("new")), credstore.ErrInvalid, "no spent token")
	withNUL := tokens("new")
	withNUL.Access = secret("sk-ant-\x00")
	require.ErrorIs(t, save("acc_a", spent, withNUL), credstore.ErrInvalid, "a NUL byte")
	requireTokens(t, tokens("a"), f.stored(t, "acc_a").Tokens)
}

// What the provider has rotated must not be lost, whatever became of the account.
func testSaveDeactivated(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_a", false))
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("new")))
	require.False(t, f.account(t, "acc_a").Active)
	require.NoError(t, f.Admin.ReactivateAccount(t.Context(), "acc_a"))
	requireTokens(t, tokens("new"), f.stored(t, "acc_a").Tokens)
}

// A hundred refreshes of ten accounts at once: each spends the token that the one
// before stored, and none is lost.
func testHundredSaves(t *testing.T, f *Fixture) {
	const accounts, saves = 10, 10
	var group sync.WaitGroup
	var chains [accounts]sync.Map // spent token → what was stored for it
	for a := range accounts {
		id := fmt.Sprintf("acc_%d", a)
		f.addAccounts(t, oauthAccount(fmt.Sprint(a)))
		for s := range saves {
			group.Go(func() { f.saveOne(t, id, fmt.Sprintf("%d-%d", a, s), &chains[a]) })
		}
	}
	group.Wait()
	for a := range accounts {
		last, length := tokens(fmt.Sprint(a)).Refresh.Reveal(), 0
		for next, ok := chains[a].Load(last); ok; next, ok = chains[a].Load(last) {
			last = next.(string)
			length++
		}
		require.Equal(t, saves, length, "an unbroken chain")
		require.Equal(t, last, f.stored(t, fmt.Sprintf("acc_%d", a)).Tokens.Refresh.Reveal())
	}
}

// saveOne spends the stored token until nobody was faster.
func (f *Fixture) saveOne(t *testing.T, accountID, label string, chain *sync.Map) {
	for {
		lease, err := f.Store.AcquireLease(t.Context(), accountID, label, time.Millisecond)
		if err != nil {
			t.Errorf("read: %v", err)
			return
		}
		spent := lease.Credential.Tokens.Refresh
		err = f.Store.SaveTokens(t.Context(), accountID, spent, tokens(label))
		if errors.Is(err, credstore.ErrConflict) {
			continue
		}
		if err != nil {
			t.Errorf("save: %v", err)
			return
		}
		if _, twice := chain.LoadOrStore(spent.Reveal(), tokens(label).Refresh.Reveal()); twice {
			t.Errorf("the same token was spent twice with success")
		}
		return
	}
}

func testHundredRace(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	errs := make([]error, 100)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			errs[i] = f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens(fmt.Sprint(i)))
		})
	}
	group.Wait()
	winner := -1
	for i, err := range errs {
		if err == nil {
			require.Equal(t, -1, winner, "one wins")
			winner = i
			continue
		}
		require.ErrorIs(t, err, credstore.ErrConflict)
	}
	require.NotEqual(t, -1, winner)
	requireTokens(t, tokens(fmt.Sprint(winner)), f.stored(t, "acc_a").Tokens)
}
