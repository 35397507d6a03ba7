package migrate_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/vectors"
	"github.com/signalbox-go/signalbox/migrate"
)

// A target is a database to import into, and folders to import from.
type target struct {
	db          *sql.DB
	dialect     sqlstore.Dialect
	migrator    *migrate.Migrator
	sealer      *crypto.Sealer
	store       *sqlstore.Store
	accountsDir string
	keysDir     string
}

// newTarget makes the schema in db and empty folders.
func newTarget(t testing.TB, db *sql.DB, dialect sqlstore.Dialect) *target {
	t.Helper()
	dir := t.TempDir()
	x := &target{
		db: db, dialect: dialect, migrator: migrate.New(db, dialect, nil), sealer: newSealer(t),
		accountsDir: filepath.Join(dir, "accounts"), keysDir: filepath.Join(dir, "train-client-keys"),
	}
	require.NoError(t, os.MkdirAll(x.accountsDir, 0o700))
	require.NoError(t, os.MkdirAll(x.keysDir, 0o700))
	_, err := x.migrator.Up(context.Background())
	require.NoError(t, err)
	x.store = sqlstore.New(db, dialect, x.sealer, &sqlstore.Options{QueryTimeout: 30 * time.Second})
	t.Cleanup(func() { require.NoError(t, x.store.Close()) })
	return x
}

func onTargets(t *testing.T, test func(t *testing.T, x *target)) {
	onEngines(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) { test(t, newTarget(t, db, dialect)) })
}

func (x *target) account(t testing.TB, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(x.accountsDir, name+".credentials.json"), []byte(content), 0o600))
}

func (x *target) keys(t testing.TB, train, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(x.keysDir, train+".client-keys.json"), []byte(content), 0o600))
}

func (x *target) importFiles(t testing.TB, opts *migrate.ImportOptions) *migrate.ImportReport {
	t.Helper()
	report, err := x.migrator.Import(t.Context(), x.sealer, x.accountsDir, x.keysDir, opts)
	require.NoError(t, err)
	return report
}

func (x *target) credential(t testing.TB, id string) *credstore.Credential {
	t.Helper()
	lease, err := x.store.AcquireLease(t.Context(), id, "test", time.Millisecond) // the way to a refresh token
	require.NoError(t, err)
	require.NoError(t, x.store.ReleaseLease(t.Context(), id, "test"))
	return lease.Credential
}

// item finds the report's item of a file.
func item(t testing.TB, items []migrate.ImportItem, file string) migrate.ImportItem {
	t.Helper()
	for _, item := range items {
		if item.File == file {
			return item
		}
	}
	require.FailNow(t, "no item", file)
	return migrate.ImportItem{}
}

// content is everything that the three tables and the audit trail hold, which has
// to be intact.
func (x *target) content(t testing.TB) (rows []string) {
	t.Helper()
	_, err := x.store.VerifyAudit(t.Context(), credstore.AuditCheckpoint{})
	require.NoError(t, err)
	array := "array_to_string(client_api_keys_hashed, ',')"
	if x.dialect == sqlstore.SQLite {
		array = "client_api_keys_hashed"
	}
	for _, query := range []string{
		`SELECT account_id || account_name || coalesce(api_key_encrypted, '-') || coalesce(oauth_refresh_token_encrypted, '-') || updated_at FROM accounts ORDER BY account_id`,
		`SELECT train_id || ` + array + ` || coalesce(CAST(slack_config AS text), '-') || updated_at FROM trains ORDER BY train_id`,
		`SELECT event_id || action || object_id || actor_kind FROM audit_events ORDER BY event_id`,
	} {
		var found []string
		require.NoError(t, sqlx.NewDb(x.db, "").SelectContext(t.Context(), &found, query))
		rows = append(rows, found...)
	}
	return rows
}

type golden struct {
	Accounts []struct {
		File        string
		AccountName string `json:"account_name"`
		Listed      bool
		Import      struct {
			Imported       bool
			Reason         string
			AccountID      string  `json:"account_id"`
			CredentialType string  `json:"credential_type"`
			APIKey         *string `json:"api_key"`
			AccessToken    *string `json:"access_token"`
			RefreshToken   *string `json:"refresh_token"`
			ExpiresAt      *int64  `json:"expires_at"`
			Scopes         []string
			IsMax          bool `json:"is_max"`
		}
	}
	Trains []struct {
		File    string
		TrainID string `json:"train_id"`
		Proxy   *struct {
			ClientKeys []string `json:"client_keys"`
		}
		Import struct{ Imported bool }
	}
}

