package migrate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// A Severity says how bad a finding is.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"   // something will not work, or is not protected
	SeverityWarning Severity = "warning" // works, but nobody would have written it so
)

// A Finding is one thing that [Migrator.Verify] found wrong. Row is quoted when
// it holds other characters than an id may have. A finding never holds a secret.
type Finding struct {
	Severity Severity `json:"severity"`
	Table    string   `json:"table"`
	Row      string   `json:"row,omitempty"`    // the row's key; empty: the table itself
	Column   string   `json:"column,omitempty"` // column, constraint, index or trigger
	Problem  string   `json:"problem"`
}

// String is the finding on one line.
func (f Finding) String() string {
	where := f.Table
	if f.Row != "" {
		where += " " + f.Row
	}
	if f.Column != "" {
		where += "." + f.Column
	}
	return fmt.Sprintf("%s: %s: %s", f.Severity, where, f.Problem)
}

// MaxFindings is how many findings a [Report] lists; further ones are counted.
// A database sealed under another key has one for every secret.
const MaxFindings = 1000

// A Report is what [Migrator.Verify] found.
type Report struct {
	Schema   SchemaState      `json:"schema"`
	Rows     map[string]int64 `json:"rows"`    // how many, by table
	Secrets  int64            `json:"secrets"` // how many opened under the key
	Findings []Finding        `json:"findings"`
	Errors   int              `json:"errors"`   // findings of each severity, also those
	Warnings int              `json:"warnings"` // beyond MaxFindings
	Duration time.Duration    `json:"duration_ns"`

	mu sync.Mutex // workers add findings
}

// OK tells that there is no finding of severity error.
func (r *Report) OK() bool { return r.Errors == 0 }

func (r *Report) add(f Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.Severity == SeverityError {
		r.Errors++
	} else {
		r.Warnings++
	}
	if len(r.Findings) < MaxFindings {
		r.Findings = append(r.Findings, f)
	}
}

// Progress tells how far a long job is. It is called from one goroutine at a time.
type Progress func(done, total int)

// VerifyOptions are the choices of [Migrator.Verify]; nil and the zero value are good.
type VerifyOptions struct {
	// Progress is told how many accounts were checked; nil: nobody is told.
	Progress Progress
}

// Verify checks tables, columns, constraints, indexes and triggers against what
// the migrations make, rows against what the stores expect, and that every secret
// opens under sealer's key. It changes nothing. Secrets are opened on all cores,
// page by page, so that memory stays bounded; a secret costs one key derivation.
// An error means that it could not finish; what is wrong with the database is in
// the report. opts may be nil.
func (m *Migrator) Verify(ctx context.Context, sealer credstore.Sealer, opts *VerifyOptions) (*Report, error) {
	if opts == nil {
		opts = &VerifyOptions{}
	}
	start := time.Now()
	v := &verifier{Migrator: m, sealer: sealer, progress: opts.Progress, report: &Report{Rows: map[string]int64{}, Findings: []Finding{}}}
	if err := v.verify(ctx); err != nil {
		return nil, fmt.Errorf("migrate: verify: %w", err)
	}
	slices.SortFunc(v.report.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(a.Row, b.Row), strings.Compare(a.Column, b.Column))
	})
	v.report.Duration = time.Since(start)
	return v.report, nil
}

type verifier struct {
	*Migrator
	sealer   credstore.Sealer
	progress Progress
	report   *Report
}

func (v *verifier) verify(ctx context.Context) error {
	readable, err := v.checkSchema(ctx)
	if err != nil || !readable {
		return err
	}
	for _, check := range []func(context.Context) error{
		v.countRows, v.checkAccounts, v.checkTrains, v.checkReferences, v.checkTimes,
	} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkSchema compares the schema with what the migrations make. Without one of
// the columns the rows cannot be read: then readable is false.
func (v *verifier) checkSchema(ctx context.Context) (readable bool, err error) {
	status, err := v.status(ctx, v.db)
	if err != nil {
		return false, err
	}
	v.report.Schema = status.Schema
	if status.Schema != SchemaCurrent {
		v.report.add(Finding{SeverityError, migrationsTable, "", "", "the schema is " + string(status.Schema)})
	}
	expected, err := v.expectedSchema()
	if err != nil {
		return false, err
	}
	actual, err := v.actualSchema(ctx, v.db)
	if err != nil {
		return false, err
	}
	present := map[string]bool{}
	for o := range actual {
		present[o.table] = true
	}
	readable = true
	for _, want := range expected {
		have, there := actual[want.key()]
		if there || present[want.table] {
			for _, finding := range compareObject(want, have, there) {
				v.report.add(finding)
			}
		}
		readable = readable && (there || want.kind != "column")
	}
	for _, table := range tables {
		if !present[table] {
			v.report.add(Finding{SeverityError, table, "", "", "the table is missing"})
		}
	}
	return readable, nil
}

// compareObject returns what is wrong with an object; nil when nothing is.
func compareObject(want, have object, there bool) []Finding {
	finding := Finding{Severity: SeverityError, Table: want.table, Column: want.name}
	switch {
	case !there:
		finding.Problem = "the " + want.kind + " is missing"
	case have.definition == want.definition:
		return nil
	case have.definition == want.definition+disabled:
		finding.Problem = "the " + want.kind + " is disabled"
	default:
		finding.Problem = fmt.Sprintf("the %s is %q, not %q", want.kind, have.definition, want.definition)
	}
	return []Finding{finding}
}

// VerifyAuditTriggers checks the triggers that let nobody change the audit trail in
// passing: a part of what Verify checks, and it reads no rows. It returns what is
// wrong. [sqlstore.Store.VerifyAudit] tells whether somebody has changed the trail.
func (m *Migrator) VerifyAuditTriggers(ctx context.Context) ([]Finding, error) {
	expected, err := m.expectedSchema()
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	actual, err := m.actualSchema(ctx, m.db)
	if err != nil {
		return nil, fmt.Errorf("migrate: read the schema: %w", err)
	}
	var findings []Finding
	for _, want := range expected {
		if want.kind == "trigger" { // no other table has any
			have, there := actual[want.key()]
			findings = append(findings, compareObject(want, have, there)...)
		}
	}
	return findings, nil
}

func (v *verifier) countRows(ctx context.Context) error {
	for _, table := range tables {
		rows, err := count(ctx, v.db, table)
		if err != nil {
			return err
		}
		v.report.Rows[table] = rows
	}
	return nil
}
