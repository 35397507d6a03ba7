package oauth_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/oauth"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

// A station is a store with account acc_1, whose tokens have expired, and a
// provider, for child processes to use.
type station struct {
	childConfig
	provider *oauthtest.Provider
}

func newStation(t *testing.T, store string) *station {
	t.Helper()
	s := &station{provider: oauthtest.NewProvider(nil)}
	s.childConfig = childConfig{
		Store: store, TokenURL: serve(t, s.provider), Journal: filepath.Join(t.TempDir(), "journal"), Calls: 1}
	s.login(t)
	t.Cleanup(func() { require.Empty(t, s.provider.Complaints()) })
	return s
}

// open opens the store; the caller closes it.
func (s *station) open(t *testing.T) (credstore.Store, func()) {
	t.Helper()
	store, closeStore, err := openStore(s.Store)
	require.NoError(t, err)
	return store, func() { require.NoError(t, closeStore()) }
}

// login stores the tokens of a new login, expired.
func (s *station) login(t *testing.T) {
	t.Helper()
	s.put(t, s.provider.Login("acc_1"))
}

// expire makes the stored access token look expired.
func (s *station) expire(t *testing.T) {
	t.Helper()
	s.put(t, s.stored(t).Tokens)
}

// put stores tokens, expired, as a person would who has just logged in.
func (s *station) put(t *testing.T, tokens credstore.Tokens) {
	t.Helper()
	store, closeStore := s.open(t)
	defer closeStore()
	tokens.ExpiresAt = time.Now().Add(-time.Hour)
	if dir, ok := strings.CutPrefix(s.Store, "files:"); ok {
		text := fmt.Sprintf(`{"type":"oauth","accountId":"acc_1","oauth":{"accessToken":%q,"refreshToken":%q,"expiresAt":%d}}`,
			tokens.Access.Reveal(), tokens.Refresh.Reveal(), tokens.ExpiresAt.UnixMilli())
		require.NoError(t, os.WriteFile(filepath.Join(dir, "one.credentials.json"), []byte(text), 0o600))
		return
	}
	admin := store.(credstore.AdminStore)
	_, err := admin.UpdateAccount(t.Context(), "acc_1", credstore.AccountUpdate{
		AccessToken: tokens.Access, RefreshToken: tokens.Refresh, ExpiresAt: &tokens.ExpiresAt})
	if errors.Is(err, credstore.ErrNotFound) {
		_, err = admin.CreateAccount(t.Context(), credstore.NewAccount{ID: "acc_1", Name: "one", Type: credstore.OAuth, Tokens: tokens})
	}
	require.NoError(t, err)
}

func (s *station) stored(t *testing.T) *credstore.Credential {
	t.Helper()
	store, closeStore := s.open(t)
	defer closeStore()
	lease, err := store.AcquireLease(t.Context(), "acc_1", "test", time.Millisecond)
	require.NoError(t, err)
	require.NoError(t, store.ReleaseLease(t.Context(), "acc_1", "test"))
	return lease.Credential
}

// journalLines counts the lines of each entry of the journal.
func (s *station) journalLines(t *testing.T) (counts []int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Journal, "*.refresh"))
	require.NoError(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil { // else it is done with
			counts = append(counts, strings.Count(string(data), "\n"))
			assert.NotContains(t, string(data), "sk-ant-")
		}
	}
	return counts
}

func (s *station) requireStoredAlive(t *testing.T) {
	t.Helper()
	cred := s.stored(t)
	require.True(t, s.provider.Alive(cred.Tokens.Refresh), "the stored refresh token works")
	require.True(t, s.provider.Valid(cred.Tokens.Access))
	require.Empty(t, s.journalLines(t))
}

func onEachStore(t *testing.T, test func(t *testing.T, s *station)) {
	for name, newStore := range stores {
		t.Run(name, func(t *testing.T) { test(t, newStation(t, newStore(t))) })
	}
}

