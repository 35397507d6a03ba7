package filestore_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
)

// oauthText is an OAuth account file without an id: a copy of it is another account.
func oauthText(access, refresh string) string {
	return `{"type":"oauth","oauth":{"accessToken":"` + access + `","refreshToken":"` + refresh + `","expiresAt":1000}}`
}

// secondNames are the ways to give an account file a second name.
var secondNames = map[string]func(f *folders, path, second string) error{
	"link":      func(_ *folders, path, second string) error { return os.Symlink(filepath.Base(path), second) },
	"hard link": func(_ *folders, path, second string) error { return os.Link(path, second) },
	"copy": func(f *folders, path, second string) error {
		data, err := os.ReadFile(path)
		f.write(second, string(data))
		return err
	},
}

// Two accounts with one refresh token would spend it twice and lose it.
func TestOAuthAccountUnderTwoNames(t *testing.T) {
	for how, give := range secondNames {
		t.Run(how, func(t *testing.T) {
			f := newFolders(t)
			f.account("team", oauthText(canary+"a", canary+"r"))
			require.NoError(t, give(f, f.accountPath("team"), f.accountPath("default")))
			s := f.open(&filestore.Options{Rescan: time.Hour})
			refused := func() {
				t.Helper()
				_, err := s.GetCredential(t.Context(), "acc_team")
				require.ErrorIs(t, err, credstore.ErrDamaged)
				require.ErrorContains(t, err, "team.credentials.json: its refresh token is that of default.credentials.json")
				_, err = s.AcquireLease(t.Context(), "acc_team", "one", time.Minute)
				require.ErrorIs(t, err, credstore.ErrDamaged)
				active, err := s.ActiveAccounts(t.Context())
				require.NoError(t, err)
				require.Len(t, active, 1)
				require.Equal(t, "acc_default", active[0].ID)
			}
			refused()
			require.Contains(t, f.log.String(), "its refresh token is that of")

			require.NoError(t, s.SaveTokens(t.Context(), "acc_default", secret(canary+"r"), tokens(canary+"a2", canary+"r2")))
			refused() // a copy has the spent token now

			require.NoError(t, os.Remove(f.accountPath("default")))
			eventually(t, func() bool {
				_, err := s.GetCredential(t.Context(), "acc_team")
				return err == nil
			}, "the other name is gone")
		})
	}
}

// An id of its own makes no other account of a copy.
func TestOAuthAccountsOfOneToken(t *testing.T) {
	f := newFolders(t)
	f.account("one", oauthFile("acc_1", canary+"a", canary+"r"))
	f.account("two", oauthFile("acc_2", canary+"a", canary+"r"))
	f.account("three", oauthText(canary+"a", canary+"r"))
	s := f.open(&filestore.Options{Rescan: time.Hour})
	for _, id := range []string{"acc_2", "acc_three"} {
		_, err := s.GetCredential(t.Context(), id)
		require.ErrorIs(t, err, credstore.ErrDamaged)
		require.ErrorContains(t, err, "its refresh token is that of one.credentials.json")
		_, err = s.AcquireLease(t.Context(), id, "owner", time.Minute)
		require.ErrorIs(t, err, credstore.ErrDamaged)
	}
	require.NoError(t, s.SaveTokens(t.Context(), "acc_1", secret(canary+"r"), tokens(canary+"a2", canary+"r2")))
	_, err := s.GetCredential(t.Context(), "acc_2")
	require.ErrorIs(t, err, credstore.ErrDamaged, "it has the spent token now")
}

// A process notices what another one saves behind a link at once, under both names.
func TestOAuthAccountUnderTwoNamesChangedByAnother(t *testing.T) {
	f := newFolders(t)
	f.account("team", oauthText(canary+"a", canary+"r"))
	require.NoError(t, os.Symlink("team.credentials.json", f.accountPath("default")))
	s := f.open(&filestore.Options{Rescan: time.Hour})
	log := &eventLog{}
	defer s.Subscribe(log.add)()
	f.replace(f.accountPath("team"), oauthText(canary+"a2", canary+"r2"))
	eventually(t, func() bool { return log.count() > 0 }, "the change")
	_, err := s.GetAccount(t.Context(), "acc_team")
	require.ErrorIs(t, err, credstore.ErrDamaged)
}

func TestAPIKeyUnderTwoNames(t *testing.T) {
	f := newFolders(t)
	f.account("team", `{"type":"api_key","api_key":"`+canary+`","oauth":{"refreshToken":"r"}}`)
	require.NoError(t, os.Symlink("team.credentials.json", f.accountPath("default")))
	active, err := f.open(nil).ActiveAccounts(t.Context())
	require.NoError(t, err)
	require.Len(t, active, 2)
}

func TestScanAccountsRefusesCopies(t *testing.T) {
	f := newFolders(t)
	f.account("team", oauthText(canary+"a", canary+"r"))
	f.account("without", oauthText(canary+"a", ""))
	f.account("without2", oauthText(canary+"a", ""))
	require.NoError(t, os.Symlink("team.credentials.json", f.accountPath("default")))
	found, err := filestore.ScanAccounts(f.accounts)
	require.NoError(t, err)
	require.Len(t, found, 4)
	for _, account := range found {
		if account.Path != "team.credentials.json" {
			require.NoError(t, account.Err)
			continue
		}
		require.ErrorIs(t, account.Err, credstore.ErrDamaged)
		require.ErrorContains(t, account.Err, "its refresh token is that of default.credentials.json")
	}
}
