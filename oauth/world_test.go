package oauth_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/oauth"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

const journalKey = "a key of at least thirty-two characters"

// journalSealer is shared, because making one derives a key.
var journalSealer = sync.OnceValue(func() *crypto.Sealer { return newSealer(journalKey) })

func newSealer(key string) *crypto.Sealer {
	sealer, err := crypto.NewSealer(key, &crypto.SealerOptions{ReuseSalt: true})
	if err != nil {
		panic(err)
	}
	return sealer
}

// A world is a provider, a store with account acc_1, and a refresher.
type world struct {
	*oauth.Refresher
	t        testing.TB
	provider *oauthtest.Provider
	store    *memStore
	dir      string // of the journal

	mu     sync.Mutex
	logs   bytes.Buffer
	events []oauth.RefreshEvent
	alerts []string
}

// newWorld makes a world whose account has tokens that are good for left. It
// works inside a synctest bubble: nothing in it uses a network.
func newWorld(t testing.TB, left time.Duration, opts *oauthtest.Options) *world {
	w := &world{t: t, provider: oauthtest.NewProvider(opts), store: newMemStore(), dir: filepath.Join(t.TempDir(), "journal")}
	w.login("acc_1", left)
	w.Refresher = w.refresher()
	t.Cleanup(w.check)
	return w
}

// login stores tokens of a new login.
func (w *world) login(account string, left time.Duration) credstore.Tokens {
	tokens := w.provider.Login(account)
	tokens.ExpiresAt = time.Now().Add(left)
	w.store.put(account, tokens)
	return tokens
}

// refresher makes one more refresher on the same store and journal: what another
// process would be.
func (w *world) refresher() *oauth.Refresher {
	client := oauth.NewClient(&oauth.ClientOptions{Transport: w.provider.Transport()})
	r := oauth.NewRefresher(w.store, client, w.journal(), &oauth.RefresherOptions{
		Logger: slog.New(slog.NewJSONHandler(lockedWriter{w}, nil)),
		OnRefresh: func(e oauth.RefreshEvent) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		},
		OnNeedsReauth: func(accountID, accountName, reason string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.alerts = append(w.alerts, accountID+" "+accountName+" "+reason)
		},
	})
	w.t.Cleanup(r.Close)
	return r
}

func (w *world) journal() *oauth.Journal {
	journal, err := oauth.OpenJournal(w.dir, journalSealer())
	require.NoError(w.t, err)
	return journal
}

type lockedWriter struct{ *world }

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.logs.Write(p)
}

// check runs after every test: no secret has leaked into logs and journal.
func (w *world) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	require.NotContains(w.t, w.logs.String(), "sk-ant-", "a token in the log")
	for _, name := range w.files() {
		path := filepath.Join(w.dir, name)
		info, err := os.Stat(path)
		require.NoError(w.t, err)
		require.Equal(w.t, os.FileMode(0o600), info.Mode().Perm())
		data, err := os.ReadFile(path)
		require.NoError(w.t, err)
		require.NotContains(w.t, string(data), "sk-ant-", "a token in the journal")
	}
	require.Empty(w.t, w.provider.Complaints())
}

// files lists the journal.
func (w *world) files() (names []string) {
	entries, err := os.ReadDir(w.dir)
	require.NoError(w.t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func (w *world) outcomes() (outcomes []oauth.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		outcomes = append(outcomes, e.Outcome)
	}
	return outcomes
}

// get gets acc_1's credential, which must succeed.
func (w *world) get() *credstore.Credential {
	w.t.Helper()
	cred, err := w.Credential(context.Background(), "acc_1")
	require.NoError(w.t, err)
	return cred
}

// requireFresh checks that acc_1 has tokens which the provider takes.
func (w *world) requireFresh(cred *credstore.Credential) {
	w.t.Helper()
	require.True(w.t, w.provider.Valid(cred.Tokens.Access), "the access token is not the newest one")
}

func (w *world) counts() oauthtest.Counts { return w.provider.Counts("acc_1") }
