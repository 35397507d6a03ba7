package migrate_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/internal/vectors"
	"github.com/signalbox-go/signalbox/migrate"
)

// typescriptDatabase makes a database as the TypeScript system leaves it, and a
// sealer for its key.
func typescriptDatabase(t *testing.T) (url string, sealer *crypto.Sealer, secret string) {
	t.Helper()
	var golden struct {
		Valid []struct{ Key, Plaintext, Ciphertext string }
	}
	require.NoError(t, json.Unmarshal(vectors.Read(t, "encryption.json"), &golden))
	sample := golden.Valid[0]
	for _, v := range golden.Valid {
		if strings.HasPrefix(v.Plaintext, "sk-ant-") {
			sample = v
		}
	}
	require.NotEmpty(t, sample.Plaintext)
	script, err := os.ReadFile(filepath.Join("testdata", "typescript.sql"))
	require.NoError(t, err)
	url = testdb.PostgreSQL(t)
	runScript(t, url, strings.ReplaceAll(string(script), ":'sealed'", pq.QuoteLiteral(sample.Ciphertext)))
	sealer, err = crypto.NewSealer(sample.Key, nil)
	require.NoError(t, err)
	t.Cleanup(sealer.Close)
	return url, sealer, sample.Plaintext
}

func runScript(t *testing.T, url, script string) {
	t.Helper()
	db, err := sql.Open("postgres", url)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), script)
	require.NoError(t, err)
}

// A database of the TypeScript system is adopted: not a byte of its tables
// changes, in definition or rows, and its statements work on.
func TestAdoptTypeScriptDatabase(t *testing.T) {
	url, sealer, secret := typescriptDatabase(t)
	before := dump(t, url)
	require.Contains(t, before, "accounts_credential_type_check")

	db := open(t, url)
	m := migrate.New(db, sqlstore.Postgres, nil)
	require.Equal(t, migrate.SchemaUnadopted, schema(t, m))
	up, err := m.Up(t.Context())
	require.NoError(t, err)
	require.Equal(t, allSteps, ids(up.Steps))
	require.Equal(t, before, dump(t, url))

	report, err := m.Verify(t.Context(), sealer, nil)
	require.NoError(t, err)
	require.Empty(t, report.Findings)
	require.EqualValues(t, 8, report.Secrets)
	require.Equal(t, map[string]int64{"accounts": 4, "trains": 3, "train_account_mappings": 3,
		"audit_events": 0, "audit_chain": 0, "account_refreshes": 0, "dashboard_sessions": 0}, report.Rows)
	require.Equal(t, before, dump(t, url), "verifying changes nothing")

	// The files that it was made from change nothing either.
	x := &target{migrator: m, sealer: sealer, accountsDir: t.TempDir(), keysDir: t.TempDir()}
	x.account(t, "team-beta", fmt.Sprintf(`{"type": "oauth", "oauth": {"accessToken": %q, "refreshToken": %q,
	  "expiresAt": 4102444800000, "scopes": ["user:profile", "user:inference"], "isMax": true}}`, secret, secret))
	require.Equal(t, migrate.ImportSummary{Unchanged: 1}, x.importFiles(t, nil).Summary)
	x.accountsDir = t.TempDir() // the sample has one secret for all accounts, which two files must not share
	x.account(t, "retired", fmt.Sprintf(`{"type": "oauth", "accountId": "acc_3", "oauth": {"accessToken": %q, "refreshToken": %q}}`, secret, secret))
	x.keys(t, "train.1", `{"keys": [" password "]}`)
	require.Equal(t, migrate.ImportSummary{Unchanged: 2}, x.importFiles(t, nil).Summary)
	require.Equal(t, before, dump(t, url))

	_, err = m.Down(t.Context(), &migrate.DownOptions{Steps: 4})
	require.ErrorIs(t, err, migrate.ErrHoldsRows)
	require.Equal(t, before, dump(t, url))
	typescriptWorksOn(t, db)
}

// typescriptWorksOn runs the kinds of statements that the TypeScript system has.
func typescriptWorksOn(t *testing.T, db *sql.DB) {
	t.Helper()
	execute(t, db, `INSERT INTO account_refreshes (account_id, lease_owner, lease_expires_at) VALUES ('acc_1', 'o', now())`)
	for _, statement := range []string{
		`INSERT INTO accounts (account_id, account_name, credential_type, api_key_encrypted) VALUES ('acc_new', 'new', 'api_key', 'x')
		   ON CONFLICT (account_id) DO UPDATE SET account_name = EXCLUDED.account_name, updated_at = NOW()`,
		`UPDATE accounts SET oauth_access_token_encrypted = 'x', oauth_refresh_token_encrypted = 'y', oauth_expires_at = 1, updated_at = NOW() WHERE account_id = 'acc_3'`,
		`UPDATE accounts SET last_used_at = NOW() WHERE account_id = 'acc_1'`,
		`INSERT INTO trains (train_id, train_name, client_api_keys_hashed) VALUES ('train.1', 'Uno', ARRAY['a'])
		   ON CONFLICT (train_id) DO UPDATE SET client_api_keys_hashed = EXCLUDED.client_api_keys_hashed, updated_at = NOW()`,
		`DELETE FROM accounts WHERE account_id = 'acc_1'`,
		`DELETE FROM trains WHERE train_id = 'train:2'`,
	} {
		execute(t, db, statement)
	}
	require.Equal(t, 1, queryInt(t, db, `SELECT count(*) FROM train_account_mappings`), "cascades are followed")
	require.Equal(t, 0, queryInt(t, db, `SELECT count(*) FROM account_refreshes`), "ours as well")
	require.Equal(t, 1, queryInt(t, db, `SELECT count(*) FROM trains WHERE train_id = 'train-3' AND default_account_id IS NULL`))
}

// dump is what pg_dump writes of the three tables, definition and rows.
func dump(t *testing.T, url string) string {
	t.Helper()
	program, err := exec.LookPath("pg_dump")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
		require.NotEmpty(t, found, "pg_dump is part of PostgreSQL")
		program = found[len(found)-1]
	}
	command := exec.CommandContext(t.Context(), program, "--inserts",
		"-t", "accounts", "-t", "trains", "-t", "train_account_mappings", url)
	output, err := command.Output()
	require.NoError(t, err)
	var lines []string
	for line := range strings.Lines(string(output)) {
		if !strings.HasPrefix(line, `\restrict`) && !strings.HasPrefix(line, `\unrestrict`) { // random
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