// Three processes, on one machine or on three, a hundred callers each, one
// expired account: one request.
func TestProcessesRefreshOnce(t *testing.T) {
	for name, journals := range map[string][]string{
		"one journal":    {"a", "a", "a"},
		"three journals": {"a", "b", "c"},
	} {
		t.Run(name, func(t *testing.T) {
			onEachStore(t, func(t *testing.T, s *station) {
				s.provider.Behave(oauthtest.Behaviour{DelayAfter: 100 * time.Millisecond})
				dir := t.TempDir()
				var children []*child
				for _, journal := range journals {
					config := s.childConfig
					config.Calls, config.Journal = 100, filepath.Join(dir, journal, "journal") // beside no other
					children = append(children, startChild(t, config))
				}
				for _, c := range children {
					c.begin(t)
				}
				for _, c := range children {
					report := c.end(t)
					require.Equal(t, 100, report.Valid, "%v", report.Strange)
					require.Len(t, report.Access, 1)
					require.True(t, s.provider.Valid(credstore.NewSecret(report.Access[0])))
				}
				require.Equal(t, oauthtest.Counts{Requests: 1, Rotations: 1}, s.provider.Counts("acc_1"))
				s.requireStoredAlive(t)
			})
		})
	}
}

// Processes are killed at random moments of a refresh. The account survives
// whenever the answer got as far as the journal, and no token is spent twice
// unless the answer did not.
func TestKilledAtRandom(t *testing.T) {
	const rounds = 10 // on each store
	onEachStore(t, func(t *testing.T, s *station) {
		typical := s.typicalRefresh(t)
		outcomes := map[string]int{}
		for range rounds {
			s.expire(t)
			c := startChild(t, s.childConfig)
			c.begin(t)
			time.Sleep(rand.N(typical * 5 / 4))
			c.kill(t)

			lines := s.journalLines(t)
			require.LessOrEqual(t, len(lines), 1)
			report := run(t, s.childConfig)
			lost := report.Reauth == 1
			if lost {
				require.Equal(t, []int{2}, lines, "lost, although the journal was not at the intent")
				s.requireLost(t, report)
			} else {
				s.requireSurvived(t, report)
			}
			outcomes[fmt.Sprintf("lines %v, lost %v", lines, lost)]++
		}
		t.Log(outcomes)
	})
}

// typicalRefresh measures how long a child takes from its beginning to its report.
func (s *station) typicalRefresh(t *testing.T) time.Duration {
	c := startChild(t, s.childConfig)
	started := time.Now()
	c.begin(t)
	require.Equal(t, 1, c.report(t).Valid)
	took := time.Since(started)
	require.NoError(t, c.command.Wait())
	return took
}

// requireSurvived checks, with the report of the process after the one that was
// killed, that the account is in working order and no token was spent twice.
func (s *station) requireSurvived(t *testing.T, report childReport) {
	t.Helper()
	require.Equal(t, 1, report.Valid, "%v", report.Strange)
	require.Zero(t, s.provider.Counts("acc_1").Reuses)
	s.requireStoredAlive(t)
}

// requireLost checks that the process after the one that was killed found out,
// and said so, and that a new login mends it.
func (s *station) requireLost(t *testing.T, report childReport) {
	t.Helper()
	require.Equal(t, 1, report.Reauth, "%v", report.Strange)
	require.Equal(t, 1, s.provider.Counts("acc_1").Reuses)
	store, closeStore := s.open(t)
	account, err := store.GetAccount(t.Context(), "acc_1")
	closeStore()
	require.NoError(t, err)
	require.True(t, account.NeedsReauth())
	require.Equal(t, "invalid_grant", account.ReauthReason)
	s.login(t)
	require.Equal(t, 1, run(t, s.childConfig).Valid)
	s.requireStoredAlive(t)
}

