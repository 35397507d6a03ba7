package migrate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/migrate"
)

// The test binary runs itself as another process: with these variables set it
// does one job and ends.
const (
	jobVariable = "SIGNALBOX_TEST_JOB"
	urlVariable = "SIGNALBOX_TEST_URL"
)

var jobs = map[string]func(t testing.TB, url string) any{"up": upJob}

// TestProcess is no test of its own: it is what the other processes run.
func TestProcess(t *testing.T) {
	job := jobs[os.Getenv(jobVariable)]
	if job == nil {
		return
	}
	require.NoError(t, json.NewEncoder(os.Stderr).Encode(job(t, os.Getenv(urlVariable))))
}

// process prepares a process that does the job on the database.
func process(t testing.TB, job, url string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), self, "-test.run=^TestProcess$")
	command.Stdout, command.Stderr = new(bytes.Buffer), new(bytes.Buffer)
	command.Env = append(os.Environ(), jobVariable+"="+job, urlVariable+"="+url)
	return command
}

func upJob(t testing.TB, url string) any {
	dialect := sqlstore.Postgres
	if url[:7] == "sqlite:" {
		dialect = sqlstore.SQLite
	}
	result, err := migrate.New(open(t, url), dialect, nil).Up(t.Context())
	require.NoError(t, err)
	return ids(result.Steps)
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
				commands[i] = process(t, "up", url)
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
