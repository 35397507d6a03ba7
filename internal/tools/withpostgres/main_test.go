//go:build unix

package main

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// build compiles the command, as its behaviour under signals is what matters.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "withpostgres")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(output))
	return program
}

// command prepares the program with a shell script to run, without a server of
// the caller's own.
func command(t *testing.T, program, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "sh", "-c", script)
	cmd.Env = append(os.Environ(), variable+"=")
	return cmd
}

func TestCommand(t *testing.T) {
	program := build(t)

	t.Run("runs beside a server that ends with it", func(t *testing.T) {
		output, err := command(t, program, "echo $TEST_DATABASE_URL").Output()
		require.NoError(t, err)
		dsn := strings.TrimSpace(string(output))
		require.True(t, strings.HasPrefix(dsn, "postgres://postgres:"), dsn)
		requireNoServer(t, dsn)
	})

	t.Run("uses the caller's server", func(t *testing.T) {
		cmd := command(t, program, "echo $TEST_DATABASE_URL")
		cmd.Env = append(cmd.Env, variable+"=postgres://mine")
		output, err := cmd.Output()
		require.NoError(t, err)
		require.Equal(t, "postgres://mine\n", string(output))
	})

	t.Run("hands the exit status on", func(t *testing.T) {
		var exit *exec.ExitError
		require.ErrorAs(t, command(t, program, "exit 7").Run(), &exit)
		require.Equal(t, 7, exit.ExitCode())
	})

	t.Run("says what it cannot run", func(t *testing.T) {
		var stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), program, "/no/such/program")
		cmd.Stderr = &stderr
		require.Error(t, cmd.Run())
		require.Contains(t, stderr.String(), "/no/such/program")
	})

	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String()+" ends everything", func(t *testing.T) {
			// The background process ignores the signals: it must end all the same.
			cmd := command(t, program, `sh -c 'trap "" INT TERM HUP; echo $$ $TEST_DATABASE_URL; while :; do sleep 1; done' & wait`)
			output, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			lines := bufio.NewReader(output)
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			pid, dsn, _ := strings.Cut(strings.TrimSpace(line), " ")

			require.NoError(t, cmd.Process.Signal(signal))
			_, err = lines.ReadString('\n')
			require.Error(t, err, "process %s holds its output open no more", pid)
			require.Error(t, cmd.Wait())
			requireNoServer(t, dsn)
		})
	}
}

// requireNoServer checks that nothing listens at the DSN's address.
func requireNoServer(t *testing.T, dsn string) {
	t.Helper()
	_, address, _ := strings.Cut(dsn, "@")
	address, _, _ = strings.Cut(address, "/")
	_, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", address)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}
