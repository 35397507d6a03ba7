package sqlstore

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/signalbox-go/signalbox/credstore"
)

// DefaultQueryTimeout is how long a query, or a change of a few queries, may take
// when [Options] does not say. They take milliseconds; this is for a database
// that hangs.
const DefaultQueryTimeout = 5 * time.Second

// lockTimeoutMillis is how long PostgreSQL lets a statement wait for a row that
// another transaction holds (lock_timeout, in milliseconds): below
// DefaultQueryTimeout, so that the wait ends with a reason.
const lockTimeoutMillis = "3000"

// Options are the choices of [New]; nil and the zero value are good.
type Options struct {
	// QueryTimeout bounds every query, and every change as a whole; a caller's
	// context can only shorten it. 0: [DefaultQueryTimeout].
	QueryTimeout time.Duration
	// Logger is told when the last-used times cannot be written, the one thing
	// that happens behind the callers' backs. nil: nobody is.
	Logger *slog.Logger
}

// A Store keeps accounts, trains and the audit trail in a database. It implements
// [credstore.AdminStore] and [credstore.Notifier]. Make it with [New]; it is safe
// for concurrent use.
type Store struct {
	querier
	pool      *sqlx.DB
	sealer    credstore.Sealer
	writer    chan struct{} // held by who writes, on SQLite: see enterWrite
	listeners listeners
	lastUsed  *lastUsed
	chain     chainKeys
	seen      auditSeen
}

var (
	_ credstore.AdminStore = (*Store)(nil)
	_ credstore.Notifier   = (*Store)(nil)
)

// New makes a store on a database that was opened with [OpenPostgres] or
// [OpenSQLite], and whose schema is in place ([Store.CheckSchema]). Secrets are
// sealed and opened by sealer. opts may be nil.
//
// The store runs one goroutine, which writes last-used times until
// [Store.Close]. Closing db afterwards is the caller's.
func New(db *sql.DB, dialect Dialect, sealer credstore.Sealer, opts *Options) *Store {
	if opts == nil {
		opts = &Options{}
	}
	timeout := opts.QueryTimeout
	if timeout <= 0 {
		timeout = DefaultQueryTimeout
	}
	logger := opts.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{pool: sqlx.NewDb(db, dialect.driverName()), sealer: sealer, writer: make(chan struct{}, 1)}
	s.querier = querier{db: s.pool, dialect: dialect, timeout: timeout}
	s.lastUsed = startLastUsed(s.writeLastUsed, logger)
	return s
}

// Ping implements [credstore.Store]. [ErrSchema] when a table that requests need is
// missing; what is in the tables costs it nothing.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return about(s.get(ctx, &one, `SELECT 1 WHERE 1 = 1 OR EXISTS (SELECT 1
		FROM accounts, trains, train_account_mappings, account_refreshes)`), "ping")
}

// Close implements [credstore.Store]: it writes the last-used times that wait,
// and ends the goroutine that does so. The database stays open.
func (s *Store) Close() error {
	s.chain.wipe()
	return about(s.lastUsed.close(), "write last-used times")
}
