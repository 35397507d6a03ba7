package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// ErrStrict is returned when a file failed in a strict import: nothing was written.
var ErrStrict = errors.New("nothing was written")

// ImportOptions are the choices of [Migrator.Import]; nil and the zero value are good.
type ImportOptions struct {
	// Strict writes nothing at all when a single file fails.
	Strict bool
	// DryRun does everything except keeping it: what is written is rolled back.
	DryRun bool
	// Slack gives the Slack configuration of an account's file, by account name,
	// to trains, by id. Configurations that are not named here are reported: they
	// belong to trains now, and which ones nobody but the operator can tell.
	Slack map[string][]string
	// Progress is told how many account files are ready to be written; nil:
	// nobody is told.
	Progress Progress
}

// An Outcome is what an import made of a file.
type Outcome string

// The outcomes.
const (
	OutcomeNew       Outcome = "new"
	OutcomeUpdated   Outcome = "updated"
	OutcomeUnchanged Outcome = "unchanged"
	OutcomeFailed    Outcome = "failed"
)

// An ImportItem is what an import made of one file, or of one Slack configuration.
// It never holds a secret.
type ImportItem struct {
	File    string   `json:"file"`
	ID      string   `json:"id,omitempty"` // of the account or train
	Outcome Outcome  `json:"outcome"`
	Reason  string   `json:"reason,omitempty"`  // why it failed
	Changed []string `json:"changed,omitempty"` // what was updated
	Notes   []string `json:"notes,omitempty"`   // what somebody should know
}

// An ImportSummary counts outcomes.
type ImportSummary struct {
	New       int `json:"new"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Failed    int `json:"failed"`
}

// An ImportReport is what an import did.
type ImportReport struct {
	// Written tells that the changes are in the database. Otherwise the report
	// says what they would have been.
	Written  bool         `json:"written"`
	Accounts []ImportItem `json:"accounts"`
	Trains   []ImportItem `json:"trains"`
	Slack    []ImportItem `json:"slack"`
	// SlackLeft are the accounts whose file has a Slack configuration that no
	// train was given.
	SlackLeft []string      `json:"slack_left,omitempty"`
	Summary   ImportSummary `json:"summary"`
	Duration  time.Duration `json:"duration_ns"`
}

// errRollBack ends a transaction whose changes are not wanted.
var errRollBack = errors.New("roll back")

// Import takes credential files into the database: accounts from accountsDir and
// client keys from clientKeysDir, either of which may be missing. A file that
// fails is reported and stops nothing else, unless opts say Strict. Secrets are
// opened and sealed on all cores before the one transaction in which everything
// is written, with an audit event for every change. A second run finds nothing to
// do and writes nothing. The package documentation says what happens to a file
// that differs from what is stored.
//
// The changes are made by the context's actor, or else by a command named "import".
//
// An error means that nothing was written. With [ErrStrict] there is a report all
// the same. Others: [sqlstore.ErrSchema], [credstore.ErrUnavailable], and
// [credstore.ErrDamaged] when none of the stored secrets opens under the key. opts
// may be nil.
func (m *Migrator) Import(ctx context.Context, sealer credstore.Sealer, accountsDir, clientKeysDir string, opts *ImportOptions) (*ImportReport, error) {
	if opts == nil {
		opts = &ImportOptions{}
	}
	start := time.Now()
	if credstore.ActorFrom(ctx).Kind == credstore.ActorUnknown {
		ctx = credstore.WithActor(ctx, credstore.Actor{Kind: credstore.ActorCommand, Name: "import"})
	}
	i := &importer{Migrator: m, sealer: sealer, opts: opts}
	err := i.run(ctx, accountsDir, clientKeysDir)
	if err != nil && !errors.Is(err, ErrStrict) {
		return nil, fmt.Errorf("migrate: import: %w", err)
	}
	report := i.report()
	report.Written = err == nil && !opts.DryRun
	report.Duration = time.Since(start)
	return report, err
}

type importer struct {
	*Migrator
	sealer    credstore.Sealer
	opts      *ImportOptions
	accounts  []*accountImport
	trains    []*trainImport
	slack     []*slackImport
	slackLeft []string
}

func (i *importer) run(ctx context.Context, accountsDir, clientKeysDir string) error {
	if err := i.checkReady(ctx); err != nil {
		return err
	}
	if err := i.scan(accountsDir, clientKeysDir); err != nil {
		return err
	}
	if err := i.readStored(ctx); err != nil {
		return err
	}
	if err := i.prepareAccounts(ctx); err != nil {
		return err
	}
	i.recheckFiles(accountsDir)
	store := sqlstore.New(i.db, i.dialect, i.sealer, nil) //nolint:contextcheck // ends with Close
	err := store.RunInTx(ctx, func(tx *sqlstore.Tx) error { return i.write(ctx, tx) })
	if i.opts.DryRun && errors.Is(err, errRollBack) {
		err = nil
	}
	return errors.Join(err, store.Close()) //nolint:contextcheck // nothing waits to be written
}

// checkReady refuses to work on any schema but the current one.
func (i *importer) checkReady(ctx context.Context) error {
	status, err := i.status(ctx, i.db)
	switch {
	case err != nil:
		return err
	case status.Schema == SchemaNewer:
		return ErrNewerSchema
	case status.Schema != SchemaCurrent:
		return fmt.Errorf("%w: it is %s", sqlstore.ErrSchema, status.Schema)
	}
	return nil
}

func (item *ImportItem) fail(err error) {
	item.Outcome, item.Reason, item.Changed = OutcomeFailed, err.Error(), nil
}

func (item *ImportItem) note(format string, args ...any) {
	item.Notes = append(item.Notes, fmt.Sprintf(format, args...))
}

func (i *importer) report() *ImportReport {
	report := &ImportReport{Accounts: []ImportItem{}, Trains: []ImportItem{}, Slack: []ImportItem{}}
	for _, account := range i.accounts {
		report.Accounts = append(report.Accounts, account.item)
	}
	for _, train := range i.trains {
		report.Trains = append(report.Trains, train.item)
	}
	for _, slack := range i.slack {
		report.Slack = append(report.Slack, slack.item)
	}
	report.SlackLeft = i.slackLeft
	for _, items := range [][]ImportItem{report.Accounts, report.Trains, report.Slack} {
		for _, item := range items {
			report.Summary.add(item.Outcome)
		}
	}
	return report
}

func (s *ImportSummary) add(outcome Outcome) {
	switch outcome {
	case OutcomeNew:
		s.New++
	case OutcomeUpdated:
		s.Updated++
	case OutcomeUnchanged:
		s.Unchanged++
	case OutcomeFailed:
		s.Failed++
	}
}
