//go:build unix

// Command withpostgres runs a command beside a throwaway PostgreSQL server:
//
//	withpostgres COMMAND [ARG...]
//
// The command finds the server's URL in TEST_DATABASE_URL. When the command ends,
// or withpostgres is interrupted, the command's processes are ended, the server is
// stopped and its directory removed. The exit status is the command's; 2 is wrong
// use. A TEST_DATABASE_URL that is set already is used instead of a new server.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/signalbox-go/signalbox/internal/testdb/pgserver"
)

const variable = "TEST_DATABASE_URL"

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: withpostgres COMMAND [ARG...]")
		os.Exit(2)
	}
	status, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
		os.Exit(1)
	}
	os.Exit(status)
}

// run starts the server, unless there is one, and the command beside it. It
// returns the command's exit status.
func run(command []string) (status int, err error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if os.Getenv(variable) != "" {
		fmt.Fprintf(os.Stderr, "withpostgres: using the PostgreSQL server of %s\n", variable)
		return runCommand(command, signals)
	}
	server, err := pgserver.Start()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	fmt.Fprintln(os.Stderr, "withpostgres: started a throwaway PostgreSQL server")
	if err := os.Setenv(variable, server.DSN()); err != nil {
		return 0, err
	}
	return runCommand(command, signals)
}

// runCommand runs the command in a process group of its own, hands every signal
// on to the group, and leaves no process of the group behind.
func runCommand(command []string, signals <-chan os.Signal) (status int, err error) {
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // the caller's own command; signals end it
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	group := -cmd.Process.Pid
	go func() {
		for s := range signals {
			_ = syscall.Kill(group, s.(syscall.Signal))
		}
	}()
	err = cmd.Wait()
	_ = syscall.Kill(group, syscall.SIGKILL)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}
