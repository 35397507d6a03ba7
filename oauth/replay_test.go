package oauth_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/oauth"
)

func TestReplay(t *testing.T) {
	w := deadWorld(t)
	r := w.refresher()
	require.NoError(t, r.Replay(t.Context()))
	w.requireFresh(w.store.stored("acc_1"))
	require.Equal(t, []string{"user:inference", "user:profile"}, w.store.stored("acc_1").Tokens.Scopes)
	require.Empty(t, w.files())
	require.Empty(t, w.store.leaseOwner("acc_1"), "others need not wait for its end")
	require.NoError(t, r.Replay(t.Context()), "once more does nothing")
	require.Equal(t, 1, w.counts().Requests)
}

// A process that finds the entry when it is about to refresh replays it, whoever
// wrote it, and does not wait for the lease of the dead.
func TestRefreshReplaysFirst(t *testing.T) {
	for name, since := range map[string]time.Duration{"lease still held": 0, "lease run out": time.Minute} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := deadWorld(t)
				time.Sleep(since)
				started := time.Now()
				cred, err := w.refresher().Credential(t.Context(), "acc_1")
				require.NoError(t, err)
				w.requireFresh(cred)
				require.Less(t, time.Since(started), time.Second)
				require.Equal(t, 1, w.counts().Requests)
			})
		})
	}
}

func TestReplayOvertaken(t *testing.T) {
	w := deadWorld(t)
	tokens := w.login("acc_1", time.Hour)
	require.NoError(t, w.refresher().Replay(t.Context()))
	require.True(t, w.store.stored("acc_1").Tokens.Refresh.Equal(tokens.Refresh))
	require.Empty(t, w.files())
}

// A provider that does not rotate the refresh token: that the store still has it
// does not say that its tokens are older.
func TestReplayOvertakenWithoutRotation(t *testing.T) {
	for name, test := range map[string]struct {
		later time.Duration // than the entry's
		kept  bool
	}{"newer in the store": {time.Hour, true}, "older in the store": {-time.Hour, false}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, -time.Hour, nil)
			w.store.fail("SaveTokens", credstore.ErrUnavailable)
			r := oauth.NewRefresher(w.store, answering(t, `{"access_token":"entry","expires_in":36000}`), w.journal(), nil)
			cred, err := r.Credential(t.Context(), "acc_1")
			require.NoError(t, err)
			r.Close()
			w.store.fail("SaveTokens", nil)
			entry := cred.Tokens
			tokens := entry
			tokens.Access, tokens.ExpiresAt = credstore.NewSecret("stored"), entry.ExpiresAt.Add(test.later)
			w.store.put("acc_1", tokens)
			require.NoError(t, w.refresher().Replay(t.Context()))
			require.Equal(t, test.kept, w.store.stored("acc_1").Tokens.Access.Equal(tokens.Access))
			require.Empty(t, w.files())
		})
	}
}

func TestReplayTwiceSaved(t *testing.T) {
	w := deadWorld(t)
	saved := filepath.Join(t.TempDir(), "copy")
	path := filepath.Join(w.dir, w.files()[0])
	require.NoError(t, os.Link(path, saved))
	r := w.refresher()
	require.NoError(t, r.Replay(t.Context()))
	require.NoError(t, os.Link(saved, path)) // killed between save and removal
	require.NoError(t, r.Replay(t.Context()))
	w.requireFresh(w.store.stored("acc_1"))
	require.Empty(t, w.files())
}

// A process died before it had the answer: nothing can be saved, and nothing is
// in the way.
func TestReplayWithoutAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := deadWorld(t)
		w.rewrite(func(text string) string { return lines(text, 2) })
		r := w.refresher()
		require.NoError(t, r.Replay(t.Context()))
		require.Empty(t, w.files())
		require.Empty(t, w.store.leaseOwner("acc_1"))
		require.Contains(t, w.logs.String(), "interrupted before its answer")

		_, err := r.Credential(t.Context(), "acc_1")
		require.ErrorIs(t, err, credstore.ErrNeedsReauth, "the provider had changed the token")
	})
}

// A process died before it had sent anything: its lease is all there is to it.
func TestReplayBeforeTheRequest(t *testing.T) {
	for name, change := range map[string]func(string) string{
		"waiting for the lease": func(text string) string { return lines(text, 1) },
		"intent cut short":      func(text string) string { return lines(text, 1) + `{"spent":"` },
		"power cut":             func(string) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			w := deadWorld(t)
			w.rewrite(change)
			require.NoError(t, w.refresher().Replay(t.Context()))
			require.Empty(t, w.files())
			require.NotContains(t, w.logs.String(), "interrupted")
			if name != "power cut" {
				require.Empty(t, w.store.leaseOwner("acc_1"))
			}
		})
	}
}

func TestReplayLater(t *testing.T) {
	for name, fault := range map[string]error{
		"store unavailable": credstore.ErrUnavailable,
		"any other fault":   errors.New("disk full"),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := deadWorld(t)
				w.store.fail("SaveTokens", fault)
				r := w.refresher()
				err := r.Replay(t.Context())
				require.ErrorIs(t, err, fault)
				require.ErrorContains(t, err, "acc_1")
				require.ErrorContains(t, err, w.files()[0])
				require.Error(t, r.Replay(t.Context()))
				require.Equal(t, 1, strings.Count(w.logs.String(), "is not replayed"), "said once")

				_, err = r.Credential(t.Context(), "acc_1")
				require.ErrorIs(t, err, fault)
				require.Equal(t, 1, w.counts().Requests, "a spent token is not spent again")

				w.store.fail("SaveTokens", nil)
				require.NoError(t, r.Replay(t.Context()))
				w.requireFresh(w.store.stored("acc_1"))
			})
		})
	}
}

