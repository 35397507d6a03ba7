package migrate_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/migrate"
)

const key = "an encryption key for tests, 32 or more characters"

// sharedSealer seals everything with one salt: a key derivation takes half a second
// under the race detector.
var sharedSealer = sync.OnceValues(func() (*crypto.Sealer, error) {
	return crypto.NewSealer(key, &crypto.SealerOptions{ReuseSalt: true})
})

func newSealer(t testing.TB) *crypto.Sealer {
	t.Helper()
	sealer, err := sharedSealer()
	require.NoError(t, err)
	return sealer
}

func seal(t testing.TB, sealer credstore.Sealer, plaintext string) string {
	t.Helper()
	sealed, err := sealer.Seal(plaintext)
	require.NoError(t, err)
	return sealed
}

func verify(t *testing.T, m *migrate.Migrator, sealer credstore.Sealer) (*migrate.Report, []string) {
	t.Helper()
	report, err := m.Verify(t.Context(), sealer, nil)
	require.NoError(t, err)
	var lines []string
	for _, finding := range report.Findings {
		lines = append(lines, finding.String())
	}
	return report, lines
}

func TestVerifyCleanDatabase(t *testing.T) {
	onEngines(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
		m := migrate.New(db, dialect, nil)
		sealer := newSealer(t)
		report, findings := verify(t, m, sealer)
		require.False(t, report.OK(), "an empty database has no tables")
		require.Equal(t, migrate.SchemaMissing, report.Schema)
		require.Contains(t, findings, "error: accounts: the table is missing")

		_, err := m.Up(t.Context())
		require.NoError(t, err)
		execute(t, db, insertAccount)
		execute(t, db, fmt.Sprintf(`UPDATE accounts SET api_key_encrypted = '%s'`, seal(t, sealer, "secret")))
		report, findings = verify(t, m, sealer)
		require.Empty(t, findings)
		require.True(t, report.OK())
		require.EqualValues(t, 1, report.Secrets)
		require.Equal(t, migrate.SchemaCurrent, report.Schema)
	})
}

// Each kind of damage is named by table, row and column, and no secret is shown.
func TestVerifyFindings(t *testing.T) {
	onEngines(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
		m := migrate.New(db, dialect, nil)
		sealer := newSealer(t)
		_, err := m.Up(t.Context())
		require.NoError(t, err)
		other, err := crypto.NewSealer(strings.Repeat("another key", 3), nil)
		require.NoError(t, err)
		defer other.Close()
		foreign := seal(t, other, "CANARY-1")
		insert := `INSERT INTO accounts (account_id, account_name, credential_type, api_key_encrypted,
		  oauth_access_token_encrypted, oauth_expires_at, is_active) VALUES `
		execute(t, db, insert+`('acc_1', 'other-key', 'api_key', '`+foreign+`', NULL, 0, true)`)
		execute(t, db, insert+`('acc 2', 'a/b', 'api_key', 'CANARY-2', 'CANARY-5', 1700000000, NULL)`)
		keys := `["CANARY-3", "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"]`
		if dialect == sqlstore.Postgres {
			keys = strings.NewReplacer("[", "{", "]", "}").Replace(keys)
		}
		execute(t, db, `INSERT INTO trains (train_id, client_api_keys_hashed, slack_config) VALUES ('t1', '`+keys+`', '{"channel": "CANARY-4"}')`)
		execute(t, db, "DROP INDEX idx_trains_active")
		want := []string{
			`error: accounts "acc 2".account_id: invalid id: account id has a character outside A-Z a-z 0-9 . _ : - at position 4`,
			`error: accounts "acc 2".account_name: invalid id: account name has a character outside A-Z a-z 0-9 . _ : - at position 2`,
			`error: accounts "acc 2".api_key_encrypted: does not open: crypto: malformed sealed value: want four parts joined by colons`,
			`error: accounts "acc 2".oauth_access_token_encrypted: does not open: crypto: malformed sealed value: want four parts joined by colons`,
			`error: accounts acc_1.api_key_encrypted: does not open: crypto: wrong encryption key, or altered value`,
			`error: trains t1.client_api_keys_hashed: entry 1 is not a lower-case hex SHA-256: it opens nothing`,
			`error: trains t1.client_api_keys_hashed: entry 3 is there twice`,
			`error: trains.idx_trains_active: the index is missing`,
			`warning: accounts "acc 2".is_active: NULL, which counts as deactivated`,
			`warning: accounts "acc 2".oauth_expires_at: 1700000000 is not a time in milliseconds since 1970`,
			`warning: trains t1.slack_config: enabled without a webhook_url`,
		}
		report, findings := verify(t, m, sealer)
		slices.Sort(findings)
		require.Equal(t, want, findings)
		require.Equal(t, 8, report.Errors)
		require.Equal(t, 3, report.Warnings)
		require.NotContains(t, strings.Join(findings, "\n"), "CANARY")
	})
}