// The golden data: what the TypeScript system imports becomes exactly its row, and
// every client key that its proxy accepts from files is accepted afterwards.
func TestImportGoldenData(t *testing.T) {
	var want golden
	require.NoError(t, json.Unmarshal(vectors.Read(t, "credentials/expected.json"), &want))
	onTargets(t, func(t *testing.T, x *target) {
		source := filepath.Join(vectors.Dir(t), "credentials")
		x.accountsDir, x.keysDir = filepath.Join(source, "accounts"), filepath.Join(source, "train-client-keys")
		first := x.importFiles(t, nil)
		require.True(t, first.Written)
		imported := 0
		for _, a := range want.Accounts {
			if !a.Listed {
				continue
			}
			got := item(t, first.Accounts, a.File)
			if !a.Import.Imported {
				if got.Outcome == migrate.OutcomeFailed {
					require.NotEmpty(t, got.Reason)
				} else {
					require.Contains(t, []string{"oauth-scopes-as-text.credentials.json"}, a.File, "imported beyond the TypeScript system")
				}
				continue
			}
			imported++
			require.Equal(t, migrate.OutcomeNew, got.Outcome, "%s: %s", a.File, got.Reason)
			require.Equal(t, a.Import.AccountID, got.ID)
			account, err := x.store.GetAccount(t.Context(), got.ID)
			require.NoError(t, err)
			require.Equal(t, a.AccountName, account.Name)
			require.Equal(t, a.Import.CredentialType, string(account.Type))
			require.Equal(t, a.Import.IsMax, account.IsMax)
			require.Equal(t, a.Import.Scopes, account.Scopes)
			require.True(t, account.Active)
			if a.Import.ExpiresAt == nil {
				require.Zero(t, account.ExpiresAt)
			} else {
				require.Equal(t, *a.Import.ExpiresAt, account.ExpiresAt.UnixMilli())
			}
			require.Equal(t, [3]*string{a.Import.APIKey, a.Import.AccessToken, a.Import.RefreshToken}, x.opened(t, got.ID))
		}
		require.Equal(t, 12, imported)
		x.requireGoldenTrains(t, &want, first)

		before := x.content(t)
		second := x.importFiles(t, nil)
		require.Zero(t, second.Summary.New)
		require.Zero(t, second.Summary.Updated)
		require.Equal(t, first.Summary.Failed, second.Summary.Failed)
		require.Equal(t, first.Summary.New, second.Summary.Unchanged)
		require.Equal(t, before, x.content(t), "not even updated_at")
	})
}

func (x *target) requireGoldenTrains(t *testing.T, want *golden, report *migrate.ImportReport) {
	t.Helper()
	for _, train := range want.Trains {
		if train.Proxy == nil {
			continue
		}
		got := item(t, report.Trains, train.File)
		if train.Import.Imported {
			require.Equal(t, migrate.OutcomeNew, got.Outcome, train.File)
		}
		if len(train.Proxy.ClientKeys) == 0 && got.Outcome == migrate.OutcomeNew {
			require.Contains(t, got.Notes, "no usable client key: this file lets nobody in")
		}
		for _, key := range train.Proxy.ClientKeys {
			require.NoError(t, x.store.ValidateClientKey(t.Context(), train.TrainID, credstore.NewSecret(key)), train.File)
		}
	}
}

// opened are the three stored secrets of an account; nil: none.
func (x *target) opened(t *testing.T, id string) (secrets [3]*string) {
	t.Helper()
	require.NoError(t, x.store.RunInTx(t.Context(), func(tx *sqlstore.Tx) error {
		row, err := tx.GetAccount(t.Context(), id)
		require.NoError(t, err)
		for k, sealed := range []string{row.APIKey, row.AccessToken, row.RefreshToken} {
			if sealed != "" {
				plaintext, err := x.sealer.Open(sealed)
				require.NoError(t, err)
				secrets[k] = &plaintext
			}
		}
		return nil
	}))
	return secrets
}
