package migrate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/migrate"
)

// The test binary runs itself as another process: with these variables set it
// does one job and ends.
const (
	jobVariable = "SIGNALBOX_TEST_JOB"
	urlVariable = "SIGNALBOX_TEST_URL"
	dirVariable = "SIGNALBOX_TEST_DIR" // of the credential files
)

var jobs = map[string]func(t testing.TB, url string) any{"up": upJob, "import": importJob}

// TestProcess is no test of its own: it is what the other processes run.
func TestProcess(t *testing.T) {
	job := jobs[os.Getenv(jobVariable)]
	if job == nil {
		return
	}
	require.NoError(t, json.NewEncoder(os.Stderr).Encode(job(t, os.Getenv(urlVariable))))
}

// process prepares a process that does the job on the database.
func process(t testing.TB, job, url, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), self, "-test.run=^TestProcess$")
	command.Stdout, command.Stderr = new(bytes.Buffer), new(bytes.Buffer)
	command.Env = append(os.Environ(), jobVariable+"="+job, urlVariable+"="+url, dirVariable+"="+dir)
	return command
}

func upJob(t testing.TB, url string) any {
	result, err := migrate.New(open(t, url), dialect(url), nil).Up(t.Context())
	require.NoError(t, err)
	return ids(result.Steps)
}

func importJob(t testing.TB, url string) any {
	dir := os.Getenv(dirVariable)
	report, err := migrate.New(open(t, url), dialect(url), nil).Import(t.Context(), newSealer(t),
		filepath.Join(dir, "accounts"), filepath.Join(dir, "train-client-keys"), nil)
	require.NoError(t, err)
	return report
}

func dialect(url string) sqlstore.Dialect {
	if strings.HasPrefix(url, "sqlite:") {
		return sqlstore.SQLite
	}
	return sqlstore.Postgres
}

// Deployments that migrate at once: every migration is applied by one of them,
// and none of them fails.
func TestProcessesAtOnce(t *testing.T) {
	for name, e := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := e.url(t)
			commands := make([]*exec.Cmd, 4)
			for i := range commands {
				commands[i] = process(t, "up", url, "")
				require.NoError(t, commands[i].Start())
			}
			var applied []string
			for _, command := range commands {
				var steps []string
				finish(t, command, &steps)
				applied = append(applied, steps...)
			}
			require.ElementsMatch(t, allSteps, applied)
		})
	}
}

// finish waits for a process that was started, and reads what it reports.
func finish(t testing.TB, command *exec.Cmd, report any) {
	t.Helper()
	require.NoError(t, command.Wait(), "%s", command.Stdout)
	require.NoError(t, json.Unmarshal(command.Stderr.(*bytes.Buffer).Bytes(), report))
}

// Imports at once: one of them makes each row, the others find it made.
func TestImportProcessesAtOnce(t *testing.T) {
	for name, e := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := e.url(t)
			x := newTarget(t, open(t, url), e.dialect)
			x.someFiles(t)
			commands := make([]*exec.Cmd, 3)
			for i := range commands {
				commands[i] = process(t, "import", url, filepath.Dir(x.accountsDir))
				require.NoError(t, commands[i].Start())
			}
			var sum migrate.ImportSummary
			for _, command := range commands {
				var report migrate.ImportReport
				finish(t, command, &report)
				require.Zero(t, report.Summary.Failed, "%+v", report)
				require.Zero(t, report.Summary.Updated)
				sum.New += report.Summary.New
				sum.Unchanged += report.Summary.Unchanged
			}
			require.Equal(t, migrate.ImportSummary{New: someRows, Unchanged: 2 * someRows}, sum)
			require.Len(t, x.content(t), 2*someRows, "each row with one audit event")
		})
	}
}

const someRows = 6

// someFiles writes files for someRows rows.
func (x *target) someFiles(t testing.TB) {
	t.Helper()
	for _, name := range []string{"a", "b", "c"} {
		x.account(t, name, apiKeyFile("acc_"+name, "CANARY-"+name))
		x.keys(t, "train-"+name, `["CANARY-`+name+`"]`)
	}
}

// An import that is killed when half of it is written leaves nothing behind, and
// the next one does it all.
func TestImportKilled(t *testing.T) {
	for name, e := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := e.url(t)
			x := newTarget(t, open(t, url), e.dialect)
			x.someFiles(t)
			halfway, release := x.stopHalfway(t, url)
			command := process(t, "import", url, filepath.Dir(x.accountsDir))
			require.NoError(t, command.Start())
			require.Eventually(t, halfway, 30*time.Second, time.Millisecond)
			require.NoError(t, command.Process.Kill())
			require.Error(t, command.Wait())
			release()
			require.Empty(t, x.content(t))

			var report migrate.ImportReport
			command = process(t, "import", url, filepath.Dir(x.accountsDir))
			require.NoError(t, command.Start())
			finish(t, command, &report)
			require.Equal(t, migrate.ImportSummary{New: someRows}, report.Summary)
		})
	}
}

// stopHalfway makes imports hang when the accounts are written and the trains are
// not; halfway tells that one hangs there.
func (x *target) stopHalfway(t *testing.T, url string) (halfway func() bool, release func()) {
	t.Helper()
	if x.dialect == sqlstore.SQLite {
		execute(t, x.db, `CREATE TRIGGER hang BEFORE INSERT ON trains BEGIN
		  SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 1000000000000); END`)
		other := open(t, url)
		execute(t, other, "PRAGMA busy_timeout = 0")
		other.SetMaxOpenConns(1)
		return func() bool {
			_, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE")
			if err == nil {
				execute(t, other, "ROLLBACK")
			}
			return err != nil
		}, func() { execute(t, x.db, "DROP TRIGGER hang") }
	}
	lock, err := x.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = lock.ExecContext(t.Context(), "LOCK TABLE trains IN SHARE MODE")
	require.NoError(t, err)
	return func() bool {
		return queryInt(t, x.db, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'trains'::regclass") > 0
	}, func() { require.NoError(t, lock.Rollback()) }
}
