package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/internal/testdb"
)

// The test binary is the program itself when this variable is set.
const programVariable = "SIGNALBOX_TEST_MIGRATE"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
	}
	os.Exit(m.Run())
}

var engines = map[string]func(testing.TB) string{"PostgreSQL": testdb.PostgreSQL, "SQLite": testdb.SQLite}

const goodKey = "CANARY encryption key of more than 32 characters"

// An environment is the settings of a run.
type environment map[string]string

// newEnvironment has a database and empty folders.
func newEnvironment(t *testing.T, url string) environment {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{"accounts", "train-client-keys"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, folder), 0o700))
	}
	return environment{"DATABASE_URL": url, "CREDENTIAL_ENCRYPTION_KEY": goodKey, "CREDENTIALS_DIR": dir}
}

func (e environment) file(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(e["CREDENTIALS_DIR"], name), []byte(content), 0o600))
}

// run runs the program and searches all that it prints for secrets.
func (e environment) run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, func(name string) string { return e[name] }, &out, &errs)
	require.NotContains(t, out.String()+errs.String(), "CANARY")
	return status, out.String(), errs.String()
}

// must runs the program, which has to succeed, and reads its JSON.
func (e environment) must(t *testing.T, args ...string) (result map[string]any) {
	t.Helper()
	status, stdout, stderr := e.run(t, append(args, "--json")...)
	require.Equal(t, done, status, "%s%s", stdout, stderr)
	require.Empty(t, stderr)
	require.NoError(t, json.Unmarshal([]byte(stdout), &result))
	return result
}

// The way of a migration, on paper for people and as JSON for machines.
func TestMigration(t *testing.T) {
	for name, database := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t, database(t))
			status, stdout, _ := e.run(t, "up")
			require.Equal(t, done, status)
			require.Contains(t, stdout, "applied 001_accounts_trains.sql in ")
			require.Contains(t, stdout, name+" database")
			require.Empty(t, e.must(t, "up")["steps"])
			require.Equal(t, "current", e.must(t, "status")["schema"])

			e.file(t, "accounts/one.credentials.json", `{"type": "api_key", "accountId": "acc_1", "api_key": "CANARY-1",
			  "slack": {"webhook_url": "https://hooks.slack.invalid/CANARY"}}`)
			e.file(t, "train-client-keys/t1.client-keys.json", `["CANARY-2"]`)
			dry := e.must(t, "import", "--dry-run")
			require.Equal(t, false, dry["written"])
			require.Equal(t, map[string]any{"new": 2., "updated": 0., "unchanged": 0., "failed": 0.}, dry["summary"])

			status, stdout, _ = e.run(t, "import")
			require.Equal(t, done, status)
			require.Contains(t, stdout, "new       one.credentials.json (acc_1): its Slack configuration is given to no train\n")
			require.Contains(t, stdout, "--slack ACCOUNT=TRAIN")
			require.Contains(t, stdout, "2 new, 0 updated, 0 unchanged, 0 failed")
			status, stdout, _ = e.run(t, "import", "--slack", "one=t1")
			require.Equal(t, done, status)
			require.Contains(t, stdout, "new       Slack configuration of one.credentials.json for train (t1)\n")
			require.Contains(t, stdout, "1 new, 0 updated, 2 unchanged, 0 failed")

			verified := e.must(t, "verify")
			require.Equal(t, true, verified["ok"])
			require.Equal(t, 1., verified["secrets"])

			status, stdout, stderr := e.run(t, "down", "--steps", "4")
			require.Equal(t, failed, status)
			require.Empty(t, stdout)
			require.Contains(t, stderr, "would drop table audit_events with 3 rows (--force drops it all the same)")
			status, stdout, _ = e.run(t, "down", "--steps", "4", "--force")
			require.Equal(t, done, status)
			require.Contains(t, stdout, "took back 003_account_refreshes.sql")
			require.Equal(t, "missing", e.must(t, "status")["schema"])
		})
	}
}

