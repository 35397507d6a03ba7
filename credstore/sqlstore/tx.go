package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"

	"github.com/signalbox-go/signalbox/credstore"
)

// A Tx is a transaction of a [Store]. It belongs to one goroutine. Its row
// methods ([Tx.GetAccount] and its neighbours) are for imports: they work on
// stored values and record nothing; see [Tx.AppendAudit].
//
// What they read and write stays locked until the transaction ends. The store
// locks trains before accounts: touch all trains first, then accounts, or the
// import and a change of the store may wait for each other until PostgreSQL ends
// one of them (ErrUnavailable).
type Tx struct {
	querier
	tx     *sqlx.Tx
	events []credstore.Event
	audit  [][]any                   // auditValues, to be written before the commit
	end    credstore.AuditCheckpoint // of the trail, once they are written
}

// RunInTx runs fn in one transaction, which is committed when fn returns nil and
// rolled back otherwise, and tells the store's listeners of what was put. What fn
// recorded goes to the end of the audit trail right before the commit; when that
// fails, nothing happens at all ([credstore.ErrTampered] when the trail does not
// end as it was written). Each statement is bound by the store's query time-out,
// the whole by ctx alone. On SQLite nobody else can write meanwhile. When the
// commit itself fails (ErrUnavailable), the changes may have been made or not.
func (s *Store) RunInTx(ctx context.Context, fn func(tx *Tx) error) error {
	leave, err := s.enterWrite(ctx)
	if err != nil {
		return err
	}
	defer leave()
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.tx.Rollback() }() // nothing to do after a commit
	if err := fn(tx); err != nil {
		return err
	}
	if err := s.flushAudit(ctx, tx); err != nil {
		return about(err, "audit event")
	}
	err = tx.tx.Commit()
	if err == nil {
		s.seen.note(tx.end)
	}
	s.listeners.publish(tx.events) // also when nobody knows whether it happened
	return about(fail(ctx, err), "commit")
}

// write is RunInTx for the store's own changes: short, and under one deadline.
func (s *Store) write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	ctx, cancel := withDeadline(ctx, s.timeout)
	defer cancel()
	return s.RunInTx(ctx, func(tx *Tx) error { return fn(ctx, tx) })
}

// enterWrite lets the writers of this store through one by one on SQLite, which
// has room for one: they wait here, in line, rather than in its busy handler,
// which polls and forgets who came first.
func (s *Store) enterWrite(ctx context.Context) (leave func(), err error) {
	if s.dialect != SQLite {
		return func() {}, nil
	}
	ctx, cancel := withDeadline(ctx, s.timeout)
	defer cancel()
	select {
	case s.writer <- struct{}{}:
		return func() { <-s.writer }, nil
	case <-ctx.Done():
		return nil, about(fail(ctx, ctx.Err()), "wait to write")
	}
}

// begin starts a transaction. Waiting for a connection and for locks is bounded.
// Read committed, whatever the database's default is: who waited for a lock reads
// what the holder has written.
func (s *Store) begin(ctx context.Context) (*Tx, error) {
	var options sql.TxOptions
	if s.dialect == Postgres {
		options.Isolation = sql.LevelReadCommitted
	}
	tx, err := s.pool.BeginTxx(ctx, &options)
	if err != nil {
		return nil, about(fail(ctx, err), "begin")
	}
	t := &Tx{querier: s.querier, tx: tx}
	t.db = tx
	if s.dialect == Postgres {
		if _, err := t.exec(ctx, "SET LOCAL lock_timeout = "+lockTimeoutMillis); err != nil {
			_ = tx.Rollback()
			return nil, about(err, "begin")
		}
	}
	return t, nil
}

// Savepoint runs fn; when it returns an error, what fn did in the transaction is
// undone and the transaction goes on. The error is returned.
func (tx *Tx) Savepoint(ctx context.Context, fn func() error) error {
	if _, err := tx.exec(ctx, "SAVEPOINT step"); err != nil {
		return about(err, "savepoint")
	}
	events, audit := len(tx.events), len(tx.audit)
	if err := fn(); err != nil {
		tx.events, tx.audit = tx.events[:events], tx.audit[:audit]
		_, undo := tx.exec(ctx, "ROLLBACK TO SAVEPOINT step")
		if undo == nil {
			_, undo = tx.exec(ctx, "RELEASE SAVEPOINT step")
		}
		return errors.Join(err, about(undo, "undo"))
	}
	_, err := tx.exec(ctx, "RELEASE SAVEPOINT step")
	return about(err, "savepoint")
}

// changed notes what the listeners are told after the commit.
func (tx *Tx) changed(kind credstore.EventKind, id string) {
	tx.events = append(tx.events, credstore.Event{Kind: kind, ID: id})
}
