//go:build unix

// Package scripts_test runs the scripts that judge the tests' output, since a check
// that cannot fail is no check, and the one that fetches the dashboard's assets.
package scripts_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// run executes a script and returns what it printed and its exit status.
func run(t *testing.T, script string, args ...string) (output string, status int) {
	t.Helper()
	data, err := exec.CommandContext(t.Context(), "./"+script, args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(data), exit.ExitCode()
	}
	require.NoError(t, err)
	return string(data), 0
}

func write(t *testing.T, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "output")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestFindCanaries(t *testing.T) {
	mark := "CANARY" // apart from its end, or this file's own listing would be a find
	tests := []struct {
		name, content string
		status        int
		lines         []string
	}{
		{"none", "ok\nall CANARIES sing\n" + mark + "-short\n", 0, nil},
		{"dash", "ok\nkey=sk-ant-" + mark + "-abcdef1 x\nok\n", 1, []string{"2"}},
		{"underscore, no newline at the end", "ok\n\n" + mark + "_ABC123", 1, []string{"3"}},
		{"inside JSON", `{"Output":"{\"key\":\"` + mark + `-abcdef1\"}\n"}`, 1, []string{"1"}},
		{"several", mark + "-abcdef1 " + mark + "-abcdef2\nx\n" + mark + "-abcdef3", 1, []string{"1", "1", "3"}},
		{"after bytes that are not text", "\x00\xff\n" + mark + "-abcdef1", 1, []string{"2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, tt.content)
			var want strings.Builder
			for _, line := range tt.lines {
				want.WriteString(file + ":" + line + ": a secret leaked into the tests' output\n")
			}
			output, status := run(t, "find-canaries", file)
			require.Equal(t, tt.status, status)
			require.Equal(t, want.String(), output)
		})
	}

	t.Run("second file", func(t *testing.T) {
		_, status := run(t, "find-canaries", write(t, "ok"), write(t, mark+"-abcdef1"))
		require.Equal(t, 1, status)
	})
	for name, file := range map[string]string{
		"missing": filepath.Join(t.TempDir(), "none"), "empty": write(t, ""), "directory": t.TempDir(),
	} {
		t.Run(name+" file proves nothing", func(t *testing.T) {
			output, status := run(t, "find-canaries", file)
			require.Equal(t, 2, status)
			require.Contains(t, output, file)
		})
	}
}

func TestFindSkips(t *testing.T) {
	const (
		ran         = `{"Action":"run","Package":"p","Test":"TestA"}` + "\n"
		noTestFiles = `{"Action":"skip","Package":"q","Elapsed":0}` + "\n"
		skipped     = `{"Action":"skip","Package":"p","Test":"TestA/b","Elapsed":0}` + "\n"
		fuzzInput   = `{"Action":"skip","Package":"p","Test":"FuzzA/seed#0","Elapsed":0}` + "\n"
	)
	tests := []struct {
		name, content string
		status        int
	}{
		{"none", ran + noTestFiles + fuzzInput, 0},
		{"skipped", ran + skipped, 1},
		{"nothing ran", noTestFiles, 2},
		{"empty", "", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			output, status := run(t, "find-skips", write(t, tt.content))
			require.Equal(t, tt.status, status, output)
			require.Equal(t, tt.status == 1, strings.Contains(output, "TestA/b"))
		})
	}
}
