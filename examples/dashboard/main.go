// Command dashboard is where operators manage accounts, trains, client keys and
// mappings in the browser, and read the audit trail. Package server is the program;
// --help prints its settings.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/signalbox-go/signalbox/examples/dashboard/server"
)

func main() {
	if len(os.Args) > 1 {
		os.Exit(help(os.Args[1:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := server.Run(ctx, os.Getenv, os.Stdout, nil); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}

// help prints the settings; anything else than a wish for them is a mistake.
func help(args []string) (status int) {
	if len(args) == 1 && (args[0] == "--help" || args[0] == "-help" || args[0] == "-h") {
		fmt.Print(server.Help())
		return 0
	}
	fmt.Fprint(os.Stderr, server.Help())
	return 2
}
