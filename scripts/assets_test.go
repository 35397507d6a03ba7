//go:build unix

package scripts_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// checkout is a directory with the script install-assets, what it reads, and a
// directory of programs with no npm in it until a test puts one there.
type checkout struct{ dir, programs string }

func newCheckout(t *testing.T) checkout {
	t.Helper()
	c := checkout{dir: t.TempDir(), programs: t.TempDir()}
	require.NoError(t, os.MkdirAll(c.path("examples/dashboard/server/npm"), 0o700))
	require.NoError(t, os.Mkdir(c.path("scripts"), 0o700))
	script, err := os.ReadFile("install-assets")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.path("scripts/install-assets"), script, 0o700))
	require.NoError(t, os.WriteFile(c.path("examples/dashboard/package-lock.json"), []byte("{}"), 0o600))
	for _, program := range []string{"bash", "cp", "dirname", "mkdir", "touch"} {
		path, err := exec.LookPath(program)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(c.programs, program)))
	}
	return c
}

func (c checkout) path(name string) string { return filepath.Join(c.dir, name) }

// npm puts a program of that name in the way of the script.
func (c checkout) npm(t *testing.T, body string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(c.programs, "npm"), []byte("#!/usr/bin/env bash\nset -e\n"+body), 0o700))
}

func (c checkout) install(t *testing.T, args ...string) (output string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.path("scripts/install-assets"), args...)
	cmd.Env = []string{"PATH=" + c.programs}
	data, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(data), exit.ExitCode()
	}
	require.NoError(t, err)
	return string(data), 0
}

func TestInstallAssetsWithoutNPM(t *testing.T) {
	c := newCheckout(t)
	for range 2 { // npm is missing, then it fails
		for _, args := range [][]string{nil, {"--optional"}} {
			output, status := c.install(t, args...)
			require.Equal(t, args == nil, status == 1)
			require.Regexp(t, `^The dashboard's browser scripts are not installed: npm .*\n$`, output)
		}
		c.npm(t, "exit 3")
	}
	output, status := c.install(t, "--force")
	require.Equal(t, 2, status)
	require.True(t, strings.HasPrefix(output, "usage: "))
}

func TestInstallAssetsCallsNPMOnceForALockFile(t *testing.T) {
	c := newCheckout(t)
	c.npm(t, `echo called
mkdir -p node_modules/htmx.org/dist node_modules/sortablejs
touch node_modules/{htmx.org/{dist/htmx.min.js,LICENSE},sortablejs/{Sortable.min.js,LICENSE},.package-lock.json}`)
	lock := c.path("examples/dashboard/package-lock.json")
	hourAgo := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(lock, hourAgo, hourAgo))
	for _, called := range []string{"called\n", ""} {
		output, status := c.install(t)
		require.Zero(t, status, output)
		require.Equal(t, called, output)
	}
	for _, file := range []string{"htmx.min.js", "htmx.LICENSE.txt", "sortable.min.js", "sortable.LICENSE.txt"} {
		require.FileExists(t, c.path("examples/dashboard/server/npm/"+file))
	}

	hourAhead := time.Now().Add(time.Hour) // a lock file that was changed since
	require.NoError(t, os.Chtimes(lock, hourAhead, hourAhead))
	output, status := c.install(t, "--optional")
	require.Zero(t, status, output)
	require.Equal(t, "called\n", output)
}

// npm takes the packages from the registry that it is set up for.
func TestLockFileNamesNoRegistry(t *testing.T) {
	lock, err := os.ReadFile("../examples/dashboard/package-lock.json")
	require.NoError(t, err)
	require.NotContains(t, string(lock), "://")
	require.Contains(t, string(lock), `"integrity": "sha512-`)
}
