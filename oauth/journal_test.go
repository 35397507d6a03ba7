package oauth_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/oauth"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

// deadWorld is a world whose process died after the answer was in its journal and
// before it was saved: with an entry, a lease, and a spent token in the store.
func deadWorld(t *testing.T) *world {
	w := newWorld(t, -time.Hour, nil)
	w.store.fail("SaveTokens", credstore.ErrUnavailable)
	w.get()
	w.Close()
	w.store.fail("SaveTokens", nil)
	require.Len(t, w.files(), 1)
	require.NotEmpty(t, w.store.leaseOwner("acc_1"))
	return w
}

// rewrite changes the text of the only journal file.
func (w *world) rewrite(change func(text string) string) {
	path := filepath.Join(w.dir, w.files()[0])
	data, err := os.ReadFile(path)
	require.NoError(w.t, err)
	require.NoError(w.t, os.WriteFile(path, []byte(change(string(data))), 0o600))
}

// lines returns the first n lines of text.
func lines(text string, n int) string {
	return strings.Join(strings.SplitAfter(text, "\n")[:n], "")
}

func TestJournalFile(t *testing.T) {
	w := deadWorld(t)
	info, err := os.Stat(w.dir)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	w.rewrite(func(text string) string {
		require.Equal(t, 3, strings.Count(text, "\n"))
		var header map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines(text, 1)), &header))
		require.Equal(t, "acc_1", header["account_id"])
		require.Equal(t, w.store.leaseOwner("acc_1"), header["owner"])
		return text
	})
	require.NoError(t, w.refresher().Replay(t.Context()))
}

// Without an intent on disk nothing is sent.
func TestJournalNotWritable(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 50*time.Second, nil)
		require.NoError(t, os.Rename(w.dir, w.dir+"-gone"))
		w.get()
		time.Sleep(time.Minute)
		_, err := w.Credential(t.Context(), "acc_1")
		require.ErrorContains(t, err, "nothing was sent")
		require.Zero(t, w.counts().Requests)
		require.NoError(t, os.Rename(w.dir+"-gone", w.dir))
		time.Sleep(5 * time.Second)
		w.requireFresh(w.get())
	})
}

// A slowSealer takes its time, as a disk may.
type slowSealer struct {
	credstore.Sealer
	takes time.Duration
}

func (s slowSealer) Seal(plaintext string) (string, error) {
	time.Sleep(s.takes)
	return s.Sealer.Seal(plaintext)
}

// The request is not sent when the lease might end before it does.
func TestJournalTooSlowForTheLease(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, nil)
		journal, err := oauth.OpenJournal(w.dir, slowSealer{journalSealer(), 16 * time.Second})
		require.NoError(t, err)
		client := oauth.NewClient(&oauth.ClientOptions{Transport: w.provider.Transport()})
		r := oauth.NewRefresher(w.store, client, journal, nil)
		defer r.Close()
		_, err = r.Credential(t.Context(), "acc_1")
		require.ErrorContains(t, err, "nothing was sent")
		require.Zero(t, w.counts().Requests)
		require.Empty(t, w.files())
		w.requireFresh(w.get())
	})
}

func TestOpenJournalErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := oauth.OpenJournal(file, journalSealer())
	require.ErrorContains(t, err, file)
	_, err = oauth.OpenJournal(filepath.Join(file, "below"), journalSealer())
	require.Error(t, err)
}

// A provider that forgives reuse for a while gives a second chance.
func TestLostAnswerWithinGrace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, &oauthtest.Options{ReuseGrace: 10 * time.Second})
		w.provider.Next(oauthtest.Behaviour{Answer: oauthtest.DropAfter})
		_, err := w.Credential(t.Context(), "acc_1")
		var cooling *oauth.CoolDownError
		require.ErrorAs(t, err, &cooling)
		require.Empty(t, w.files())
		time.Sleep(5 * time.Second)
		w.requireFresh(w.get())
	})
}

// One that does not: the account is lost, and that is found out and said.
func TestLostAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, nil)
		w.provider.Next(oauthtest.Behaviour{Answer: oauthtest.DropAfter})
		_, err := w.Credential(t.Context(), "acc_1")
		var e *oauth.Error
		require.ErrorAs(t, err, &e)
		require.Zero(t, e.StatusCode)
		time.Sleep(5 * time.Second)
		_, err = w.Credential(t.Context(), "acc_1")
		require.ErrorIs(t, err, credstore.ErrNeedsReauth)
		require.Len(t, w.alerts, 1)
	})
}