func TestFailures(t *testing.T) {
	for name, database := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t, database(t))
			e.file(t, "accounts/good.credentials.json", `{"type": "api_key", "accountId": "acc_1", "api_key": "CANARY-1"}`)
			e.file(t, "accounts/cut.credentials.json", `{"type": "api_key", "api_key": "CANARY`)
			require.Equal(t, done, first(e.run(t, "up")))

			status, stdout, stderr := e.run(t, "import", "--strict")
			require.Equal(t, failed, status)
			require.Contains(t, stdout, "nothing was written; it would have been: 1 new, 0 updated, 0 unchanged, 1 failed")
			require.Contains(t, stdout, "failed    cut.credentials.json")
			require.Contains(t, stderr, "nothing was written: 1 failed")

			status, stdout, _ = e.run(t, "import", "--json")
			require.Equal(t, failed, status)
			var result struct {
				Written bool
				Summary struct{ New, Failed int }
			}
			require.NoError(t, json.Unmarshal([]byte(stdout), &result))
			require.True(t, result.Written)
			require.Equal(t, 1, result.Summary.New)
			require.Equal(t, 1, result.Summary.Failed)

			e["CREDENTIAL_ENCRYPTION_KEY"] = "another " + goodKey
			status, stdout, _ = e.run(t, "verify")
			require.Equal(t, failed, status)
			require.Contains(t, stdout, "error: accounts acc_1.api_key_encrypted: does not open")
			require.Contains(t, stdout, "0 secrets open; 1 errors, 0 warnings")
			status, stdout, stderr = e.run(t, "import", "--json")
			require.Equal(t, failed, status)
			require.Contains(t, stdout, `"error": "import: damaged`)
			require.Contains(t, stderr, "not the encryption key of the database")

			e["CREDENTIALS_DIR"] = filepath.Join(e["CREDENTIALS_DIR"], "none")
			e["CREDENTIAL_ENCRYPTION_KEY"] = goodKey
			status, stdout, _ = e.run(t, "import")
			require.Equal(t, done, status, "missing folders are fine")
			require.Contains(t, stdout, "there is no folder "+filepath.Join(e["CREDENTIALS_DIR"], "accounts"))
		})
	}
}

// A name that a terminal would act upon is quoted.
func TestUnprintableFileName(t *testing.T) {
	e := newEnvironment(t, testdb.SQLite(t))
	require.Equal(t, done, first(e.run(t, "up")))
	e.file(t, "accounts/\x1b[31mred.credentials.json", `{}`)
	e.file(t, "train-client-keys/\xff.client-keys.json", `[]`)
	_, stdout, _ := e.run(t, "import")
	require.Contains(t, stdout, `failed    "\x1b[31mred.credentials.json"`)
	require.Contains(t, stdout, `failed    "\xff.client-keys.json"`)
	require.NotContains(t, stdout, "\x1b")
}

func first(status int, _, _ string) int { return status }

