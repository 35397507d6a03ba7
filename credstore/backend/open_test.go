package backend_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/migrate"
)

// open opens a backend from environment variables and returns what was logged.
func open(t *testing.T, values map[string]string) (*backend.Backend, string, error) {
	t.Helper()
	values["STATE_DIR"] = filepath.Join(t.TempDir(), "state")
	config, err := backend.ConfigFromEnv(env(values))
	require.NoError(t, err)
	var log bytes.Buffer
	b, err := backend.Open(t.Context(), config, slog.New(slog.NewTextHandler(&log, nil)))
	if err == nil {
		t.Cleanup(func() { require.NoError(t, b.Close()) })
		sealed, err := b.JournalSealer.Seal("x")
		require.NoError(t, err)
		plain, err := b.JournalSealer.Open(sealed)
		require.NoError(t, err)
		require.Equal(t, "x", plain)
	}
	return b, log.String(), err
}

func TestOpenFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "accounts"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "accounts", "a.credentials.json"),
		[]byte(`{"type":"api_key","api_key":"sk-ant-CANARY-backendopen1"}`), 0o600))
	b, log, err := open(t, map[string]string{"CREDENTIALS_DIR": dir})
	require.NoError(t, err)
	require.Nil(t, b.Admin)
	require.Nil(t, b.Sessions)
	require.Contains(t, log, "credential files in "+dir)
	credential, err := b.Store.GetCredential(t.Context(), "acc_a")
	require.NoError(t, err)
	require.Equal(t, "a", credential.AccountName)
}

func TestOpenDatabases(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"SQLite": testdb.SQLite, "PostgreSQL": testdb.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			values := map[string]string{
				"USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": url(t), "CREDENTIAL_ENCRYPTION_KEY": longKey,
			}
			_, _, err := open(t, values)
			require.ErrorContains(t, err, "migrate up", "a database without the schema says what to do")
			require.ErrorIs(t, err, sqlstore.ErrSchema)
			if path, isFile := strings.CutPrefix(values["DATABASE_URL"], "sqlite:"); isFile {
				require.ErrorContains(t, err, path)
				require.NoFileExists(t, path)
			}

			config, err := backend.ConfigFromEnv(env(values))
			require.NoError(t, err)
			migrateUp(t, config)
			b, log, err := open(t, values)
			require.NoError(t, err)
			require.Contains(t, log, name+" database")
			require.False(t, bytes.Contains([]byte(log), []byte("CANARY")), "a secret is logged")
			_, err = b.Admin.CreateAccount(t.Context(), credstore.NewAccount{Name: "a", Type: credstore.APIKey, APIKey: credstore.NewSecret("k")})
			require.NoError(t, err)
			accounts, err := b.Store.ActiveAccounts(t.Context())
			require.NoError(t, err)
			require.Len(t, accounts, 1)
			require.NoError(t, b.Sessions.CommitCtx(t.Context(), "hash", []byte("data"), time.Now().Add(time.Hour)))
		})
	}
}

// Of several hosts the first one that answers serves.
func TestOpenSeveralHosts(t *testing.T) {
	u, err := url.Parse(testdb.PostgreSQL(t))
	require.NoError(t, err)
	config := databaseConfig(t, t.TempDir(), strings.Replace(u.String(), u.Host, "127.0.0.1:1,"+u.Host, 1))
	migrateUp(t, config)
	b, err := backend.Open(t.Context(), config, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, b.Close())
}

func migrateUp(t testing.TB, config backend.Config) {
	t.Helper()
	db, dialect, err := backend.OpenDatabase(config)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = migrate.New(db, dialect, nil).Up(t.Context())
	require.NoError(t, err)
}

func TestOpenUnreachableDatabase(t *testing.T) {
	_, _, err := open(t, map[string]string{
		"USE_DATABASE_CREDENTIALS": "true", "CREDENTIAL_ENCRYPTION_KEY": longKey,
		"DATABASE_URL": "postgres://u:CANARY-backendpass9@127.0.0.1:1/d?sslmode=disable",
	})
	require.ErrorIs(t, err, credstore.ErrUnavailable)
	require.ErrorContains(t, err, "127.0.0.1:1/d")
	require.False(t, bytes.Contains([]byte(err.Error()), []byte("CANARY")), "a secret is in the error")
}

func TestOpenChecksItsConfig(t *testing.T) {
	_, err := backend.Open(context.Background(), backend.Config{UseDatabase: true}, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "DATABASE_URL is not set")
}
