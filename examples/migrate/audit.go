package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/migrate"
)

// An auditResult is what the audit commands print.
type auditResult struct {
	Database   string                     `json:"database"`
	OK         bool                       `json:"ok"`
	Events     *int64                     `json:"events,omitempty"` // how many there are, when they are as they were written
	Checkpoint *credstore.AuditCheckpoint `json:"checkpoint,omitempty"`
	// EventID is the first event that is changed or missing; 0: none is at fault,
	// but what guards them.
	EventID int64  `json:"event_id,omitempty"`
	Problem string `json:"problem,omitempty"`
	// Unprotected is what is wrong with the triggers that keep the trail as it is.
	Unprotected []migrate.Finding `json:"unprotected,omitempty"`

	bare bool // print the checkpoint alone
}

func (r *auditResult) text(out io.Writer) {
	if r.bare && r.OK {
		fmt.Fprintln(out, r.Checkpoint)
		return
	}
	fmt.Fprintln(out, r.Database)
	switch {
	case r.EventID != 0:
		fmt.Fprintf(out, "event %d: %s\n", r.EventID, r.Problem)
	case r.Problem != "":
		fmt.Fprintln(out, r.Problem)
	case *r.Events == 0:
		fmt.Fprintln(out, "no events: the trail is new, or was emptied with its end: only a checkpoint tells")
	default:
		fmt.Fprintf(out, "%d events, as they were written\n", *r.Events)
	}
	if r.Checkpoint != nil {
		fmt.Fprintf(out, "checkpoint: %s\n", r.Checkpoint)
	}
	for _, finding := range r.Unprotected {
		fmt.Fprintf(out, "%s\n", finding)
	}
	if len(r.Unprotected) > 0 {
		fmt.Fprintln(out, "nothing in the database keeps events from being changed or removed: only audit verify would show it")
	}
}

func auditVerifyFlags(flags *flag.FlagSet) action {
	var checkpoint credstore.AuditCheckpoint
	flags.Func("checkpoint", "the trail has to pass through `TEXT`, which audit checkpoint printed earlier",
		func(value string) (err error) {
			checkpoint, err = credstore.ParseAuditCheckpoint(value)
			return err
		})
	return func(ctx context.Context, p *program) (result, bool, error) {
		r, err := p.audit(func(store *sqlstore.Store) (credstore.AuditCheckpoint, error) { //nolint:contextcheck // the store's goroutine ends with Close
			return store.VerifyAudit(ctx, checkpoint)
		})
		if err == nil {
			r.Unprotected, err = p.migrator.VerifyAuditTriggers(ctx)
		}
		if err != nil {
			return nil, false, err
		}
		r.OK = r.OK && len(r.Unprotected) == 0
		return r, r.OK, nil
	}
}

func auditCheckpointFlags(*flag.FlagSet) action {
	return func(ctx context.Context, p *program) (result, bool, error) {
		r, err := p.audit(func(store *sqlstore.Store) (credstore.AuditCheckpoint, error) { //nolint:contextcheck // the store's goroutine ends with Close
			return store.AuditCheckpoint(ctx)
		})
		if err != nil {
			return nil, false, err
		}
		r.bare = true
		return r, r.OK, nil
	}
}

// audit reads the audit trail; one that was tampered with is a result, too.
func (p *program) audit(read func(*sqlstore.Store) (credstore.AuditCheckpoint, error)) (r *auditResult, err error) {
	store := sqlstore.New(p.db, p.dialect, p.sealer, nil)
	defer func() { err = errors.Join(err, store.Close()) }()
	end, err := read(store)
	r = &auditResult{Database: p.config.Describe()}
	var tampered *credstore.TamperError
	if errors.As(err, &tampered) {
		r.EventID, r.Problem = tampered.EventID, tampered.Problem
		return r, nil
	}
	r.OK, r.Events, r.Checkpoint = true, &end.EventID, &end
	return r, err
}