func TestUsage(t *testing.T) {
	e := environment{"DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "none.db"), "CREDENTIAL_ENCRYPTION_KEY": goodKey}
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600))
	tests := []struct {
		name   string
		change environment
		args   []string
		status int
		says   string
	}{
		{"nothing", nil, nil, usedWrong, "Usage: migrate COMMAND"},
		{"help", nil, []string{"--help"}, done, "CREDENTIAL_ENCRYPTION_KEY"},
		{"unknown command", nil, []string{"frob"}, usedWrong, `unknown command "frob"`},
		{"help of a command", nil, []string{"import", "--help"}, done, "-strict"},
		{"help of audit", nil, []string{"audit", "--help"}, done, "audit verify"},
		{"help of audit verify", nil, []string{"audit", "verify", "--help"}, done, "-checkpoint TEXT"},
		{"audit what", nil, []string{"audit"}, usedWrong, `unknown command "audit"`},
		{"no checkpoint", nil, []string{"audit", "verify", "--checkpoint", "signalbox-audit-v1:1:"}, usedWrong, "a checkpoint looks like"},
		{"argument of audit", nil, []string{"audit", "checkpoint", "now"}, usedWrong, `unexpected argument "now"`},
		{"short key for audit", environment{"CREDENTIAL_ENCRYPTION_KEY": "CANARY"}, []string{"audit", "verify"}, usedWrong, "at least 32 characters"},
		{"help on what wins", nil, []string{"import", "--help"}, done, "To make a file win, touch it."},
		{"unknown flag", nil, []string{"up", "--frob"}, usedWrong, "flag provided but not defined: -frob"},
		{"argument", nil, []string{"up", "now"}, usedWrong, `unexpected argument "now"`},
		{"no step", nil, []string{"down", "--steps", "0"}, usedWrong, "want a whole number from 1"},
		{"Slack without a train", nil, []string{"import", "--slack", "one"}, usedWrong, "want ACCOUNT=TRAIN"},
		{"Slack for a bad train", nil, []string{"import", "--slack", "one=a b"}, usedWrong, "train id has a character outside"},
		{"no database", environment{"DATABASE_URL": ""}, []string{"up"}, usedWrong, "DATABASE_URL is not set"},
		{"no known database", environment{"DATABASE_URL": "mysql://CANARY"}, []string{"up"}, usedWrong, "DATABASE_URL is wrong"},
		{"short key", environment{"CREDENTIAL_ENCRYPTION_KEY": "CANARY"}, []string{"verify"}, usedWrong, "at least 32 characters"},
		{"mistakes as JSON", environment{"DATABASE_URL": ""}, []string{"up", "--json"}, usedWrong, `"error": "settings: DATABASE_URL is not set`},
		{"no file", nil, []string{"status"}, failed, "none.db: `migrate up` makes it"},
		{"no path", environment{"DATABASE_URL": "sqlite:"}, []string{"status"}, usedWrong, "DATABASE_URL is wrong: it must be"},
		{"no path for verify", environment{"DATABASE_URL": "sqlite:"}, []string{"verify"}, usedWrong, "DATABASE_URL is wrong: it must be"},
		{"a folder", environment{"DATABASE_URL": "sqlite:" + folder}, []string{"status"}, failed, "SQLite database " + folder + ": "},
		{"no database", environment{"DATABASE_URL": "sqlite:" + text}, []string{"status"}, failed, "SQLite database " + text + ": "},
		{"no server", environment{"DATABASE_URL": "postgres://u:CANARY@127.0.0.1:1/x?sslmode=disable"}, []string{"up"}, failed, "connection refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changed := environment{}
			for _, from := range []environment{e, tt.change} {
				for name, value := range from {
					changed[name] = value
				}
			}
			status, stdout, stderr := changed.run(t, tt.args...)
			require.Equal(t, tt.status, status, stderr)
			require.Contains(t, stdout+stderr, tt.says)
			if tt.status == done {
				require.Empty(t, stderr)
			} else if !slices.Contains(tt.args, "--json") {
				require.Empty(t, stdout)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	e := newEnvironment(t, testdb.SQLite(t))
	require.Equal(t, done, first(e.run(t, "up")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	require.Equal(t, failed, run(ctx, []string{"import"}, func(name string) string { return e[name] }, &out, &errs))
	require.Contains(t, errs.String(), "interrupted: everything was rolled back, nothing is changed")
}

// start runs the program as a process of its own.
func (e environment) start(t *testing.T, args ...string) (program *exec.Cmd, output *strings.Builder) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	program, output = exec.CommandContext(t.Context(), self, args...), new(strings.Builder)
	program.Env = []string{programVariable + "=1"}
	for name, value := range e {
		program.Env = append(program.Env, name+"="+value)
	}
	program.Stdout, program.Stderr = output, output
	require.NoError(t, program.Start())
	return program, output
}

// Ctrl-C in the middle of the writing takes everything back, and says so.
func TestInterrupted(t *testing.T) {
	url := testdb.PostgreSQL(t)
	e := newEnvironment(t, url)
	e.file(t, "accounts/one.credentials.json", `{"type": "api_key", "accountId": "acc_1", "api_key": "CANARY-1"}`)
	e.file(t, "train-client-keys/t1.client-keys.json", `["CANARY-2"]`)
	require.Equal(t, done, first(e.run(t, "up")))
	db, err := sqlstore.OpenPostgres(url, 0)
	require.NoError(t, err)
	defer db.Close()
	lock, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = lock.ExecContext(t.Context(), "LOCK TABLE trains IN SHARE MODE") // lets accounts in, but no trains
	require.NoError(t, err)

	program, output := e.start(t, "import")
	count := func(query string) (n int) {
		require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n))
		return n
	}
	require.Eventually(t, func() bool {
		return count("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'trains'::regclass") > 0
	}, 30*time.Second, time.Millisecond)
	require.NoError(t, program.Process.Signal(syscall.SIGINT))
	require.Error(t, program.Wait())
	require.Equal(t, failed, program.ProcessState.ExitCode(), output.String())
	require.Contains(t, output.String(), "interrupted: everything was rolled back")
	require.NotContains(t, output.String(), "CANARY")
	require.NoError(t, lock.Rollback())
	require.Zero(t, count("SELECT count(*) FROM accounts"))
}

// So does Ctrl-C while another run holds the lock, in the same words.
func TestInterruptedWaitingForTheLock(t *testing.T) {
	url := testdb.PostgreSQL(t)
	e := newEnvironment(t, url)
	db, err := sqlstore.OpenPostgres(url, 0)
	require.NoError(t, err)
	defer db.Close()
	other, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = other.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock(x'7369676e616c6278'::bigint)")
	require.NoError(t, err)

	program, output := e.start(t, "up")
	require.Eventually(t, func() bool {
		var waiting int
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_locks
		  WHERE NOT granted AND locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waiting))
		return waiting > 0
	}, 30*time.Second, time.Millisecond)
	require.NoError(t, program.Process.Signal(syscall.SIGINT))
	require.Error(t, program.Wait())
	require.Equal(t, failed, program.ProcessState.ExitCode(), output.String())
	require.Equal(t, "migrate up: interrupted: everything was rolled back, nothing is changed\n", output.String())
	require.NoError(t, other.Rollback())
}