// The text of an error may differ each time.
func TestReplayLaterIsSaidOnce(t *testing.T) {
	w := deadWorld(t)
	r := w.refresher()
	for port := range 5 {
		w.store.fail("SaveTokens", fmt.Errorf("%w: from port %d", credstore.ErrUnavailable, port))
		require.Error(t, r.Replay(t.Context()))
	}
	require.Equal(t, 1, strings.Count(w.logs.String(), "is not replayed"))
	w.store.fail("SaveTokens", credstore.ErrReadOnly)
	require.Error(t, r.Replay(t.Context()))
	require.Equal(t, 2, strings.Count(w.logs.String(), "is not replayed"), "something else is wrong")
	w.store.fail("SaveTokens", nil)
	require.NoError(t, r.Replay(t.Context()))
}

func TestReplayUnderAnotherKey(t *testing.T) {
	w := deadWorld(t)
	journal, err := oauth.OpenJournal(w.dir, newSealer("another key of at least 32 characters"))
	require.NoError(t, err)
	client := oauth.NewClient(&oauth.ClientOptions{Transport: w.provider.Transport()})
	r := oauth.NewRefresher(w.store, client, journal, nil)
	defer r.Close()
	require.ErrorContains(t, r.Replay(t.Context()), "another key")
	require.Len(t, w.files(), 1, "kept for whoever has the key")

	_, err = r.Credential(t.Context(), "acc_1")
	require.ErrorContains(t, err, "another key")
	require.Equal(t, 1, w.counts().Requests, "its spent token is not spent again")

	w.login("acc_1", -time.Hour) // somebody logs in again: the entry is in the way of nothing
	other, err := oauth.OpenJournal(w.dir, newSealer("another key of at least 32 characters"))
	require.NoError(t, err)
	again := oauth.NewRefresher(w.store, client, other, nil)
	defer again.Close()
	w.store.accounts["acc_1"].owner = ""
	cred, err := again.Credential(t.Context(), "acc_1")
	require.NoError(t, err)
	w.requireFresh(cred)
	require.Len(t, w.files(), 1)
}

// The account may be gone, or this may be the wrong database: what is in the
// journal cannot be got again, so it stays.
func TestReplayUnknownAccount(t *testing.T) {
	w := deadWorld(t)
	account := w.store.accounts["acc_1"]
	delete(w.store.accounts, "acc_1")
	r := w.refresher()
	require.ErrorIs(t, r.Replay(t.Context()), credstore.ErrNotFound)
	require.Len(t, w.files(), 1)
	w.store.accounts["acc_1"] = account
	require.NoError(t, r.Replay(t.Context()))
	w.requireFresh(w.store.stored("acc_1"))
}

func TestReplayDamagedFiles(t *testing.T) {
	for name, change := range map[string]func(string) string{
		"garbage":           func(string) string { return "garbage" },
		"zeros":             func(string) string { return strings.Repeat("\x00", 4096) },
		"header cut short":  func(text string) string { return text[:20] },
		"intent is garbage": func(text string) string { return lines(text, 1) + "{}\n" },
		"answer cut short":  func(text string) string { return text[:len(text)-20] },
		"no line end":       func(text string) string { return text[:len(text)-1] },
		"answer is garbage": func(text string) string { return lines(text, 2) + "{}\n" },
		"no account":        func(text string) string { return strings.Replace(text, "acc_1", "../1", 1) },
		"far too long":      func(text string) string { return text + strings.Repeat("x", 1<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			w := deadWorld(t)
			file := w.files()[0]
			w.rewrite(change)
			r := w.refresher()
			err := r.Replay(t.Context())
			require.ErrorContains(t, err, file)
			require.NotContains(t, err.Error(), "sk-ant-")
			require.Equal(t, []string{file + ".damaged"}, w.files(), "set aside")
			require.NoError(t, r.Replay(t.Context()), "and not looked at again")
		})
	}
}

func TestReplayLeavesOtherFilesAlone(t *testing.T) {
	w := newWorld(t, time.Hour, nil)
	old := filepath.Join(w.dir, "0000-X.refresh.tmp")
	for _, name := range []string{"README", "x.damaged", "other.tmp", "0000-Y.refresh.tmp", "0000-X.refresh.tmp"} {
		require.NoError(t, os.WriteFile(filepath.Join(w.dir, name), []byte("x"), 0o600))
	}
	for _, path := range []string{old, filepath.Join(w.dir, "other.tmp")} {
		require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)))
	}
	require.NoError(t, w.Replay(t.Context()))
	require.Equal(t, []string{"0000-Y.refresh.tmp", "README", "other.tmp", "x.damaged"}, w.files(), "only the old temporary file of the journal went")
}

// What cannot be read now may hold the tokens that the stored one was spent for.
func TestReplayNewerVersion(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := deadWorld(t)
		file := w.files()[0]
		w.rewrite(func(text string) string { return strings.Replace(text, `"version":1`, `"version":2`, 1) })
		r := w.refresher()
		require.ErrorContains(t, r.Replay(t.Context()), "newer program")
		_, err := r.Credential(t.Context(), "acc_1")
		require.ErrorContains(t, err, "nothing was sent")
		require.ErrorContains(t, err, file)
		require.Equal(t, 1, w.counts().Requests, "a spent token is not spent again")
		require.Equal(t, []string{file}, w.files())

		w.rewrite(func(text string) string { return strings.Replace(text, `"version":2`, `"version":1`, 1) })
		time.Sleep(5 * time.Second)
		cred, err := r.Credential(t.Context(), "acc_1")
		require.NoError(t, err)
		w.requireFresh(cred)
		require.Equal(t, 1, w.counts().Requests)
	})
}
