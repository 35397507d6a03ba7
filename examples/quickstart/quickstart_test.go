package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/testlog"
)

// The test binary is the program itself when this variable is set.
const programVariable = "SIGNALBOX_TEST_QUICKSTART"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const realKey = "sk-ant-CANARY-quickstart01"

// start runs the quickstart on free ports until the test ends, or stop is called,
// and returns its screen once it says how to stop it.
func start(t *testing.T, dataDir string, values map[string]string) (out *testlog.Buffer, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out = new(testlog.Buffer)
	ended := make(chan error, 1)
	getenv := func(name string) string {
		if strings.HasSuffix(name, "PORT") {
			return "0"
		}
		return values[name]
	}
	go func() { ended <- run(ctx, getenv, out, dataDir) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "Ctrl-C") }, 30*time.Second, 20*time.Millisecond)
	return out, stop
}

func TestDemoThenReal(t *testing.T) {
	dataDir := filepath.Join(t.TempDir(), "data")

	out, stop := start(t, dataDir, nil)
	require.Contains(t, out.String(), "DEMO")
	require.Contains(t, out.String(), "First start")
	demo := printedCurl(t, out)
	require.Contains(t, shell(t, demo), "Hello from the stand-in")
	require.Contains(t, shell(t, strings.Replace(demo, `"max_tokens"`, `"stream":true,"max_tokens"`, 1)), "event: message_stop")
	require.Contains(t, dashboardPage(t, out, dataDir), "DEMO: there is no account of yours")
	stop()
	requireMode(t, filepath.Join(dataDir, "encryption.key"), 0o600)

	addAccount(t, dataDir)
	api := newAPI(t)
	out, stop = start(t, dataDir, map[string]string{"CLAUDE_API_BASE_URL": api.URL})
	require.Contains(t, out.String(), "REAL: requests go to "+api.URL)
	require.NotContains(t, out.String(), "First start")
	require.Contains(t, dashboardPage(t, out, dataDir), "REAL: requests go to "+api.URL)
	proxy := regexp.MustCompile(`Proxy +http://(\S+)`).FindStringSubmatch(out.String())[1]
	old := regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(demo, proxy)
	require.Contains(t, shell(t, old), "authentication_error", "the demo's key opens nothing any more")
	answer := shell(t, strings.NewReplacer("TRAIN", "mine", "CLIENT_KEY", "cnp_mine_1").Replace(printedCurl(t, out)))
	require.Contains(t, answer, "the real one")
	stop()
	require.False(t, strings.Contains(out.String(), realKey), "a secret is on the screen")
}

func TestDatabaseWithoutItsKeyDoesNotStart(t *testing.T) {
	dataDir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dataDir, "signalbox.db"), nil, 0o600))
	err := run(t.Context(), func(string) string { return "" }, io.Discard, dataDir)
	require.ErrorContains(t, err, "encryption.key")
}

// What people call their own things is theirs: the demo takes no such name.
func TestOwnAccountCalledDemo(t *testing.T) {
	dataDir := filepath.Join(t.TempDir(), "data")
	_, stop := start(t, dataDir, nil)
	stop()
	addNamed(t, dataDir, "demo")
	api := newAPI(t)
	out, stop := start(t, dataDir, map[string]string{"CLAUDE_API_BASE_URL": api.URL})
	require.Contains(t, out.String(), "REAL")
	answer := shell(t, strings.NewReplacer("TRAIN", "demo", "CLIENT_KEY", "cnp_mine_1").Replace(printedCurl(t, out)))
	require.Contains(t, answer, "the real one")
	stop()
}

func TestKeyFileThatWasCut(t *testing.T) {
	dataDir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dataDir, "encryption.key"), []byte("CANARY-cut"), 0o600))
	err := run(t.Context(), func(string) string { return "" }, io.Discard, dataDir)
	require.ErrorContains(t, err, filepath.Join(dataDir, "encryption.key")+" is not the key that it was")
	require.NotContains(t, err.Error(), "CREDENTIAL_ENCRYPTION_KEY")
	require.NotContains(t, err.Error(), "CANARY")
}

