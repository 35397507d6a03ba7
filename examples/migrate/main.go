// Command migrate brings a database to the schema of Signalbox, checks it, and
// takes credential files into it. Package migrate does the work, for deploy tooling
// that would rather call it.
//
// Exit status: 0 done, 1 something failed, 2 used wrongly.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/signalbox-go/signalbox/internal/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// The exit statuses.
const (
	done       = 0
	failed     = 1
	usedWrong  = 2
	helpFooter = "\nExit status: 0 done, 1 something failed, 2 used wrongly.\n"
)

// A command is one of the words after "migrate".
type command struct {
	name, help string
	needsKey   bool // the encryption key
	// flags declares the command's flags and returns what runs it after they are parsed.
	flags func(*flag.FlagSet) action
}

// An action does a command's work. The result is printed, as JSON or by its text
// method; ok tells that nothing failed.
type action func(context.Context, *program) (result result, ok bool, err error)

type result interface{ text(io.Writer) }

var commands = []command{
	{"up", "make or complete the schema; the rows of existing tables stay as they are", false, upFlags},
	{"down", "take back the newest migration", false, downFlags},
	{"status", "tell which migrations are applied", false, statusFlags},
	{"verify", "check schema and rows, and that every secret opens under the key", true, verifyFlags},
	{"import", "take credential files into the database", true, importFlags},
	{"audit verify", "check that the audit trail is as it was written", true, auditVerifyFlags},
	{"audit checkpoint", "print the end of the audit trail, to be kept elsewhere for a later audit verify", true, auditCheckpointFlags},
}

// moreHelp is what else --help of a command says.
var moreHelp = map[string]string{"import": importHelp}

// run is the whole program.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var p program
	if len(args) == 0 || isHelp(args[0]) || len(args) > 1 && isGroup(args[0]) && isHelp(args[1]) {
		if len(args) == 0 {
			fmt.Fprint(stderr, overview(&p))
			return usedWrong
		}
		fmt.Fprint(stdout, overview(&p))
		return done
	}
	for _, c := range commands {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return p.run(ctx, c, args[len(words):], getenv, stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "migrate: unknown command %q\n\n%s", args[0], overview(&p))
	return usedWrong
}

// isGroup tells whether the word begins commands of two words.
func isGroup(word string) bool {
	return slices.ContainsFunc(commands, func(c command) bool { return strings.HasPrefix(c.name, word+" ") })
}

func isHelp(arg string) bool {
	return arg == "help" || arg == "-h" || arg == "-help" || arg == "--help"
}

func overview(p *program) string {
	var out strings.Builder
	out.WriteString("Usage: migrate COMMAND [flags]\n\nCommands; each has --help, and --json for machines:\n")
	for _, c := range commands {
		fmt.Fprintf(&out, "  %-16s %s\n", c.name, c.help)
	}
	out.WriteString("\nSettings, from the environment:\n" + settings.Help(p.declare()) + helpFooter)
	return out.String()
}

// run parses the command's flags and the settings, does the work, and prints.
func (p *program) run(ctx context.Context, c command, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("migrate "+c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	act := c.flags(flags)
	asJSON := flags.Bool("json", false, "print the result as one JSON object")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if errors.Is(err, flag.ErrHelp) {
		p.usage(stdout, c, flags)
		return done
	}
	if err != nil {
		fmt.Fprintf(stderr, "migrate %s: %v\n\n", c.name, err)
		p.usage(stderr, c, flags)
		return usedWrong
	}
	p.stderr = stderr
	result, ok, err := p.do(ctx, c, act, getenv)
	printResult(stdout, result, err, *asJSON)
	if err != nil {
		fmt.Fprintf(stderr, "migrate %s: %s\n", c.name, explain(err))
	}
	switch {
	case errors.Is(err, errSettings):
		return usedWrong
	case err != nil || !ok:
		return failed
	}
	return done
}

func (p *program) usage(out io.Writer, c command, flags *flag.FlagSet) {
	fmt.Fprintf(out, "Usage: migrate %s [flags]\n\n%s.\n%s\nFlags:\n", c.name, strings.ToUpper(c.help[:1])+c.help[1:], moreHelp[c.name])
	flags.SetOutput(out)
	flags.PrintDefaults()
	fmt.Fprint(out, "\nSettings, from the environment:\n"+settings.Help(p.declare())+helpFooter)
}

func printResult(out io.Writer, result result, err error, asJSON bool) {
	switch {
	case !asJSON && result != nil:
		result.text(out)
	case asJSON:
		var value any = result
		if result == nil {
			value = map[string]string{"error": explain(err)}
		}
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(value) // to a reader that may have gone
	}
}

// explain is the error in words.
func explain(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted: everything was rolled back, nothing is changed"
	}
	return strings.TrimPrefix(err.Error(), "migrate: ")
}
