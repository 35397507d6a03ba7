package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
)

func TestSaveTokensKeepsTheFile(t *testing.T) {
	const before = `{
  "type": "oauth",
  "comment": "keep me",
  "accountId": "acc_1",
  "oauth": {
    "accessToken": "CANARY-a",
    "refreshToken": "CANARY-r",
    "expiresAt": "1000",
    "scopes": "user:profile user:inference",
    "isMax": true
  },
  "slack": {"webhook_url": "https://hooks.slack.invalid/CANARY", "n": 1.10}
}
`
	f := newFolders(t)
	f.account("a", before)
	require.NoError(t, os.Chmod(f.accountPath("a"), 0o644))
	s := f.open(nil)
	fresh := tokens(canary+"-a2", canary+"-r2")
	require.NoError(t, s.SaveTokens(t.Context(), "acc_1", secret(canary+"-r"), fresh))
	want := strings.NewReplacer(`CANARY-a"`, `CANARY-a2"`, `CANARY-r"`, `CANARY-r2"`, `"1000"`, `4102444800000`).Replace(before)
	require.Equal(t, want, f.read("a"))
	info, err := os.Stat(f.accountPath("a"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	credential, err := s.GetCredential(t.Context(), "acc_1")
	require.NoError(t, err)
	fresh.Scopes = []string{"user:profile", "user:inference"}
	require.True(t, credential.Tokens.Access.Equal(fresh.Access) && credential.Tokens.Refresh.Equal(fresh.Refresh))
	require.Equal(t, fresh.ExpiresAt, credential.Tokens.ExpiresAt)
	require.Equal(t, fresh.Scopes, credential.Tokens.Scopes)

	require.NoError(t, s.SaveTokens(t.Context(), "acc_1", secret(canary+"-r"), fresh), "saving twice is no error")
	err = s.SaveTokens(t.Context(), "acc_1", secret(canary+"-r"), tokens("loser-a", "loser-r"))
	require.ErrorIs(t, err, credstore.ErrConflict)
	require.NotContains(t, f.read("a"), "loser")
	for _, entry := range []string{"a.new", "a.json"} {
		require.NoFileExists(t, filepath.Join(f.accounts, ".signalbox", entry))
	}
}

func TestSaveTokensRefuses(t *testing.T) {
	f := newFolders(t)
	f.account("a", oauthFile("acc_1", canary+"a", canary+"r"))
	f.account("b", `{"type":"oauth","accountId":"acc_2","oauth":{"accessToken":"CANARYa"}}`)
	s := f.open(nil)
	for name, c := range map[string]struct {
		id    string
		spent string
		fresh credstore.Tokens
		want  error
	}{
		"unknown account":         {"acc_9", canary + "r", tokens("a2", "r2"), credstore.ErrNotFound},
		"bad id":                  {"../acc", canary + "r", tokens("a2", "r2"), credstore.ErrInvalidID},
		"nothing spent":           {"acc_1", "", tokens("a2", "r2"), credstore.ErrInvalid},
		"no refresh token stored": {"acc_2", canary + "r", tokens("a2", "r2"), credstore.ErrConflict},
		"no access token":         {"acc_1", canary + "r", tokens("", "r2"), credstore.ErrInvalid},
		"no refresh token":        {"acc_1", canary + "r", tokens("a2", ""), credstore.ErrInvalid},
		"blank access token":      {"acc_1", canary + "r", tokens(" ", "r2"), credstore.ErrInvalid},
		"token not UTF-8":         {"acc_1", canary + "r", tokens(canary+"\xff", "r2"), credstore.ErrInvalid},
	} {
		err := s.SaveTokens(t.Context(), c.id, secret(c.spent), c.fresh)
		require.ErrorIs(t, err, c.want, name)
		require.False(t, strings.Contains(err.Error(), canary), "a secret shows")
	}
	require.Equal(t, oauthFile("acc_1", canary+"a", canary+"r"), f.read("a"))
}

// An account that lacks only its access token is expired, and whole after a refresh.
func TestAccountWithoutAccessToken(t *testing.T) {
	f := newFolders(t)
	f.account("a", `{"type":"oauth","oauth":{"refreshToken":"CANARYr","expiresAt":4102444800000}}`)
	s := f.open(nil)
	credential, err := s.GetCredential(t.Context(), "acc_a")
	require.NoError(t, err)
	require.True(t, credential.Tokens.Access.IsZero())
	require.True(t, !credential.Tokens.ExpiresAt.IsZero() && credential.Tokens.ExpiresAt.Before(time.Now()))
	require.NoError(t, s.SaveTokens(t.Context(), "acc_a", secret(canary+"r"), tokens(canary+"a2", canary+"r2")))
	require.Equal(t, `{"type":"oauth","oauth":{"refreshToken":"CANARYr2","expiresAt":4102444800000,"accessToken": "CANARYa2"}}`, f.read("a"))
}

func TestConcurrentSavesOfOneSpentToken(t *testing.T) {
	f := newFolders(t)
	f.account("a", oauthFile("acc_1", canary+"a", canary+"r"))
	stores := []*filestore.Store{f.open(nil), f.open(nil)}
	var wins atomic.Int32
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			err := stores[i%2].SaveTokens(t.Context(), "acc_1", secret(canary+"r"), tokens(fmt.Sprintf("CANARYa%d", i), fmt.Sprintf("CANARYr%d", i)))
			if err == nil {
				wins.Add(1)
			} else if !errors.Is(err, credstore.ErrConflict) {
				t.Errorf("save: %v", err)
			}
		})
	}
	group.Wait()
	require.Equal(t, int32(1), wins.Load())
}

