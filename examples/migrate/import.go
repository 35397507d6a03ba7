package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/migrate"
)

// An importResult is what import prints.
type importResult struct {
	Database string `json:"database"`
	DryRun   bool   `json:"dry_run"`
	// Missing are the folders that are not there.
	Missing []string `json:"missing,omitempty"`
	*migrate.ImportReport
}

func (r importResult) text(out io.Writer) {
	fmt.Fprintln(out, r.Database)
	for _, dir := range r.Missing {
		fmt.Fprintf(out, "there is no folder %s\n", printable(dir))
	}
	for _, item := range slices.Concat(r.Accounts, r.Trains) {
		printItem(out, item, printable(item.File))
	}
	for _, item := range r.Slack {
		printItem(out, item, "Slack configuration of "+printable(item.File)+" for train")
	}
	if len(r.SlackLeft) > 0 {
		fmt.Fprintf(out, "Slack configurations that no train got: of %s (--slack ACCOUNT=TRAIN,TRAIN gives one to trains)\n", strings.Join(r.SlackLeft, ", "))
	}
	if !r.Written {
		fmt.Fprint(out, "nothing was written; it would have been: ")
	}
	s := r.Summary
	fmt.Fprintf(out, "%d new, %d updated, %d unchanged, %d failed; %s\n", s.New, s.Updated, s.Unchanged, s.Failed, round(r.Duration))
}

// printable is the name of a file as a terminal may show it: quoted, if there are
// characters in it that a terminal would act upon.
func printable(name string) string {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

// printItem is silent about what is unchanged and not worth a note.
func printItem(out io.Writer, item migrate.ImportItem, what string) {
	if item.Outcome == migrate.OutcomeUnchanged && len(item.Notes) == 0 {
		return
	}
	fmt.Fprintf(out, "%-9s %s", item.Outcome, what)
	if item.ID != "" {
		fmt.Fprintf(out, " (%s)", item.ID)
	}
	for _, more := range append([]string{item.Reason, strings.Join(item.Changed, ", ")}, item.Notes...) {
		if more != "" {
			fmt.Fprintf(out, ": %s", more)
		}
	}
	fmt.Fprintln(out)
}

const importHelp = `
New accounts and trains are added. Where a file and the database differ:

  Tokens      The file wins if it was written after the account was last changed in
              the database, and its tokens do not expire earlier than the stored ones.
              An unknown expiry in a file never replaces a known one.
  API key     The file wins if it was written after the account was last changed.
  Client keys Those of the file are added. None is removed: the report counts the
              ones that only the database has.
  Name, state Stay as they are in the database.

The report says what was kept. To make a file win, touch it.
`

func importFlags(flags *flag.FlagSet) action {
	opts := &migrate.ImportOptions{Slack: map[string][]string{}}
	flags.BoolVar(&opts.Strict, "strict", false, "write nothing at all when a single file fails")
	flags.BoolVar(&opts.DryRun, "dry-run", false, "tell what would be done, and write nothing")
	flags.Func("slack", "give the Slack configuration of an account's file to trains: `ACCOUNT=TRAIN,TRAIN`; may be repeated",
		func(value string) error { return addSlack(opts.Slack, value) })
	return func(ctx context.Context, p *program) (result, bool, error) {
		opts.Progress = progressBar(p.stderr, "import")
		report, err := p.migrator.Import(ctx, p.sealer, p.accountsDir, p.clientKeysDir, opts)
		if report == nil {
			return nil, false, err
		}
		r := importResult{p.config.Describe(), opts.DryRun, missing(p.accountsDir, p.clientKeysDir), report}
		return r, report.Summary.Failed == 0, err
	}
}

func addSlack(slack map[string][]string, value string) error {
	account, trains, ok := strings.Cut(value, "=")
	if !ok {
		return errors.New("want ACCOUNT=TRAIN,TRAIN")
	}
	if err := credstore.CheckID("account name", account); err != nil {
		return err
	}
	for train := range strings.SplitSeq(trains, ",") {
		if err := credstore.CheckID("train id", train); err != nil {
			return err
		}
		slack[account] = append(slack[account], train)
	}
	return nil
}

func missing(dirs ...string) (missing []string) {
	for _, dir := range dirs {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			missing = append(missing, dir)
		}
	}
	return missing
}
