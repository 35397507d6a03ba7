package sqlstore

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/signalbox-go/signalbox/credstore"
)

// AuditCheckpoint returns the end of the audit trail, to be kept away from the
// database and given to [Store.VerifyAudit] later; the zero value while there are
// no events. It looks at the end only. [credstore.ErrTampered] when that is not as
// the store wrote it.
func (s *Store) AuditCheckpoint(ctx context.Context) (credstore.AuditCheckpoint, error) {
	var end credstore.AuditCheckpoint
	err := s.inSnapshot(ctx, func(q querier) error {
		w, err := s.startWalk(ctx, q)
		switch {
		case err != nil, w.chain == nil:
			return err
		case w.head == nil:
			return errHeadChanged
		}
		end = *w.head
		return nil
	})
	return end, about(err, "audit checkpoint")
}

// VerifyAudit reads the whole audit trail, in one snapshot, and checks that it is
// as the store wrote it, and that it passes through the checkpoint (zero: none) and
// what this Store has written or verified before. It returns the checkpoint of the trail's end, whose EventID is the number of events.
// The error is a [credstore.TamperError] with the first event that is changed,
// missing or too much. It changes nothing, and its memory does not grow with the
// trail. The package documentation says what it cannot see.
func (s *Store) VerifyAudit(ctx context.Context, checkpoint credstore.AuditCheckpoint) (credstore.AuditCheckpoint, error) {
	var end credstore.AuditCheckpoint
	seen := s.seen.get() // before the snapshot, which has it then
	err := s.inSnapshot(ctx, func(q querier) error {
		w, err := s.startWalk(ctx, q)
		if err != nil {
			return err
		}
		w.checkpoint, w.seen = checkpoint, seen
		if err := w.walk(ctx); err != nil {
			return err
		}
		if w.last.EventID > 0 {
			end = w.last
		}
		return w.checkHead()
	})
	if err != nil {
		return credstore.AuditCheckpoint{}, about(err, "verify audit trail")
	}
	s.seen.note(end)
	return end, nil
}