// program is the program as a process, in a folder of its own.
func program(t *testing.T, args ...string) (command *exec.Cmd, out, errs *testlog.Buffer) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command, out, errs = exec.CommandContext(t.Context(), self, args...), new(testlog.Buffer), new(testlog.Buffer)
	command.Dir, command.Stdout, command.Stderr = t.TempDir(), out, errs
	command.Env = []string{programVariable + "=1", "PORT=0", "DASHBOARD_PORT=0"}
	return command, out, errs
}

func TestHelp(t *testing.T) {
	command, out, errs := program(t, "--help")
	require.NoError(t, command.Run())
	require.Contains(t, out.String(), "usage: quickstart")
	require.Empty(t, errs.String())

	command, out, errs = program(t, "now")
	require.Error(t, command.Run())
	require.Equal(t, 2, command.ProcessState.ExitCode())
	require.Empty(t, out.String())
	require.Contains(t, errs.String(), "usage: quickstart")
}

// Ctrl-C is how to stop it, and no failure.
func TestCtrlC(t *testing.T) {
	command, out, errs := program(t)
	require.NoError(t, command.Start())
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "Ctrl-C") }, 30*time.Second, 20*time.Millisecond)
	require.NoError(t, command.Process.Signal(os.Interrupt))
	require.NoError(t, command.Wait())
	require.Empty(t, errs.String())
}

// newAPI stands for the real API: it serves whoever comes with the real account's key.
func newAPI(t *testing.T) *httptest.Server {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("x-api-key") != realKey {
			http.Error(w, "wrong key", http.StatusTeapot)
			return
		}
		_, _ = io.WriteString(w, "the real one")
	}))
	t.Cleanup(api.Close)
	return api
}

// addAccount puts an account and a train of the operator's own into the database.
func addAccount(t *testing.T, dataDir string) {
	t.Helper()
	addNamed(t, dataDir, "mine")
}

func addNamed(t *testing.T, dataDir, name string) {
	t.Helper()
	f := filesIn(dataDir)
	key, err := f.readKey(io.Discard)
	require.NoError(t, err)
	b, err := open(t.Context(), f.settings(func(string) string { return "" }, key))
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Close()) }()
	_, err = b.Admin.CreateAccount(t.Context(), credstore.NewAccount{ID: name, Name: name, Type: credstore.APIKey, APIKey: credstore.NewSecret(realKey)})
	require.NoError(t, err)
	_, err = b.Admin.CreateTrain(t.Context(), credstore.NewTrain{ID: name, ClientKeys: []credstore.Secret{credstore.NewSecret("cnp_mine_1")}})
	require.NoError(t, err)
}

// printedCurl is the command that the screen says to try.
func printedCurl(t *testing.T, out *testlog.Buffer) string {
	t.Helper()
	command := regexp.MustCompile(`(?s)  curl .*?-d '[^']*'`).FindString(out.String())
	require.NotEmpty(t, command)
	return command
}

func shell(t *testing.T, command string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "sh", "-c", command).Output()
	require.NoError(t, err)
	return string(output)
}

// dashboardPage is the overview, for who has the key that the screen names.
func dashboardPage(t *testing.T, out *testlog.Buffer, dataDir string) string {
	t.Helper()
	found := regexp.MustCompile(`Dashboard  (http://\S+)  \(log in with the key: cat (\S+)\)`).FindStringSubmatch(out.String())
	require.NotNil(t, found)
	require.Equal(t, filepath.Join(dataDir, "dashboard.key"), found[2])
	requireMode(t, found[2], 0o600)
	key, err := os.ReadFile(found[2])
	require.NoError(t, err)
	require.False(t, strings.Contains(out.String(), string(key)), "the key is on the screen")
	return shell(t, "curl -sS -H \"X-Dashboard-Key: $(cat "+found[2]+")\" "+found[1])
}

func requireMode(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, mode, info.Mode().Perm())
}
