package backend_test

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/oauth"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

// A gateway is a process on one store: a backend, its journal and a refresher.
type gateway struct {
	*backend.Backend
	refresher *oauth.Refresher
}

// startGateway opens everything as a program does, but for saves, which fail as
// long as unsaved says so.
func startGateway(t *testing.T, config backend.Config, provider *oauthtest.Provider, unsaved bool) *gateway {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	b, err := backend.Open(t.Context(), config, logger)
	require.NoError(t, err)
	journal, err := oauth.OpenJournal(config.JournalDir(), b.JournalSealer)
	require.NoError(t, err)
	var store oauth.Store = b.Store
	if unsaved {
		store = unsavedStore{b.Store}
	}
	client := oauth.NewClient(&oauth.ClientOptions{Transport: provider.Transport()})
	refresher := oauth.NewRefresher(store, client, journal, &oauth.RefresherOptions{Logger: logger})
	_ = refresher.Replay(t.Context())
	return &gateway{b, refresher}
}

func (g *gateway) stop(t *testing.T) {
	t.Helper()
	g.refresher.Close()
	require.NoError(t, g.Close())
}

type unsavedStore struct{ credstore.Store }

func (unsavedStore) SaveTokens(context.Context, string, credstore.Secret, credstore.Tokens) error {
	return credstore.ErrUnavailable
}

// leavePending is a gateway that stops with an answer of the provider in its
// journal that the store has not got.
func leavePending(t *testing.T, config backend.Config, provider *oauthtest.Provider) {
	t.Helper()
	g := startGateway(t, config, provider, true)
	_, err := g.refresher.Credential(t.Context(), "acc_1")
	require.NoError(t, err)
	g.stop(t)
	require.Len(t, pending(t, config), 1)
}

// requireRecovered is a gateway that starts, and has the account's newest tokens
// without another request to the provider.
func requireRecovered(t *testing.T, config backend.Config, provider *oauthtest.Provider) {
	t.Helper()
	g := startGateway(t, config, provider, false)
	defer g.stop(t)
	credential, err := g.refresher.Credential(t.Context(), "acc_1")
	require.NoError(t, err)
	require.True(t, provider.Valid(credential.Tokens.Access))
	stored, err := g.Store.GetCredential(t.Context(), "acc_1")
	require.NoError(t, err)
	require.True(t, stored.Tokens.Access.Equal(credential.Tokens.Access))
	require.Equal(t, oauthtest.Counts{Requests: 1, Rotations: 1}, provider.Counts("acc_1"))
}

// pending are the journal's entries of one address.
func pending(t *testing.T, config backend.Config) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(config.JournalDir(), "*"))
	require.NoError(t, err)
	return files
}

func databaseConfig(t *testing.T, stateDir, dsn string) backend.Config {
	t.Helper()
	config, err := backend.ConfigFromEnv(env(map[string]string{
		"STATE_DIR": stateDir, "USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": dsn, "CREDENTIAL_ENCRYPTION_KEY": longKey,
	}))
	require.NoError(t, err)
	return config
}

// addExpired makes the schema, and account acc_1, whose tokens have expired.
func addExpired(t *testing.T, config backend.Config, provider *oauthtest.Provider) {
	t.Helper()
	migrateUp(t, config)
	b, err := backend.Open(t.Context(), config, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Close()) }()
	tokens := provider.Login("acc_1")
	tokens.ExpiresAt = time.Now().Add(-time.Hour)
	_, err = b.Admin.CreateAccount(t.Context(), credstore.NewAccount{ID: "acc_1", Name: "one", Type: credstore.OAuth, Tokens: tokens})
	require.NoError(t, err)
}

// otherAddresses give two addresses of one new store, and what makes the second valid.
var otherAddresses = map[string]func(t *testing.T) (first, second string, move func() error){
	"PostgreSQL as 127.0.0.1 and as localhost": func(t *testing.T) (first, second string, move func() error) {
		u, err := url.Parse(testdb.PostgreSQL(t))
		require.NoError(t, err)
		u.Host = "127.0.0.1:" + u.Port()
		first = u.String()
		u.Host = "localhost:" + u.Port()
		return first, u.String(), func() error { return nil }
	},
	"SQLite in a folder that was renamed": func(t *testing.T) (first, second string, move func() error) {
		dir := t.TempDir()
		before, after := filepath.Join(dir, "before"), filepath.Join(dir, "after")
		require.NoError(t, os.Mkdir(before, 0o700))
		return "sqlite:" + filepath.Join(before, "signalbox.db"), "sqlite:" + filepath.Join(after, "signalbox.db"),
			func() error { return os.Rename(before, after) }
	},
}

// A restart under another address of the store finds what the last process left.
func TestJournalOfAnotherAddress(t *testing.T) {
	for name, addresses := range otherAddresses {
		t.Run(name, func(t *testing.T) {
			first, second, move := addresses(t)
			state, provider := t.TempDir(), oauthtest.NewProvider(nil)
			config, other := databaseConfig(t, state, first), databaseConfig(t, state, second)
			addExpired(t, config, provider)
			leavePending(t, config, provider)
			left := pending(t, config)
			require.NoError(t, move())
			require.NotEqual(t, filepath.Dir(left[0]), other.JournalDir())
			requireRecovered(t, other, provider)
			require.NoFileExists(t, left[0])
		})
	}
}

// Gateways on other stores, with accounts of the same id, leave each other's entries alone.
func TestJournalsOfOtherStores(t *testing.T) {
	state := t.TempDir()
	provider, otherProvider := oauthtest.NewProvider(nil), oauthtest.NewProvider(nil)
	config, other := databaseConfig(t, state, testdb.PostgreSQL(t)), databaseConfig(t, state, testdb.PostgreSQL(t))
	addExpired(t, config, provider)
	addExpired(t, other, otherProvider)
	leavePending(t, config, provider)
	leavePending(t, other, otherProvider)
	left, otherLeft := pending(t, config), pending(t, other)

	requireRecovered(t, other, otherProvider)
	require.Equal(t, left, pending(t, config), "still there for whose it is")
	require.NoFileExists(t, otherLeft[0])
	requireRecovered(t, config, provider)
	require.NoFileExists(t, left[0])
}
