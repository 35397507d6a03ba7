//go:build unix

// Package pgserver starts throwaway PostgreSQL servers for tests.
//
// A server keeps its data in a directory of its own under the temporary
// directory, listens on a Unix socket there and on 127.0.0.1, and asks for a
// random password. A small shell script (server.sh) watches over it, holding the
// reading end of a pipe: when the process that called [Start] ends, killed or
// not, the script stops the server and removes the directory.
//
// PostgreSQL refuses to run as root, so root runs it as the user postgres or nobody.
package pgserver

import (
	"bufio"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

//go:embed server.sh
var script string

// Server is a running PostgreSQL server.
type Server struct {
	guard *exec.Cmd
	pipe  io.Closer // closing it ends the server
	dsn   string
}

// Start makes a PostgreSQL cluster and returns once it answers, in about a
// second. The error names the package to install when the machine has no
// PostgreSQL server, and quotes the server when it does not start.
func Start() (*Server, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	user, err := unprivileged()
	if err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	password := rand.Text()
	dir, err := makeDir(user, password)
	if err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	s, port, err := startGuard(bin, dir, user)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("pgserver: start PostgreSQL of %s: %w", bin, err), os.RemoveAll(dir))
	}
	s.dsn = fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%s/postgres?sslmode=disable", password, port)
	return s, nil
}

// DSN is the URL of the server's own database, for its superuser.
func (s *Server) DSN() string { return s.dsn }

// Stop ends the server and its connections at once and returns when its
// directory is gone.
func (s *Server) Stop() error {
	if err := errors.Join(s.pipe.Close(), s.guard.Wait()); err != nil {
		return fmt.Errorf("pgserver: stop PostgreSQL: %w", err)
	}
	return nil
}

// makeDir makes the server's directory, with the script and the password in it,
// as user's own. Root's temporary directory may be closed to others, so root uses /tmp.
func makeDir(user *syscall.Credential, password string) (string, error) {
	base := os.TempDir()
	if user != nil {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, "signalbox-postgres-")
	if err != nil {
		return "", err
	}
	for name, content := range map[string]string{"server.sh": script, "password": password} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	if user == nil {
		return dir, nil
	}
	for _, name := range []string{"server.sh", "password", "."} {
		if err := os.Chown(filepath.Join(dir, name), int(user.Uid), int(user.Gid)); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// startGuard runs server.sh and waits for its word that the server is ready.
func startGuard(bin, dir string, user *syscall.Credential) (s *Server, port string, err error) {
	args := append([]string{filepath.Join(dir, "server.sh"), bin, dir}, somePorts()...)
	guard := exec.Command("/bin/sh", args...) //nolint:noctx // Stop ends it, or the end of this process
	guard.Dir = dir
	guard.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"} // no PG* variables
	// A session of its own: Ctrl-C in the terminal must not reach the guard.
	guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: user}
	pipe, err := guard.StdinPipe()
	if err != nil {
		return nil, "", err
	}
	output, err := guard.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := guard.Start(); err != nil {
		return nil, "", err
	}
	port, err = readPort(output)
	if err != nil {
		_ = pipe.Close()
		return nil, "", errors.Join(err, guard.Wait())
	}
	return &Server{guard: guard, pipe: pipe}, port, nil
}

// readPort reads the guard's output up to "ready PORT"; without it, what was read
// is the error.
func readPort(output io.Reader) (string, error) {
	var said strings.Builder
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if port, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			return port, nil
		}
		said.WriteString(lines.Text() + "\n")
	}
	return "", errors.Join(errors.New(said.String()), lines.Err())
}

// somePorts are candidates below the ranges from which systems hand out
// ephemeral ports (Linux from 32768, others from 49152), so that a test's own
// listener on port 0 cannot take one first.
func somePorts() []string {
	ports := make([]string, 10)
	for i := range ports {
		ports[i] = strconv.Itoa(20000 + mathrand.IntN(10000))
	}
	return ports
}
