package migrate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/migrate"
)

func apiKeyFile(id, key string) string {
	return fmt.Sprintf(`{"type": "api_key", "accountId": %q, "api_key": %q}`, id, key)
}

func oauthFile(id, access, refresh string, expires time.Time) string {
	return fmt.Sprintf(`{"type": "oauth", "accountId": %q, "oauth": {"accessToken": %q, "refreshToken": %q, "expiresAt": %d, "scopes": ["s"], "isMax": true}}`,
		id, access, refresh, expires.UnixMilli())
}

var hour = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)

// The life of a database that files are imported into again and again, while it
// is used.
func TestImportAgain(t *testing.T) {
	onTargets(t, func(t *testing.T, x *target) {
		ctx := t.Context()
		x.account(t, "key", apiKeyFile("acc_key", "CANARY-key-1"))
		x.account(t, "tokens", oauthFile("acc_tokens", "CANARY-access-1", "CANARY-refresh-1", hour))
		x.keys(t, "train", `{"keys": ["CANARY-client-1"]}`)
		first := x.importFiles(t, nil)
		require.Equal(t, migrate.ImportSummary{New: 3}, first.Summary)
		require.Equal(t, "CANARY-key-1", x.credential(t, "acc_key").APIKey.Reveal())
		require.Equal(t, "CANARY-refresh-1", x.credential(t, "acc_tokens").Tokens.Refresh.Reveal())
		require.Equal(t, []string{"s"}, x.credential(t, "acc_tokens").Tokens.Scopes)

		// The gateway refreshes, an operator adds a client key and takes an account out.
		require.NoError(t, x.store.SaveTokens(ctx, "acc_tokens", credstore.NewSecret("CANARY-refresh-1"), credstore.Tokens{
			Access: credstore.NewSecret("CANARY-access-2"), Refresh: credstore.NewSecret("CANARY-refresh-2"), ExpiresAt: hour.Add(time.Hour),
		}))
		_, err := x.store.AddClientKeys(ctx, "train", credstore.NewSecret("CANARY-client-2"))
		require.NoError(t, err)
		require.NoError(t, x.store.DeactivateAccount(ctx, "acc_key", false))
		before := x.content(t)
		again := x.importFiles(t, nil)
		require.Equal(t, migrate.ImportSummary{Unchanged: 3}, again.Summary)
		require.Equal(t, []string{"deactivated in the database, and stays so"}, item(t, again.Accounts, "key.credentials.json").Notes)
		require.Equal(t, []string{"kept the stored tokens, newer than the file's"}, item(t, again.Accounts, "tokens.credentials.json").Notes)
		require.Contains(t, again.Trains[0].Notes[0], "client keys that only the database has: 1")
		require.Equal(t, before, x.content(t))

		// The files are edited.
		x.account(t, "key", apiKeyFile("acc_key", "CANARY-key-3"))
		x.account(t, "tokens", oauthFile("acc_tokens", "CANARY-access-3", "CANARY-refresh-3", hour.Add(2*time.Hour)))
		x.keys(t, "train", `["CANARY-client-3", "", 7]`)
		edited := x.importFiles(t, nil)
		require.Equal(t, migrate.ImportSummary{Updated: 3}, edited.Summary)
		require.Equal(t, []string{"api_key"}, item(t, edited.Accounts, "key.credentials.json").Changed)
		require.Equal(t, []string{"tokens"}, item(t, edited.Accounts, "tokens.credentials.json").Changed)
		require.Equal(t, []string{"client_keys"}, edited.Trains[0].Changed)
		require.Equal(t, []string{
			"2 entries are left out: blank, or no text",
			"client keys that only the database has: 2; they stay valid until they are revoked",
		}, edited.Trains[0].Notes)
		require.Equal(t, "CANARY-refresh-3", x.credential(t, "acc_tokens").Tokens.Refresh.Reveal())
		for n := 1; n <= 3; n++ {
			key := credstore.NewSecret(fmt.Sprintf("CANARY-client-%d", n))
			require.NoError(t, x.store.ValidateClientKey(ctx, "train", key), "client keys are never removed")
		}
		account, err := x.store.GetAccount(ctx, "acc_key")
		require.NoError(t, err)
		require.False(t, account.Active)

		x.requireAudit(t, "account.rotate acc_tokens command", "account.rotate acc_key command", "client_key.add train command",
			"account.deactivate acc_key unknown", "client_key.add train unknown",
			"account.create acc_tokens command", "account.create acc_key command", "train.create train command")
		requireNoCanary(t, first, again, edited)
	})
}

