package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
)

// From an empty trail to one that somebody edited.
func TestAudit(t *testing.T) {
	for name, database := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t, database(t))
			require.Equal(t, failed, first(e.run(t, "audit", "verify")), "there is no schema")
			require.Equal(t, done, first(e.run(t, "up")))
			require.Equal(t, 0., e.must(t, "audit", "verify")["events"])
			status, stdout, _ := e.run(t, "audit", "verify")
			require.Equal(t, done, status)
			require.Contains(t, stdout, "no events: the trail is new, or was emptied with its end: only a checkpoint tells\ncheckpoint: signalbox-audit-v1:0:genesis\n")
			status, none, _ := e.run(t, "audit", "checkpoint")
			require.Equal(t, done, status)
			require.Equal(t, "signalbox-audit-v1:0:genesis\n", none)

			e.file(t, "accounts/one.credentials.json", `{"type": "api_key", "accountId": "acc_1", "api_key": "CANARY-1"}`)
			e.file(t, "train-client-keys/t1.client-keys.json", `["CANARY-2"]`)
			require.Equal(t, done, first(e.run(t, "import")))
			status, checkpoint, _ := e.run(t, "audit", "checkpoint")
			require.Equal(t, done, status)
			checkpoint = strings.TrimSpace(checkpoint)
			require.Regexp(t, `^signalbox-audit-v1:2:[0-9a-f]{64}$`, checkpoint)
			require.Equal(t, checkpoint, e.must(t, "audit", "checkpoint")["checkpoint"])

			status, stdout, _ = e.run(t, "audit", "verify", "--checkpoint", checkpoint)
			require.Equal(t, done, status)
			require.Contains(t, stdout, "2 events, as they were written\ncheckpoint: "+checkpoint+"\n")
			verified := e.must(t, "audit", "verify", "--checkpoint", strings.TrimSpace(none))
			require.Equal(t, true, verified["ok"])
			require.Equal(t, checkpoint, verified["checkpoint"])
			require.Equal(t, true, e.must(t, "verify")["ok"])

			e.exec(t, unlock(name))
			status, stdout, _ = e.run(t, "audit", "verify")
			require.Equal(t, failed, status, "the next one could be changed")
			require.Contains(t, stdout, "2 events, as they were written\n")
			require.Regexp(t, `error: audit_events\.audit_events_no_(update: the trigger is missing|change: the trigger is disabled)\n`, stdout)
			require.Contains(t, stdout, "nothing in the database keeps events from being changed")
			require.Equal(t, done, first(e.run(t, "audit", "checkpoint")))

			e.exec(t, "UPDATE audit_events SET actor_name = 'bob' WHERE event_id = 2")
			status, stdout, stderr := e.run(t, "audit", "verify")
			require.Equal(t, failed, status)
			require.Contains(t, stdout, "event 2: it was changed")
			require.Empty(t, stderr)
			status, stdout, _ = e.run(t, "audit", "verify", "--json")
			require.Equal(t, failed, status)
			var result map[string]any
			require.NoError(t, json.Unmarshal([]byte(stdout), &result))
			require.Equal(t, false, result["ok"])
			require.Equal(t, 2., result["event_id"])
			require.NotEmpty(t, result["unprotected"])

			e["CREDENTIAL_ENCRYPTION_KEY"] = "another " + goodKey
			status, stdout, _ = e.run(t, "audit", "checkpoint")
			require.Equal(t, failed, status)
			require.Contains(t, stdout, "this is not the encryption key of the database")
		})
	}
}

// unlock takes away what keeps events from being edited.
func unlock(engine string) string {
	if engine == "PostgreSQL" {
		return "ALTER TABLE audit_events DISABLE TRIGGER ALL"
	}
	return "DROP TRIGGER audit_events_no_update"
}

// exec runs statements behind the stores' backs.
func (e environment) exec(t *testing.T, statements string) {
	db, _, err := backend.OpenDatabase(backend.Config{UseDatabase: true, DatabaseURL: credstore.NewSecret(e["DATABASE_URL"])})
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), statements)
	require.NoError(t, err)
}
