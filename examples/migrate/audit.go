package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// An auditResult is what the audit commands print.
type auditResult struct {
	Database   string                     `json:"database"`
	OK         bool                       `json:"ok"`
	Events     *int64                     `json:"events,omitempty"` // how many there are, when OK
	Checkpoint *credstore.AuditCheckpoint `json:"checkpoint,omitempty"`
	// EventID is the first event that is changed or missing; 0: none is at fault,
	// but what guards them.
	EventID int64  `json:"event_id,omitempty"`
	Problem string `json:"problem,omitempty"`

	bare bool // print the checkpoint alone
}

func (r auditResult) text(out io.Writer) {
	switch {
	case !r.OK && r.EventID != 0:
		fmt.Fprintf(out, "%s\nevent %d: %s\n", r.Database, r.EventID, r.Problem)
	case !r.OK:
		fmt.Fprintf(out, "%s\n%s\n", r.Database, r.Problem)
	case r.bare:
		fmt.Fprintln(out, r.Checkpoint)
	default:
		fmt.Fprintf(out, "%s\n%d events, as they were written\ncheckpoint: %s\n", r.Database, *r.Events, r.Checkpoint)
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
		return p.audit(false, func(store *sqlstore.Store) (credstore.AuditCheckpoint, error) { //nolint:contextcheck // the store's goroutine ends with Close
			return store.VerifyAudit(ctx, checkpoint)
		})
	}
}

func auditCheckpointFlags(*flag.FlagSet) action {
	return func(ctx context.Context, p *program) (result, bool, error) {
		return p.audit(true, func(store *sqlstore.Store) (credstore.AuditCheckpoint, error) { //nolint:contextcheck // the store's goroutine ends with Close
			return store.AuditCheckpoint(ctx)
		})
	}
}

// audit reads the audit trail; one that was tampered with is a result, too.
func (p *program) audit(bare bool, read func(*sqlstore.Store) (credstore.AuditCheckpoint, error)) (_ result, ok bool, err error) {
	store := sqlstore.New(p.db, p.dialect, p.sealer, nil)
	defer func() { err = errors.Join(err, store.Close()) }()
	end, err := read(store)
	r := auditResult{Database: p.config.Describe(), bare: bare}
	var tampered *credstore.TamperError
	if errors.As(err, &tampered) {
		r.EventID, r.Problem = tampered.EventID, tampered.Problem
		return r, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	r.OK, r.Events, r.Checkpoint = true, &end.EventID, &end
	return r, true, nil
}
