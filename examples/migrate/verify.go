package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/signalbox-go/signalbox/migrate"
)

// A verifyResult is what verify prints.
type verifyResult struct {
	Database string `json:"database"`
	OK       bool   `json:"ok"`
	*migrate.Report
}

func (r verifyResult) text(out io.Writer) {
	fmt.Fprintf(out, "%s\nschema: %s\n", r.Database, r.Schema)
	for _, table := range slices.Sorted(maps.Keys(r.Rows)) {
		fmt.Fprintf(out, "  %-24s %d rows\n", table, r.Rows[table])
	}
	for _, finding := range r.Findings {
		fmt.Fprintln(out, finding)
	}
	if more := r.Errors + r.Warnings - len(r.Findings); more > 0 {
		fmt.Fprintf(out, "and %d more\n", more)
	}
	fmt.Fprintf(out, "%d secrets open; %d errors, %d warnings; %s\n", r.Secrets, r.Errors, r.Warnings, round(r.Duration))
}

func verifyFlags(*flag.FlagSet) action {
	return func(ctx context.Context, p *program) (result, bool, error) {
		report, err := p.migrator.Verify(ctx, p.sealer, &migrate.VerifyOptions{Progress: progressBar(p.stderr, "verify")})
		if err != nil {
			return nil, false, err
		}
		return verifyResult{p.config.Describe(), report.OK(), report}, report.OK(), nil
	}
}