// requireAudit compares the audit trail, newest first, and searches it for secrets.
func (x *target) requireAudit(t *testing.T, want ...string) {
	t.Helper()
	page, err := x.store.ListAudit(t.Context(), credstore.AuditFilter{}, credstore.PageRequest{})
	require.NoError(t, err)
	var got []string
	for _, e := range page.Items {
		got = append(got, fmt.Sprintf("%s %s %s", e.Action, e.ObjectID, e.Actor.Kind))
		require.NotContains(t, string(e.Before)+string(e.After), "CANARY")
	}
	require.Equal(t, want, got)
}

func requireNoCanary(t *testing.T, reports ...*migrate.ImportReport) {
	t.Helper()
	for _, report := range reports {
		data, err := json.Marshal(report)
		require.NoError(t, err)
		require.NotContains(t, string(data), "CANARY")
		require.NotContains(t, fmt.Sprintf("%+v", report), "CANARY")
	}
}

// Files and rows that name one another's accounts fail with the reason, and only they.
func TestImportClashes(t *testing.T) {
	onTargets(t, func(t *testing.T, x *target) {
		x.account(t, "one", apiKeyFile("acc_1", "CANARY-1"))
		x.account(t, "two", apiKeyFile("acc_2", "CANARY-2"))
		x.account(t, "three", `{"type": "api_key", "api_key": "CANARY-3"}`)
		require.Equal(t, 3, x.importFiles(t, nil).Summary.New)
		name := "renamed"
		_, err := x.store.UpdateAccount(t.Context(), "acc_three", credstore.AccountUpdate{Name: &name})
		require.NoError(t, err)

		x.account(t, "one", apiKeyFile("acc_2", "CANARY-1"))            // another's id
		x.account(t, "two", apiKeyFile("acc_9", "CANARY-2"))            // another id for the name
		x.account(t, "four", apiKeyFile("acc_4", "CANARY-4"))           // fine
		x.account(t, "five", apiKeyFile("acc_4", "CANARY-5"))           // id of the file before
		x.account(t, "renamed", apiKeyFile("acc_three", "CANARY-6"))    // and three: one row for two files
		x.account(t, "broken", `{"type": "api_key", "api_key": "CAN`)   // no JSON
		x.account(t, "half", oauthFile("acc_half", "CANARY", "", hour)) // cannot be stored
		x.account(t, "no good name", apiKeyFile("acc_5", "CANARY-7"))
		require.NoError(t, os.Mkdir(filepath.Join(x.accountsDir, "folder.credentials.json"), 0o700))
		x.keys(t, "cut", `["CANARY`)
		x.keys(t, "good", `["CANARY-client"]`)
		report := x.importFiles(t, nil)
		reasons := map[string]string{
			"one":          "the name one is stored with account id acc_1, but the file has acc_2",
			"two":          "the name two is stored with account id acc_2, but the file has acc_9",
			"four":         "account id acc_4 is that of five.credentials.json",
			"broken":       "broken.credentials.json",
			"half":         "needs an access token and a refresh token (constraint api_key_required)",
			"no good name": "character outside",
			"folder":       "not a regular file",
		}
		for file, reason := range reasons {
			got := item(t, report.Accounts, file+".credentials.json")
			require.Equal(t, migrate.OutcomeFailed, got.Outcome, file)
			require.Contains(t, got.Reason, reason)
		}
		require.Equal(t, migrate.OutcomeNew, item(t, report.Accounts, "five.credentials.json").Outcome)
		renamed, three := item(t, report.Accounts, "renamed.credentials.json"), item(t, report.Accounts, "three.credentials.json")
		require.Equal(t, migrate.OutcomeUpdated, renamed.Outcome)
		require.Contains(t, three.Reason, "account id acc_three is that of renamed.credentials.json")
		require.Equal(t, migrate.OutcomeFailed, item(t, report.Trains, "cut.client-keys.json").Outcome)
		require.Equal(t, migrate.OutcomeNew, item(t, report.Trains, "good.client-keys.json").Outcome)
		require.Equal(t, "CANARY-6", x.credential(t, "acc_three").APIKey.Reveal())
		requireNoCanary(t, report)
	})
}

