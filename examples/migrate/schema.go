package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/signalbox-go/signalbox/migrate"
)

// A stepsResult is what up and down print.
type stepsResult struct {
	Database string `json:"database"`
	*migrate.Result
	verb string
}

func (r stepsResult) text(out io.Writer) {
	fmt.Fprintln(out, r.Database)
	for _, step := range r.Steps {
		fmt.Fprintf(out, "%s %s in %s\n", r.verb, step.ID, round(step.Duration))
	}
	if len(r.Steps) == 0 {
		fmt.Fprintln(out, "nothing to do")
	}
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond / 10) }

func upFlags(*flag.FlagSet) action {
	return func(ctx context.Context, p *program) (result, bool, error) {
		applied, err := p.migrator.Up(ctx)
		if err != nil {
			return nil, false, err
		}
		return stepsResult{p.config.Describe(), applied, "applied"}, true, nil
	}
}

func downFlags(flags *flag.FlagSet) action {
	opts := &migrate.DownOptions{Steps: 1}
	flags.Func("steps", "take back `N` migrations (default 1)", func(value string) (err error) {
		if opts.Steps, err = strconv.Atoi(value); err != nil || opts.Steps < 1 {
			return errors.New("want a whole number from 1")
		}
		return nil
	})
	flags.BoolVar(&opts.Force, "force", false, "drop tables that hold rows: accounts cannot be made again, audit events are evidence")
	return func(ctx context.Context, p *program) (result, bool, error) {
		undone, err := p.migrator.Down(ctx, opts)
		if errors.Is(err, migrate.ErrHoldsRows) {
			err = fmt.Errorf("%w (--force drops it all the same)", err)
		}
		if err != nil {
			return nil, false, err
		}
		return stepsResult{p.config.Describe(), undone, "took back"}, true, nil
	}
}

// A statusResult is what status prints.
type statusResult struct {
	Database string `json:"database"`
	*migrate.Status
}

// meaning is each state in words.
var meaning = map[migrate.SchemaState]string{
	migrate.SchemaMissing:   "there are no tables: `migrate up` makes them",
	migrate.SchemaUnadopted: "tables of an existing deployment: `migrate up` adopts them as they are",
	migrate.SchemaOlder:     "migrations are pending: `migrate up` applies them",
	migrate.SchemaCurrent:   "what this program needs",
	migrate.SchemaNewer:     "a newer release made it: use that one",
}

func (r statusResult) text(out io.Writer) {
	fmt.Fprintf(out, "%s\nschema: %s (%s)\n", r.Database, r.Schema, meaning[r.Schema])
	for _, migration := range r.Migrations {
		state := "pending"
		if migration.AppliedAt != nil {
			state = "applied " + migration.AppliedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(out, "  %-28s %s\n", migration.ID, state)
	}
	for _, id := range r.Unknown {
		fmt.Fprintf(out, "  %-28s unknown to this program\n", id)
	}
}

func statusFlags(*flag.FlagSet) action {
	return func(ctx context.Context, p *program) (result, bool, error) {
		status, err := p.migrator.Status(ctx)
		if err != nil {
			return nil, false, err
		}
		return statusResult{p.config.Describe(), status}, true, nil
	}
}
