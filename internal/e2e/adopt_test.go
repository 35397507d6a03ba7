package e2e_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/internal/vectors"
)

// A database that the TypeScript system made, sealed under its key, serves after
// one migrate up: its client keys open its trains, and only their accounts are used.
func TestAdoptedDatabaseServes(t *testing.T) {
	url := testdb.PostgreSQL(t)
	key, secret := loadTypeScriptDatabase(t, url)
	d := &deployment{logs: new(logs)}
	d.api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("x-api-key") != secret {
			http.Error(w, "wrong credential", http.StatusTeapot)
		}
	}))
	t.Cleanup(d.api.Close)
	d.env = map[string]string{
		"USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": url, "CREDENTIAL_ENCRYPTION_KEY": key,
		"STATE_DIR": t.TempDir(), "CLAUDE_API_BASE_URL": d.api.URL, "PORT": "0",
	}
	d.migrate(t, "up")
	d.migrate(t, "verify")

	p := d.startProxy(t)
	for train, want := range map[string]int{
		"train.1": http.StatusOK,           // its default account is inactive, one of its two mapped accounts is not
		"train:2": http.StatusUnauthorized, // no client keys
		"train-3": http.StatusUnauthorized, // deactivated
	} {
		status, body, err := p.send(t.Context(), train, "password") // the key whose hash the database holds
		require.NoError(t, err)
		require.Equal(t, want, status, "%s: %s", train, body)
	}
	db := openPostgres(t, url)
	require.Eventually(t, func() bool { return lastUsed(t, db, "acc_1") }, eventually, 50*tick)
	require.False(t, lastUsed(t, db, "acc_4"))
	d.logs.requireNoSecret(t)
}

// loadTypeScriptDatabase fills the database with the sample of package migrate,
// its secrets sealed by the TypeScript system, and returns their key and plaintext.
func loadTypeScriptDatabase(t *testing.T, url string) (key, secret string) {
	t.Helper()
	var golden struct {
		Valid []struct{ Key, Plaintext, Ciphertext string }
	}
	require.NoError(t, json.Unmarshal(vectors.Read(t, "encryption.json"), &golden))
	script, err := os.ReadFile("../../migrate/testdata/typescript.sql")
	require.NoError(t, err)
	for _, sample := range golden.Valid {
		if !strings.HasPrefix(sample.Plaintext, "sk-ant-") {
			continue
		}
		db := openPostgres(t, url)
		_, err = db.ExecContext(t.Context(), strings.ReplaceAll(string(script), ":'sealed'", pq.QuoteLiteral(sample.Ciphertext)))
		require.NoError(t, err)
		return sample.Key, sample.Plaintext
	}
	t.Fatal("no sample that looks like a credential")
	return "", ""
}

func lastUsed(t *testing.T, db *sql.DB, account string) (used bool) {
	t.Helper()
	err := db.QueryRowContext(t.Context(),
		"SELECT last_used_at IS NOT NULL FROM accounts WHERE account_id = $1", account).Scan(&used)
	require.NoError(t, err)
	return used
}

func openPostgres(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