// inSnapshot runs fn on the database as it is at one moment.
func (s *Store) inSnapshot(ctx context.Context, fn func(q querier) error) error {
	options := sql.TxOptions{ReadOnly: true}
	if s.dialect == Postgres {
		options.Isolation = sql.LevelRepeatableRead
	}
	tx, err := s.pool.BeginTxx(ctx, &options)
	if err != nil {
		return fail(ctx, err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	q := s.querier
	q.db = tx
	return fn(q)
}

// A chainWalk goes along the trail from its first event.
type chainWalk struct {
	q          querier
	chain      *chain                     // nil: there is no trail
	head       *credstore.AuditCheckpoint // nil: there is none that is genuine
	checkpoint credstore.AuditCheckpoint
	seen       credstore.AuditCheckpoint // by this store, earlier
	last       credstore.AuditCheckpoint // the last event that was good
}

// startWalk reads and checks the row of audit_chain.
func (s *Store) startWalk(ctx context.Context, q querier) (*chainWalk, error) {
	w := &chainWalk{q: q, last: credstore.AuditCheckpoint{Hash: credstore.AuditGenesis}}
	row, err := q.readChain(ctx)
	switch {
	case errors.Is(err, credstore.ErrNotFound):
		exist, err := q.auditExists(ctx)
		if err == nil && exist {
			err = errHeadMissing
		}
		return w, err
	case errors.Is(err, credstore.ErrDamaged):
		return w, errHeadChanged
	case err != nil:
		return w, err
	}
	if w.chain, err = s.openChain(row); err == nil && row.isGenuine(w.chain) {
		end := row.end()
		w.head = &end
	}
	return w, err
}

// auditPage is how many events are read at once.
const auditPage = 1000

func (w *chainWalk) walk(ctx context.Context) error {
	if w.chain == nil {
		return nil
	}
	for from := int64(math.MinInt64); ; from = w.last.EventID {
		rows, err := w.q.auditRows(ctx, from, auditPage)
		if err != nil {
			return err
		}
		isLast := len(rows) < auditPage
		if from > 0 && len(rows) > 0 {
			rows = rows[1:] // the last of the page before; a second one of that id stays
		}
		for _, row := range rows {
			if err := w.step(ctx, row); err != nil {
				return err
			}
		}
		if isLast {
			return nil
		}
	}
}

// auditRows reads events from that id on: auditColumns, and then the hash.
func (q querier) auditRows(ctx context.Context, from int64, limit int) ([][]any, error) {
	ctx, cancel := withDeadline(ctx, q.timeout)
	defer cancel()
	rows, err := q.db.QueryxContext(ctx, q.rebind(`SELECT `+q.dialect.auditColumns()+`, hash FROM audit_events
		WHERE event_id >= ? ORDER BY event_id LIMIT ?`), from, limit)
	if err != nil {
		return nil, fail(ctx, err)
	}
	defer func() { _ = rows.Close() }() // Err tells
	all := make([][]any, 0, limit)
	for rows.Next() {
		values, err := rows.SliceScan()
		if err != nil {
			return nil, fail(ctx, err)
		}
		all = append(all, values)
	}
	return all, fail(ctx, rows.Err())
}

// step checks the next event.
func (w *chainWalk) step(ctx context.Context, row []any) error {
	id, ok := row[0].(int64)
	next := w.last.EventID + 1
	switch {
	case !ok || id < 1:
		return tampered(id, "there is an event with id %d: it was put there by something else", id)
	case id < next:
		return tampered(id, "there is a second one with its id")
	case w.head != nil && id > w.head.EventID && next > w.head.EventID:
		return tampered(id, "it was put there by something else, or the head was put back: the head says that the trail ends at event %d", w.head.EventID)
	case id > next:
		return tampered(next, "it is missing: the next event is %d", id)
	}
	hash, _ := columnText(row[len(auditColumns)])
	want := w.chain.event(w.last.Hash, row[:len(auditColumns)])
	if want == "" || subtle.ConstantTimeCompare([]byte(hash), []byte(want)) != 1 {
		return w.explain(ctx, id, hash, want)
	}
	if id == w.checkpoint.EventID && hash != w.checkpoint.Hash {
		return tampered(id, "it is not the event of the checkpoint: the trail, or its beginning up to here, is another one")
	}
	if id == w.seen.EventID && hash != w.seen.Hash {
		return tampered(id, "it is not the event that this program has seen: the trail, or its beginning up to here, is another one")
	}
	w.last = credstore.AuditCheckpoint{EventID: id, Hash: hash}
	return nil
}

// explain tells how an event that does not fit came about: what follows on it shows
// which hash it once had.
func (w *chainWalk) explain(ctx context.Context, id int64, has, wants string) error {
	follows, err := w.followsOn(ctx, id)
	switch {
	case err != nil:
		return err
	case follows(has):
		return tampered(id, "it was changed: what it says is not what its hash says")
	case follows(wants):
		return tampered(id, "its hash was changed")
	case w.head == nil:
		return tampered(id, "it does not follow on the event before, and the head is not genuine either: changed, moved or put there, or the trail's key was replaced")
	}
	return tampered(id, "it does not follow on the event before: changed, moved or put there")
}

// followsOn tells which hash of the event what comes after fits: the next event, or
// the head.
func (w *chainWalk) followsOn(ctx context.Context, id int64) (fits func(hash string) bool, err error) {
	if w.head != nil && w.head.EventID == id {
		return func(hash string) bool { return hash == w.head.Hash }, nil
	}
	rows, err := w.q.auditRows(ctx, id+1, 1)
	if err != nil || len(rows) == 0 {
		return func(string) bool { return false }, err
	}
	next := rows[0]
	hash, _ := columnText(next[len(auditColumns)])
	return func(previous string) bool {
		return hash != "" && w.chain.event(previous, next[:len(auditColumns)]) == hash
	}, nil
}

// checkHead compares what was walked with where the trail should end.
func (w *chainWalk) checkHead() error {
	after := w.last.EventID + 1
	switch {
	case w.chain != nil && w.head == nil:
		return errHeadChanged
	case w.head != nil && w.last.EventID < w.head.EventID:
		return tampered(after, "it and all that follow are missing: the head says that the trail ends at event %d", w.head.EventID)
	case w.head != nil && w.last != *w.head:
		return tampered(w.last.EventID, "it is not the event that the head names: the head was put back")
	case w.last.EventID < w.checkpoint.EventID:
		return tampered(after, "it and all that follow are missing: the checkpoint is of event %d", w.checkpoint.EventID)
	case w.last.EventID < w.seen.EventID:
		return tampered(after, "it and all that follow are missing: this program has seen the trail end at event %d", w.seen.EventID)
	}
	return nil
}

func tampered(id int64, problem string, args ...any) error {
	return &credstore.TamperError{EventID: id, Problem: fmt.Sprintf(problem, args...)}
}
