// Command quickstart is Signalbox on one machine with nothing but Go: the proxy of
// examples/proxy and the dashboard of examples/dashboard on a SQLite file under ./data.
//
// On the first start it makes the database and, beside it, the key that seals it and the
// key of the dashboard (data/encryption.key and data/dashboard.key, mode 0600). While the database has no account of yours, a
// demo train and a demo account stand in it, requests go to a stand-in for the API
// inside this program, and the curl it prints answers at once. As soon as there is
// an account of yours, the demo is switched off and requests go to the real API.
// The screen says which of the two is happening.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 {
		os.Exit(help(os.Args[1:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Getenv, os.Stdout, "data"); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// help prints how to use the program; anything else than a wish for that is a mistake.
func help(args []string) (status int) {
	if len(args) == 1 && (args[0] == "--help" || args[0] == "-help" || args[0] == "-h") {
		fmt.Print(usage)
		return 0
	}
	fmt.Fprint(os.Stderr, usage)
	return 2
}

const usage = `usage: quickstart

Starts the proxy and the dashboard on a SQLite file under ./data. It takes no
arguments; the settings of both (go run ./examples/proxy --help, go run
./examples/dashboard --help) apply, but for those that say where credentials are kept.
`
