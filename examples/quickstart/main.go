// Command quickstart is Signalbox on one machine with nothing but Go: the proxy of
// examples/proxy on a SQLite file under ./data, and a page that says what is there.
//
// On the first start it makes the database and, beside it, the key that seals it
// (data/encryption.key, mode 0600). While the database has no account of yours, a
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err := run(ctx, os.Getenv, os.Stdout, "data"); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

const usage = `usage: quickstart

Starts the proxy and a page on a SQLite file under ./data. It takes no arguments;
the settings of the proxy (go run ./examples/proxy --help) apply, but for those
that say where credentials are kept.
`