// What of a file cannot be taken as it is: refused or noted, never silent.
func TestImportOddFiles(t *testing.T) {
	onTargets(t, func(t *testing.T, x *target) {
		x.account(t, "crlf", `{"type": "api_key", "api_key": "CANARY-1\r\nX-Other: 1"}`)
		x.account(t, "nul", `{"type": "api_key", "api_key": "CANARY-2\u0000"}`)
		x.account(t, "token", `{"type": "oauth", "oauth": {"accessToken": "CANARY-3\n3", "refreshToken": "CANARY-4"}}`)
		x.account(t, "padded", `{"type": "api_key", "api_key": "CANARY-5\r\n"}`)
		x.account(t, "beside", `{"type": "api_key", "api_key": "CANARY-6", "oauth": {"accessToken": "CANARY-7\n7", "refreshToken": "CANARY-8"}}`)
		x.account(t, "slack", `{"type": "api_key", "api_key": "CANARY-9", "slack": {"webhook": "CANARY-10", "channel": 5, "enabled": "no"}}`)
		x.account(t, "list", `{"type": "api_key", "api_key": "CANARY-11", "slack": []}`)
		x.keys(t, "latin", "[\"CANARY-\xe9\"]")
		want := map[string]string{
			"crlf": "API key has a control character", "nul": "API key has a control character", "token": "access token has a control character",
			"padded": "the API key has white space around it", "beside": "", "list": `"slack" is not a JSON object`,
			"slack": `what is not known, or not what it should be: ["channel" "enabled" "webhook"]`,
		}
		for _, opts := range []*migrate.ImportOptions{{DryRun: true}, nil} {
			report := x.importFiles(t, opts)
			require.Equal(t, migrate.ImportSummary{New: 4, Failed: 4}, report.Summary)
			for name, says := range want {
				got := item(t, report.Accounts, name+".credentials.json")
				require.Contains(t, got.Reason+strings.Join(got.Notes, "\n"), says, name)
			}
			require.Contains(t, report.Trains[0].Reason, "not UTF-8")
			requireNoCanary(t, report)
		}
	})
}

func TestImportFindsRenamedAccount(t *testing.T) {
	onTargets(t, func(t *testing.T, x *target) {
		x.account(t, "one", apiKeyFile("acc_1", "CANARY-1"))
		x.importFiles(t, nil)
		name := "uno"
		_, err := x.store.UpdateAccount(t.Context(), "acc_1", credstore.AccountUpdate{Name: &name})
		require.NoError(t, err)
		report := x.importFiles(t, nil)
		require.Equal(t, migrate.ImportSummary{Unchanged: 1}, report.Summary)
		require.Equal(t, []string{"stored under the name uno, which stays"}, report.Accounts[0].Notes)
	})
}

func TestImportMissingFolders(t *testing.T) {
	onTargets(t, func(t *testing.T, x *target) {
		x.accountsDir, x.keysDir = filepath.Join(x.accountsDir, "none"), filepath.Join(x.keysDir, "none")
		report := x.importFiles(t, nil)
		require.True(t, report.Written)
		require.Zero(t, report.Summary)
	})
}

func TestImportNeedsSchema(t *testing.T) {
	for name, e := range engines {
		t.Run(name, func(t *testing.T) {
			_, err := migrate.New(open(t, e.url(t)), e.dialect, nil).Import(t.Context(), newSealer(t), "a", "b", nil)
			require.ErrorIs(t, err, sqlstore.ErrSchema)
			require.ErrorContains(t, err, "run `migrate up`")
		})
	}
}