func TestWaitingForALockObservesTheContext(t *testing.T) {
	f := newFolders(t)
	f.account("a", oauthFile("acc_1", canary+"a", canary+"r"))
	f.account("b", oauthFile("acc_2", canary+"a", canary+"r"))
	s := f.open(nil)
	_, err := s.AcquireLease(t.Context(), "acc_1", "one", time.Hour)
	require.NoError(t, err)
	held := flock.New(filepath.Join(f.accounts, ".signalbox", "a.lock"))
	require.NoError(t, held.Lock())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	fresh := tokens(canary+"a2", canary+"r2")
	require.ErrorIs(t, s.SaveTokens(ctx, "acc_1", secret(canary+"r"), fresh), context.DeadlineExceeded)
	require.NoError(t, s.SaveTokens(t.Context(), "acc_2", secret(canary+"r"), fresh), "accounts have locks of their own")
	require.NoError(t, held.Unlock())
	require.NoError(t, s.SaveTokens(t.Context(), "acc_1", secret(canary+"r"), fresh))
}

func TestMarks(t *testing.T) {
	f := newFolders(t)
	f.account("a", oauthFile("acc_1", canary+"a", canary+"r"))
	s := f.open(nil)
	other := f.open(nil)
	// marked tells whether all that shows the mark does so.
	marked := func(s *filestore.Store, want bool) bool {
		credential, err1 := s.GetCredential(t.Context(), "acc_1")
		accounts, err2 := s.ActiveAccounts(t.Context())
		account, err3 := s.GetAccount(t.Context(), "acc_1")
		return errors.Join(err1, err2, err3) == nil &&
			credential.NeedsReauth == want && accounts[0].NeedsReauth == want && account.NeedsReauth() == want
	}
	mark := func(spent string) error {
		return s.MarkNeedsReauth(t.Context(), "acc_1", secret(spent), "invalid_grant")
	}
	require.ErrorIs(t, mark(canary+"other"), credstore.ErrConflict)
	require.True(t, marked(s, false))
	require.NoError(t, mark(canary+"r"))
	require.True(t, marked(s, true))
	eventually(t, func() bool { return marked(other, true) }, "the other process sees it")
	account, err := s.GetAccount(t.Context(), "acc_1")
	require.NoError(t, err)
	require.Equal(t, "invalid_grant", account.ReauthReason)
	require.NoError(t, mark(canary+"r"), "again")
	again, err := s.GetAccount(t.Context(), "acc_1")
	require.NoError(t, err)
	require.Equal(t, account.ReauthSince, again.ReauthSince)

	// The account file is as it was, and nothing new is there that looks like one.
	require.Equal(t, oauthFile("acc_1", canary+"a", canary+"r"), f.read("a"))
	data, err := os.ReadFile(filepath.Join(f.accounts, ".signalbox", "a.json"))
	require.NoError(t, err)
	require.False(t, strings.Contains(string(data), canary), "a secret is beside the file")

	// A new login in the file voids the mark; the old file would bring it back.
	f.account("a", oauthFile("acc_1", canary+"a2", canary+"r2"))
	eventually(t, func() bool { return marked(s, false) }, "logged in again")
	f.account("a", oauthFile("acc_1", canary+"a", canary+"r"))
	eventually(t, func() bool { return marked(s, true) }, "the old file")

	// A provider may give the same refresh token again.
	require.NoError(t, s.SaveTokens(t.Context(), "acc_1", secret(canary+"r"), tokens(canary+"a3", canary+"r")))
	require.True(t, marked(s, false))
}