// The two moments that matter most, hit for certain.
func TestKilledBeforeTheAnswer(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *station) {
		s.provider.Next(oauthtest.Behaviour{Hold: make(chan struct{})})
		c := startChild(t, s.childConfig)
		c.begin(t)
		s.awaitRotation(t)
		c.kill(t)
		require.Equal(t, []int{2}, s.journalLines(t))
		s.requireLost(t, run(t, s.childConfig))
	})
}

func TestKilledBeforeTheSave(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *station) {
		answer := make(chan struct{})
		s.provider.Next(oauthtest.Behaviour{Hold: answer})
		c := startChild(t, s.childConfig)
		c.begin(t)
		s.awaitRotation(t)
		unlock := s.lockAccount(t)
		close(answer)
		require.Eventually(t, func() bool {
			lines := s.journalLines(t)
			return len(lines) == 1 && lines[0] == 3
		}, 30*time.Second, time.Millisecond)
		c.kill(t)
		unlock()

		s.requireSurvived(t, run(t, s.childConfig))
		require.Equal(t, oauthtest.Counts{Requests: 1, Rotations: 1}, s.provider.Counts("acc_1"))
	})
}

// awaitRotation waits until the provider has given the account new tokens.
func (s *station) awaitRotation(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return s.provider.Counts("acc_1").Rotations == 1 }, 30*time.Second, time.Millisecond)
}

// lockAccount keeps everybody else from changing the account.
func (s *station) lockAccount(t *testing.T) (unlock func()) {
	t.Helper()
	if dir, ok := strings.CutPrefix(s.Store, "files:"); ok {
		locks, err := filepath.Glob(filepath.Join(dir, "*", "one.lock"))
		require.NoError(t, err)
		require.Len(t, locks, 1)
		lock := flock.New(locks[0])
		require.NoError(t, lock.Lock())
		return func() { require.NoError(t, lock.Close()) }
	}
	db, dialect, err := openDatabase(s.Store)
	require.NoError(t, err)
	tx, err := db.BeginTx(context.WithoutCancel(t.Context()), nil) // on SQLite this takes the lock
	require.NoError(t, err)
	if dialect == sqlstore.Postgres {
		var id sql.NullString
		require.NoError(t, tx.QueryRowContext(t.Context(), "SELECT account_id FROM accounts WHERE account_id = 'acc_1' FOR UPDATE").Scan(&id))
	}
	return func() {
		require.NoError(t, tx.Rollback())
		require.NoError(t, db.Close())
	}
}

// A file under two names is one account: two would spend its refresh token twice.
func TestAliasOfAnAccountFile(t *testing.T) {
	dir := t.TempDir()
	provider := oauthtest.NewProvider(nil)
	tokens := provider.Login("team")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "team.credentials.json"), fmt.Appendf(nil,
		`{"type":"oauth","oauth":{"accessToken":%q,"refreshToken":%q,"expiresAt":1000}}`,
		tokens.Access.Reveal(), tokens.Refresh.Reveal()), 0o600))
	require.NoError(t, os.Symlink("team.credentials.json", filepath.Join(dir, "default.credentials.json")))
	store, closeStore, err := openStore("files:" + dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, closeStore()) }()
	journal, err := oauth.OpenJournal(t.TempDir(), journalSealer())
	require.NoError(t, err)
	r := oauth.NewRefresher(store, oauth.NewClient(&oauth.ClientOptions{Transport: provider.Transport()}), journal, nil)
	defer r.Close()

	var callers sync.WaitGroup
	for range 10 {
		for _, id := range []string{"acc_team", "acc_default"} {
			callers.Go(func() { _, _ = r.Credential(t.Context(), id) })
		}
	}
	callers.Wait()
	require.Equal(t, oauthtest.Counts{Requests: 1, Rotations: 1}, provider.Counts("team"))
	cred, err := r.Credential(t.Context(), "acc_default")
	require.NoError(t, err)
	require.True(t, provider.Valid(cred.Tokens.Access))
	_, err = r.Credential(t.Context(), "acc_team")
	require.ErrorContains(t, err, "default.credentials.json")
}
