//go:build unix

package browser

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childVariable makes the test binary a process that starts the browser and then ends
// the way that its value says.
const childVariable = "BROWSER_TEST_CHILD"

func TestMain(m *testing.M) {
	if end := os.Getenv(childVariable); end != "" {
		child(end)
	}
	os.Exit(m.Run())
}

func child(end string) {
	if _, err := process(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("started")
	switch end {
	case "exit":
		os.Exit(0)
	case "panic":
		panic("the test panics")
	default:
		select {}
	}
}

// running tells whether a process has dir in its command line.
func running(t *testing.T, dir string) bool {
	t.Helper()
	list, err := exec.CommandContext(t.Context(), "ps", "-axwwo", "args").Output()
	require.NoError(t, err)
	return strings.Contains(string(list), dir)
}

func TestBrowserEndsWithTheProcess(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	for _, end := range []string{"exit", "panic", "killed"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			temp, err := os.MkdirTemp("", "b") // short: the browser's sockets are in it
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, os.RemoveAll(temp)) })
			process := exec.CommandContext(t.Context(), self)
			process.Env = append(os.Environ(), childVariable+"="+end, "TMPDIR="+temp)
			output, err := process.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, process.Start())
			said, err := bufio.NewReader(output).ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "started\n", said)
			if end == "killed" {
				require.True(t, running(t, temp))
				require.NoError(t, process.Process.Signal(syscall.SIGKILL))
			}
			require.Equal(t, end == "exit", process.Wait() == nil)
			require.Eventually(t, func() bool {
				left, err := os.ReadDir(temp)
				return err == nil && len(left) == 0 && !running(t, temp)
			}, time.Minute, 50*time.Millisecond)
		})
	}
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := start()
	require.ErrorIs(t, err, errNoChromium)
	require.ErrorContains(t, err, "apt-get install chromium")
}

func TestStartSaysWhyTheBrowserDoesNotStart(t *testing.T) {
	programs, temp := t.TempDir(), t.TempDir()
	t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	t.Setenv("TMPDIR", temp)
	require.NoError(t, os.WriteFile(filepath.Join(programs, "chromium"), []byte("#!/bin/sh\necho no display\nexit 3"), 0o700))
	_, err := start()
	require.ErrorContains(t, err, filepath.Join(programs, "chromium"))
	require.ErrorContains(t, err, "no display")
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)
}