func TestLeases(t *testing.T) {
	f := newFolders(t)
	f.account("a", oauthFile("acc_1", canary+"a", canary+"r"))
	s, other := f.open(nil), f.open(nil)
	lease, err := s.AcquireLease(t.Context(), "acc_1", "one", time.Hour)
	require.NoError(t, err)
	require.True(t, lease.Acquired)
	require.WithinDuration(t, time.Now().Add(time.Hour), lease.ExpiresAt, time.Minute)
	held, err := other.AcquireLease(t.Context(), "acc_1", "two", time.Hour)
	require.NoError(t, err)
	require.False(t, held.Acquired)
	require.Equal(t, lease.ExpiresAt, held.ExpiresAt)
	require.True(t, held.Credential.Tokens.Refresh.Reveal() == canary+"r")

	// What the lease shows is what is stored, before any notice of it came.
	f.account("a", oauthFile("acc_1", canary+"a2", canary+"r2"))
	held, err = other.AcquireLease(t.Context(), "acc_1", "two", time.Hour)
	require.NoError(t, err)
	require.True(t, held.Credential.Tokens.Refresh.Reveal() == canary+"r2")

	require.NoError(t, other.ReleaseLease(t.Context(), "acc_1", "two"), "not its own")
	held, err = other.AcquireLease(t.Context(), "acc_1", "two", time.Hour)
	require.NoError(t, err)
	require.False(t, held.Acquired)
	lease, err = s.AcquireLease(t.Context(), "acc_1", "one", time.Millisecond)
	require.NoError(t, err)
	require.True(t, lease.Acquired, "renewed, for a shorter time")
	eventually(t, func() bool {
		held, err = other.AcquireLease(t.Context(), "acc_1", "two", time.Hour)
		return err == nil && held.Acquired
	}, "the lease ran out")
	require.NoError(t, other.ReleaseLease(t.Context(), "acc_1", "two"))
	require.NoFileExists(t, filepath.Join(f.accounts, ".signalbox", "a.json"))

	for _, bad := range []func() error{
		func() error { _, err := s.AcquireLease(t.Context(), "acc_1", "", time.Hour); return err },
		func() error { _, err := s.AcquireLease(t.Context(), "acc_1", "one", 0); return err },
		func() error { _, err := s.AcquireLease(t.Context(), "a/b", "one", time.Hour); return err },
		func() error { return s.ReleaseLease(t.Context(), "", "one") },
		func() error { return s.MarkNeedsReauth(t.Context(), "acc_1", credstore.Secret{}, "x") },
	} {
		require.ErrorIs(t, bad(), credstore.ErrInvalid)
	}
	require.NoError(t, s.ReleaseLease(t.Context(), "acc_unknown", "one"))
}

// A lease from before the clock was set back does not lock the account for days.
func TestLeaseFarBeyondTheClock(t *testing.T) {
	f := newFolders(t)
	f.account("a", oauthFile("acc_1", canary+"a", canary+"r"))
	s := f.open(nil)
	for beyond, acquired := range map[time.Duration]bool{30 * time.Minute: false, 24 * time.Hour: true} {
		_, err := s.AcquireLease(t.Context(), "acc_1", "dead", time.Minute+beyond)
		require.NoError(t, err)
		lease, err := s.AcquireLease(t.Context(), "acc_1", "alive", time.Minute)
		require.NoError(t, err)
		require.Equal(t, acquired, lease.Acquired, beyond)
		require.NoError(t, s.ReleaseLease(t.Context(), "acc_1", "dead"))
		require.NoError(t, s.ReleaseLease(t.Context(), "acc_1", "alive"))
	}
}

func TestDamagedState(t *testing.T) {
	f := newFolders(t)
	f.account("a", oauthFile("acc_1", canary+"a", canary+"r"))
	f.account("b", apiKeyFile("acc_2", canary))
	s := f.open(nil)
	_, err := s.AcquireLease(t.Context(), "acc_1", "one", time.Hour)
	require.NoError(t, err)
	f.write(filepath.Join(f.accounts, ".signalbox", "a.json"), "not JSON")
	_, err = s.AcquireLease(t.Context(), "acc_1", "one", time.Hour)
	require.ErrorIs(t, err, credstore.ErrDamaged)
	require.ErrorContains(t, err, ".signalbox/a.json: not what this store wrote there: remove it")
	require.NoError(t, s.SaveTokens(t.Context(), "acc_1", secret(canary+"r"), tokens(canary+"a2", canary+"r2")), "tokens are not lost for it")
}

// The folder that the store keeps for itself does not lead out of the accounts' folder.
func TestStateFolderIsNoWayOut(t *testing.T) {
	f := newFolders(t)
	outside := t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(f.accounts, ".signalbox")))
	f.account("a", oauthFile("acc_1", canary+"a", canary+"r"))
	s := f.open(nil)
	require.Error(t, s.SaveTokens(t.Context(), "acc_1", secret(canary+"r"), tokens(canary+"a2", canary+"r2")))
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, entries)
	require.Equal(t, oauthFile("acc_1", canary+"a", canary+"r"), f.read("a"))
	_, err = s.GetCredential(t.Context(), "acc_1")
	require.NoError(t, err)
	require.Len(t, s.Problems(), 1)
}
