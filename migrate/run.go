package migrate

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// lockKey is the PostgreSQL advisory lock of a run: "signalbx" as a number. It
// counts within one database.
const lockKey = 0x7369676e616c6278

// run does work on one connection of its own, inside a transaction that holds the
// lock: work happens whole or not at all, and when the connection goes, lock and
// work go together.
func (m *Migrator) run(ctx context.Context, work func(context.Context, *sql.DB, *Result) error) (*Result, error) {
	start := time.Now()
	result := &Result{Steps: []Step{}}
	conn, err := m.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: connect: %w", err)
	}
	err = conn.Raw(func(driverConn any) error {
		db, err := pin(driverConn)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }() // leaves the connection open
		return m.inTransaction(ctx, db, func() error {
			if err := m.refuseNewer(ctx, db); err != nil {
				return err
			}
			return work(ctx, db, result)
		})
	})
	if err = errors.Join(err, conn.Close()); err != nil {
		if ctx.Err() != nil { // the engines say it in words of their own
			err = ctx.Err()
		}
		return nil, fmt.Errorf("migrate: %w", err)
	}
	result.Duration = time.Since(start)
	return result, nil
}

// connect gets the connection. Where several processes open a new SQLite file at
// once, its change to WAL mode is refused without a wait: that is tried again.
func (m *Migrator) connect(ctx context.Context) (*sql.Conn, error) {
	deadline := time.Now().Add(m.lockTimeout)
	for {
		conn, err := m.db.Conn(ctx)
		if err == nil || !errors.Is(lockError(err), ErrLocked) || time.Now().After(deadline) {
			return conn, lockError(err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (m *Migrator) inTransaction(ctx context.Context, db *sql.DB, work func() error) error {
	if err := m.begin(ctx, db); err != nil {
		return lockError(err)
	}
	err := m.lock(ctx, db)
	if err == nil {
		err = work()
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		// Not to be interrupted: whether it happened could not be told.
		_, err = db.ExecContext(context.WithoutCancel(ctx), "COMMIT")
	}
	if err == nil {
		return nil
	}
	// The run's context may be over; going back must happen all the same.
	if _, rollback := db.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); rollback != nil {
		return discard{lockError(err)}
	}
	return lockError(err)
}

// begin starts the transaction. Read committed: what the run before has done is
// seen once the lock is had, whatever the database's default is.
func (m *Migrator) begin(ctx context.Context, db *sql.DB) error {
	if !m.isSQLite() {
		_, err := db.ExecContext(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
		return err
	}
	var before int64
	if err := db.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&before); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", m.lockTimeout.Milliseconds())); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, "BEGIN IMMEDIATE") // this is SQLite's lock
	_, restore := db.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf("PRAGMA busy_timeout = %d", before))
	return errors.Join(err, restore)
}

// lock takes PostgreSQL's advisory lock, in the transaction: so it needs no
// session of its own behind a connection pooler, and cannot be left behind.
func (m *Migrator) lock(ctx context.Context, db *sql.DB) error {
	if m.isSQLite() {
		return nil
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", m.lockTimeout.Milliseconds())); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", lockKey))
	return err
}

// A discard is an error after which the connection is closed, not given back to
// its pool: it may still be in the transaction.
type discard struct{ error }

func (discard) Is(target error) bool { return target == driver.ErrBadConn }
func (d discard) Unwrap() error      { return d.error }

// lockError turns the engines' words for a lock that was not to be had into ErrLocked.
func lockError(err error) error {
	var postgres interface{ SQLState() string }
	var sqlite interface{ Code() int }
	const lockNotAvailable = "55P03" // PostgreSQL documentation, appendix A
	const busy = 5                   // https://sqlite.org/rescode.html#busy
	switch {
	case errors.As(err, &postgres) && postgres.SQLState() == lockNotAvailable,
		errors.As(err, &sqlite) && sqlite.Code()&0xff == busy:
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	return err
}

// A pinned connection lets sql-migrate, which works on an *sql.DB, work on the one
// connection that holds the lock. Closing it leaves the connection open.
type pinned struct{ rawConn }

type rawConn interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
}

func pin(driverConn any) (*sql.DB, error) {
	raw, ok := driverConn.(rawConn)
	if !ok {
		return nil, fmt.Errorf("driver connection %T takes no context", driverConn)
	}
	db := sql.OpenDB(pinned{raw})
	db.SetMaxOpenConns(1)
	return db, nil
}

// Close does nothing: the pool that the connection came from closes it.
func (pinned) Close() error { return nil }

// Begin is not supported: the transaction is there.
func (pinned) Begin() (driver.Tx, error) { return nil, errors.New("already in a transaction") }

// Connect implements [driver.Connector].
func (p pinned) Connect(context.Context) (driver.Conn, error) { return p, nil }

// Driver implements [driver.Connector].
func (p pinned) Driver() driver.Driver { return nil }