// What the constraints forbid is found where the constraints are gone.
func TestVerifyMissingConstraints(t *testing.T) {
	onEngines(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
		m := migrate.New(db, dialect, nil)
		_, err := m.Up(t.Context())
		require.NoError(t, err)
		want := []string{
			`error: train_account_mappings t1/acc_gone.account_id: names a row of accounts that is not there`,
			`error: trains t1.default_account_id: names a row of accounts that is not there`,
		}
		switch dialect {
		case sqlstore.Postgres:
			execute(t, db, `ALTER TABLE trains DROP CONSTRAINT fk_default_account`)
			execute(t, db, `ALTER TABLE train_account_mappings DROP CONSTRAINT fk_mapping_account,
			  ADD CONSTRAINT fk_mapping_account FOREIGN KEY (account_id) REFERENCES accounts (account_id) NOT VALID`)
			execute(t, db, `ALTER TABLE accounts DROP CONSTRAINT api_key_required`)
			execute(t, db, `ALTER TABLE audit_events DISABLE TRIGGER audit_events_no_change`)
			execute(t, db, `ALTER TABLE train_account_mappings DISABLE TRIGGER ALL`)
			want = append(want,
				`error: accounts.api_key_required: the constraint is missing`,
				`error: trains.fk_default_account: the constraint is missing`,
				`error: train_account_mappings.fk_mapping_account: the constraint is "FOREIGN KEY (account_id) REFERENCES accounts(account_id) NOT VALID", not "FOREIGN KEY (account_id) REFERENCES accounts(account_id) ON DELETE CASCADE"`,
				`error: audit_events.audit_events_no_change: the trigger is disabled`)
		case sqlstore.SQLite:
			db.SetMaxOpenConns(1)
			execute(t, db, `PRAGMA foreign_keys = 0`)
			execute(t, db, `DROP TRIGGER audit_events_no_replace`)
			want = append(want, `error: audit_events.audit_events_no_replace: the trigger is missing`,
				`error: trains t1.updated_at: is not a time of the form 2006-01-02T15:04:05.000000Z`)
		}
		execute(t, db, `INSERT INTO trains (train_id, default_account_id) VALUES ('t1', 'acc_gone')`)
		execute(t, db, `INSERT INTO train_account_mappings (train_id, account_id) VALUES ('t1', 'acc_gone')`)
		if dialect == sqlstore.SQLite {
			execute(t, db, `UPDATE trains SET updated_at = 'yesterday'`)
		}
		_, findings := verify(t, m, newSealer(t))
		require.ElementsMatch(t, want, findings)
	})
}

// Whatever disarms what protects the audit trail is found.
func TestVerifyAuditTriggers(t *testing.T) {
	broken := map[sqlstore.Dialect][]struct{ statements, want string }{
		sqlstore.Postgres: {
			{`ALTER TABLE audit_events ENABLE ALWAYS TRIGGER audit_events_no_truncate`, ""},
			{`ALTER TABLE audit_events ENABLE REPLICA TRIGGER audit_events_no_truncate`, "no_truncate: the trigger is disabled"},
			{`ALTER TABLE audit_events DISABLE TRIGGER audit_events_no_change`, "no_change: the trigger is disabled"},
			{`CREATE OR REPLACE FUNCTION audit_events_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`, `no_truncate: the trigger is "BEFORE TRUNCATE FOR EACH STATEMENT EXECUTE FUNCTION audit_events_append_only() AS BEGIN RETURN NEW; END`},
			{`ALTER TRIGGER audit_events_no_change ON audit_events RENAME TO another`, "no_change: the trigger is missing"},
			{`DROP TRIGGER audit_events_no_truncate ON audit_events`, "no_truncate: the trigger is missing"},
		},
		sqlstore.SQLite: {
			{`DROP TRIGGER audit_events_no_update`, "no_update: the trigger is missing"},
			{`CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events WHEN 0 BEGIN SELECT 1; END`, `no_update: the trigger is "CREATE TRIGGER`},
			{`DROP TRIGGER audit_events_no_delete`, "no_delete: the trigger is missing"},
			{`DROP TRIGGER audit_events_no_replace`, "no_replace: the trigger is missing"},
		},
	}
	onEngines(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
		m := migrate.New(db, dialect, nil)
		_, err := m.Up(t.Context())
		require.NoError(t, err)
		for _, tt := range append([]struct{ statements, want string }{{"SELECT 1", ""}}, broken[dialect]...) {
			execute(t, db, tt.statements)
			findings, err := m.VerifyAuditTriggers(t.Context())
			require.NoError(t, err)
			if tt.want == "" {
				require.Empty(t, findings, tt.statements)
				continue
			}
			require.Contains(t, fmt.Sprint(findings), "error: audit_events.audit_events_"+tt.want, tt.statements)
		}
	})
}