func TestImportStrictAndDryRun(t *testing.T) {
	onTargets(t, func(t *testing.T, x *target) {
		x.account(t, "good", apiKeyFile("acc_1", "CANARY-1"))
		x.keys(t, "train", `["CANARY-client"]`)
		dry := x.importFiles(t, &migrate.ImportOptions{DryRun: true})
		require.False(t, dry.Written)
		require.Equal(t, migrate.ImportSummary{New: 2}, dry.Summary)
		require.Empty(t, x.content(t))

		x.account(t, "bad", `{}`)
		strict, err := x.migrator.Import(t.Context(), x.sealer, x.accountsDir, x.keysDir, &migrate.ImportOptions{Strict: true})
		require.ErrorIs(t, err, migrate.ErrStrict)
		require.False(t, strict.Written)
		require.Equal(t, migrate.ImportSummary{New: 2, Failed: 1}, strict.Summary)
		require.Empty(t, x.content(t))

		require.NoError(t, os.Remove(filepath.Join(x.accountsDir, "bad.credentials.json")))
		require.True(t, x.importFiles(t, &migrate.ImportOptions{Strict: true}).Written)
		require.Len(t, x.content(t), 4)
	})
}

// Secrets are not sealed under a key that is not the database's, and one that does
// not open is not overwritten.
func TestImportUnderAnotherKey(t *testing.T) {
	onTargets(t, func(t *testing.T, x *target) {
		x.account(t, "one", apiKeyFile("acc_1", "CANARY-1"))
		x.importFiles(t, nil)
		before := x.content(t)
		x.account(t, "two", apiKeyFile("acc_2", "CANARY-2"))
		other, err := crypto.NewSealer(strings.Repeat("another key", 3), nil)
		require.NoError(t, err)
		defer other.Close()
		_, err = x.migrator.Import(t.Context(), other, x.accountsDir, x.keysDir, nil)
		require.ErrorIs(t, err, credstore.ErrDamaged)
		require.ErrorContains(t, err, "not the encryption key of the database")
		require.Equal(t, before, x.content(t))

		x.importFiles(t, nil)
		execute(t, x.db, "UPDATE accounts SET api_key_encrypted = 'damaged' WHERE account_id = 'acc_1'")
		report := x.importFiles(t, nil)
		require.Equal(t, migrate.ImportSummary{Unchanged: 1, Failed: 1}, report.Summary)
		require.Contains(t, report.Accounts[0].Reason, "the stored API key does not open")
	})
}

func TestImportSlack(t *testing.T) {
	onTargets(t, func(t *testing.T, x *target) {
		slack := func(channel string) string {
			return `{"type": "api_key", "api_key": "CANARY-key", "slack": {"webhook_url": "https://hooks.slack.invalid/CANARY", "channel": "` + channel + `"}}`
		}
		x.account(t, "one", slack("#one"))
		x.account(t, "two", slack("#two"))
		x.keys(t, "train-a", `["CANARY-a"]`)
		x.keys(t, "train-b", `["CANARY-b"]`)
		opts := &migrate.ImportOptions{Slack: map[string][]string{"one": {"train-a", "train-b", "train-z"}, "none": {"train-a"}}}
		report := x.importFiles(t, opts)
		require.Equal(t, migrate.ImportSummary{New: 6, Failed: 2}, report.Summary)
		require.Empty(t, report.Accounts[0].Notes)
		require.Equal(t, []string{"its Slack configuration is given to no train"}, report.Accounts[1].Notes)
		require.Contains(t, report.Slack[0].Reason, "no readable account file named none has a Slack configuration")
		require.Contains(t, report.Slack[3].Reason, `train "train-z": not found`)
		config, err := x.store.GetSlackConfig(t.Context(), "train-b")
		require.NoError(t, err)
		require.Equal(t, "#one", config.Channel)
		require.Equal(t, "https://hooks.slack.invalid/CANARY", config.WebhookURL.Reveal())
		require.True(t, config.Enabled)

		config.Channel = "#edited"
		require.NoError(t, x.store.SetSlackConfig(t.Context(), "train-b", config))
		before := x.content(t)
		again := x.importFiles(t, opts)
		require.Equal(t, migrate.ImportSummary{Unchanged: 6, Failed: 2}, again.Summary)
		require.Empty(t, again.Slack[1].Notes)
		require.Equal(t, []string{"the train has another Slack configuration, which stays"}, again.Slack[2].Notes)
		require.Equal(t, before, x.content(t))
		require.Equal(t, []string{"two"}, again.SlackLeft)
		require.Equal(t, []string{"two"}, x.importFiles(t, nil).SlackLeft, "a train has that of one")
		requireNoCanary(t, report, again)
		page, err := x.store.ListAudit(t.Context(), credstore.AuditFilter{Action: credstore.ActionSlackUpdate}, credstore.PageRequest{})
		require.NoError(t, err)
		require.Len(t, page.Items, 3)
		require.NotContains(t, string(page.Items[1].After), "CANARY")
	})
}

