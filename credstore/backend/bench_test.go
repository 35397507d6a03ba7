package backend_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/internal/testdb"
)

// BenchmarkFirstUse is the first use of an account since the start, whose secrets no
// cache holds, beside one bare key derivation.
func BenchmarkFirstUse(b *testing.B) {
	b.Run("derivation", func(b *testing.B) {
		for b.Loop() {
			_, err := pbkdf2.Key(sha256.New, longKey, make([]byte, 32), 100_000, 32)
			require.NoError(b, err)
		}
	})
	for name, url := range map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.PostgreSQL} {
		config, err := backend.ConfigFromEnv(env(map[string]string{
			"STATE_DIR": filepath.Join(b.TempDir(), "state"), "USE_DATABASE_CREDENTIALS": "true",
			"DATABASE_URL": url(b), "CREDENTIAL_ENCRYPTION_KEY": longKey,
		}))
		require.NoError(b, err)
		addAccounts(b, config)
		for _, id := range []string{"api_key", "oauth"} {
			b.Run(name+"/"+id, func(b *testing.B) { benchmarkFirstUse(b, config, id) })
		}
	}
}

func benchmarkFirstUse(b *testing.B, config backend.Config, accountID string) {
	for b.Loop() {
		b.StopTimer()
		opened, err := backend.Open(b.Context(), config, slog.New(slog.DiscardHandler))
		require.NoError(b, err)
		b.StartTimer()
		_, err = opened.Store.GetCredential(b.Context(), accountID)
		require.NoError(b, err)
		b.StopTimer()
		require.NoError(b, opened.Close())
		b.StartTimer()
	}
}

func addAccounts(b *testing.B, config backend.Config) {
	b.Helper()
	migrateUp(b, config)
	opened, err := backend.Open(b.Context(), config, slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	defer func() { require.NoError(b, opened.Close()) }()
	secret := credstore.NewSecret("a secret")
	for _, account := range []credstore.NewAccount{
		{ID: "api_key", Name: "api_key", Type: credstore.APIKey, APIKey: secret},
		{ID: "oauth", Name: "oauth", Type: credstore.OAuth, Tokens: credstore.Tokens{Access: secret, Refresh: secret}},
	} {
		_, err := opened.Admin.CreateAccount(b.Context(), account)
		require.NoError(b, err)
	}
}
