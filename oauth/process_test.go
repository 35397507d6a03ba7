package oauth_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

// A station is a database with account acc_1, whose tokens have expired, and a
// provider, for child processes to use.
type station struct {
	childConfig
	store    *sqlstore.Store
	provider *oauthtest.Provider
}

func newStation(t *testing.T, database string) *station {
	t.Helper()
	s := &station{provider: oauthtest.NewProvider(nil)}
	s.childConfig = childConfig{
		Database: database, TokenURL: serve(t, s.provider), Journal: filepath.Join(t.TempDir(), "journal"), Calls: 1}
	store, closeStore, err := openStore(database)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, closeStore()) })
	s.store = store
	tokens := s.provider.Login("acc_1")
	tokens.ExpiresAt = time.Now().Add(-time.Hour)
	_, err = store.CreateAccount(t.Context(), credstore.NewAccount{ID: "acc_1", Name: "one", Type: credstore.OAuth, Tokens: tokens})
	require.NoError(t, err)
	t.Cleanup(func() { require.Empty(t, s.provider.Complaints()) })
	return s
}

// expire makes the stored access token look expired.
func (s *station) expire(t *testing.T) {
	t.Helper()
	past := time.Now().Add(-time.Hour)
	_, err := s.store.UpdateAccount(t.Context(), "acc_1", credstore.AccountUpdate{ExpiresAt: &past})
	require.NoError(t, err)
}

// login stores the tokens of a new login, expired.
func (s *station) login(t *testing.T) {
	t.Helper()
	tokens := s.provider.Login("acc_1")
	past := time.Now().Add(-time.Hour)
	_, err := s.store.UpdateAccount(t.Context(), "acc_1", credstore.AccountUpdate{
		AccessToken: tokens.Access, RefreshToken: tokens.Refresh, ExpiresAt: &past})
	require.NoError(t, err)
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
	cred, err := s.store.GetCredential(t.Context(), "acc_1")
	require.NoError(t, err)
	require.True(t, s.provider.Alive(cred.Tokens.Refresh), "the stored refresh token works")
	require.True(t, s.provider.Valid(cred.Tokens.Access))
	require.Empty(t, s.journalLines(t))
}

func onEachEngine(t *testing.T, test func(t *testing.T, s *station)) {
	for name, database := range databases {
		t.Run(name, func(t *testing.T) { test(t, newStation(t, database(t))) })
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
			onEachEngine(t, func(t *testing.T, s *station) {
				s.provider.Behave(oauthtest.Behaviour{DelayAfter: 100 * time.Millisecond})
				dir := t.TempDir()
				var children []*child
				for _, journal := range journals {
					config := s.childConfig
					config.Calls, config.Journal = 100, filepath.Join(dir, journal)
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
	const rounds = 25 // on each engine
	onEachEngine(t, func(t *testing.T, s *station) {
		typical := s.typicalRefresh(t)
		outcomes := map[string]int{}
		for range rounds {
			s.expire(t)
			before := s.provider.Counts("acc_1")
			c := startChild(t, s.childConfig)
			c.begin(t)
			time.Sleep(rand.N(typical * 5 / 4))
			c.kill(t)

			lines := s.journalLines(t)
			rotated := s.provider.Counts("acc_1").Rotations - before.Rotations
			require.LessOrEqual(t, len(lines), 1)
			outcome := fmt.Sprintf("%d rotations, journal %v", rotated, lines)
			outcomes[outcome]++
			if lost := rotated == 1 && len(lines) == 1 && lines[0] < 3; lost {
				s.requireLost(t)
			} else {
				s.requireSurvived(t, outcome)
			}
		}
		t.Log(outcomes)
	})
}

// typicalRefresh measures how long a child takes from its beginning to its end.
func (s *station) typicalRefresh(t *testing.T) time.Duration {
	c := startChild(t, s.childConfig)
	started := time.Now()
	c.begin(t)
	require.Equal(t, 1, c.end(t).Valid)
	return time.Since(started)
}

// requireSurvived checks that the next process has the account in working order,
// at the cost of one request at the most.
func (s *station) requireSurvived(t *testing.T, outcome string) {
	t.Helper()
	report := run(t, s.childConfig)
	require.Equal(t, 1, report.Valid, "%s: %v", outcome, report.Strange)
	require.Zero(t, s.provider.Counts("acc_1").Reuses, outcome)
	s.requireStoredAlive(t)
}

// requireLost checks that the next process finds out and says so, and that a new
// login mends it.
func (s *station) requireLost(t *testing.T) {
	t.Helper()
	report := run(t, s.childConfig)
	require.Equal(t, 1, report.Reauth, "%v", report.Strange)
	require.Equal(t, 1, s.provider.Counts("acc_1").Reuses)
	account, err := s.store.GetAccount(t.Context(), "acc_1")
	require.NoError(t, err)
	require.True(t, account.NeedsReauth())
	require.Equal(t, "invalid_grant", account.ReauthReason)
	s.login(t)
	require.Equal(t, 1, run(t, s.childConfig).Valid)
	s.requireStoredAlive(t)
}

// The two moments that matter most, hit for certain.
func TestKilledBeforeTheAnswer(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *station) {
		s.provider.Next(oauthtest.Behaviour{DelayAfter: time.Second})
		c := startChild(t, s.childConfig)
		c.begin(t)
		require.Eventually(t, func() bool { return s.provider.Counts("acc_1").Rotations == 1 }, 10*time.Second, time.Millisecond)
		c.kill(t)
		require.Equal(t, []int{2}, s.journalLines(t))
		s.requireLost(t)
	})
}

func TestKilledBeforeTheSave(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *station) {
		s.provider.Next(oauthtest.Behaviour{DelayAfter: 500 * time.Millisecond})
		c := startChild(t, s.childConfig)
		c.begin(t)
		require.Eventually(t, func() bool { return s.provider.Counts("acc_1").Rotations == 1 }, 10*time.Second, time.Millisecond)
		unlock := s.lockAccount(t)
		require.Eventually(t, func() bool {
			lines := s.journalLines(t)
			return len(lines) == 1 && lines[0] == 3
		}, 10*time.Second, time.Millisecond)
		c.kill(t)
		unlock()

		report := run(t, s.childConfig)
		require.Equal(t, 1, report.Valid, "%v", report.Strange)
		require.Equal(t, oauthtest.Counts{Requests: 1, Rotations: 1}, s.provider.Counts("acc_1"))
		s.requireStoredAlive(t)
	})
}

// lockAccount keeps everybody else from changing the account's row.
func (s *station) lockAccount(t *testing.T) (unlock func()) {
	t.Helper()
	db, dialect, err := openDatabase(s.Database)
	require.NoError(t, err)
	tx, err := db.BeginTx(context.WithoutCancel(t.Context()), nil) // on SQLite this takes the lock
	require.NoError(t, err)
	if dialect == sqlstore.Postgres {
		var id sql.NullString
		require.NoError(t, tx.QueryRow("SELECT account_id FROM accounts WHERE account_id = 'acc_1' FOR UPDATE").Scan(&id))
	}
	return func() {
		require.NoError(t, tx.Rollback())
		require.NoError(t, db.Close())
	}
}