// What changes while the secrets are derived is noticed: in the database it is
// read and decided again, a file is left for the next run.
func TestImportWhileThingsChange(t *testing.T) {
	onTargets(t, func(t *testing.T, x *target) {
		ctx := t.Context()
		x.account(t, "a-taken", apiKeyFile("acc_taken", "CANARY-1"))
		x.account(t, "b-refreshed", oauthFile("acc_refreshed", "CANARY-a1", "CANARY-r1", hour))
		x.account(t, "e-removed", apiKeyFile("acc_removed", "CANARY-5"))
		require.Equal(t, 3, x.importFiles(t, nil).Summary.New)
		execute(t, x.db, "DELETE FROM accounts WHERE account_id = 'acc_taken'")
		x.account(t, "e-removed", apiKeyFile("acc_removed", "CANARY-6"))
		x.account(t, "b-refreshed", oauthFile("acc_refreshed", "CANARY-a2", "CANARY-r2", hour.Add(time.Hour)))
		x.account(t, "c-edited", apiKeyFile("acc_edited", "CANARY-3"))
		x.account(t, "d-fine", apiKeyFile("acc_fine", "CANARY-4"))
		report := x.importFiles(t, &migrate.ImportOptions{Progress: func(done, total int) {
			if done < total {
				return
			}
			_, err := x.store.CreateAccount(ctx, credstore.NewAccount{ID: "acc_taken", Name: "a-taken", Type: credstore.APIKey, APIKey: credstore.NewSecret("CANARY-1")})
			require.NoError(t, err)
			require.NoError(t, x.store.SaveTokens(ctx, "acc_refreshed", credstore.NewSecret("CANARY-r1"), credstore.Tokens{
				Access: credstore.NewSecret("CANARY-a9"), Refresh: credstore.NewSecret("CANARY-r9"), ExpiresAt: hour.Add(9 * time.Hour),
			}))
			execute(t, x.db, "DELETE FROM accounts WHERE account_id = 'acc_removed'")
			path := filepath.Join(x.accountsDir, "c-edited.credentials.json")
			require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Minute)))
		}})
		require.Equal(t, migrate.OutcomeUnchanged, report.Accounts[0].Outcome, report.Accounts[0].Reason)
		require.Equal(t, migrate.OutcomeUnchanged, report.Accounts[1].Outcome, report.Accounts[1].Reason)
		require.Contains(t, report.Accounts[2].Reason, "changed during the import")
		require.Equal(t, migrate.OutcomeNew, report.Accounts[3].Outcome, report.Accounts[3].Reason)
		require.Equal(t, "CANARY-r9", x.credential(t, "acc_refreshed").Tokens.Refresh.Reveal(), "never an older token")
		require.Equal(t, "CANARY-4", x.credential(t, "acc_fine").APIKey.Reveal())
		require.Equal(t, migrate.OutcomeNew, report.Accounts[4].Outcome, report.Accounts[4].Reason)
		require.Equal(t, "CANARY-6", x.credential(t, "acc_removed").APIKey.Reveal())
		requireNoCanary(t, report)
	})
}

func TestImportCancelled(t *testing.T) {
	onTargets(t, func(t *testing.T, x *target) {
		x.account(t, "one", apiKeyFile("acc_1", "CANARY-1"))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := x.migrator.Import(ctx, x.sealer, x.accountsDir, x.keysDir, &migrate.ImportOptions{Progress: func(int, int) { cancel() }})
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, x.content(t))
	})
}
