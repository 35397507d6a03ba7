package sqlstore

import (
	"context"
	"fmt"
	"time"

	sq "github.com/Masterminds/squirrel"
	"github.com/jmoiron/sqlx"

	"github.com/signalbox-go/signalbox/credstore"
)

// A querier runs single queries, on the pool or in a transaction, each under a
// deadline. Queries are written with ? for parameters. Errors are those of fail.
type querier struct {
	db      sqlx.ExtContext
	dialect Dialect
	timeout time.Duration
}

// get reads one row into dest; ErrNotFound when there is none.
func (q querier) get(ctx context.Context, dest any, query string, args ...any) error {
	ctx, cancel := withDeadline(ctx, q.timeout)
	defer cancel()
	return fail(ctx, sqlx.GetContext(ctx, q.db, dest, q.rebind(query), args...))
}

// all reads every row into the slice that dest points to.
func (q querier) all(ctx context.Context, dest any, query string, args ...any) error {
	ctx, cancel := withDeadline(ctx, q.timeout)
	defer cancel()
	return fail(ctx, sqlx.SelectContext(ctx, q.db, dest, q.rebind(query), args...))
}

// allBuilt is all for a query that is put together.
func (q querier) allBuilt(ctx context.Context, dest any, query sq.Sqlizer) error {
	text, args, err := query.ToSql()
	if err != nil {
		return err
	}
	return q.all(ctx, dest, text, args...)
}

// getBuilt is get for a query that is put together.
func (q querier) getBuilt(ctx context.Context, dest any, query sq.Sqlizer) error {
	text, args, err := query.ToSql()
	if err != nil {
		return err
	}
	return q.get(ctx, dest, text, args...)
}

// execBuilt is exec for a statement that is put together.
func (q querier) execBuilt(ctx context.Context, statement sq.Sqlizer) error {
	text, args, err := statement.ToSql()
	if err != nil {
		return err
	}
	_, err = q.exec(ctx, text, args...)
	return err
}

// exec runs a statement and returns how many rows it changed.
func (q querier) exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, cancel := withDeadline(ctx, q.timeout)
	defer cancel()
	result, err := q.db.ExecContext(ctx, q.rebind(query), args...)
	if err != nil {
		return 0, fail(ctx, err)
	}
	changed, err := result.RowsAffected()
	return changed, fail(ctx, err)
}

func (q querier) rebind(query string) string {
	return sqlx.Rebind(sqlx.BindType(q.dialect.driverName()), query)
}

// now is the time by the clock that all users of the database share: the
// server's, or that of the machine whose file it is.
func (q querier) now(ctx context.Context) (time.Time, error) {
	if q.dialect == SQLite {
		return time.Now().UTC().Truncate(time.Microsecond), nil
	}
	var now nullTime
	err := q.get(ctx, &now, "SELECT clock_timestamp()")
	return now.Time, err
}

// withDeadline bounds ctx by the store's own time limit, unless its caller's ends
// sooner. Past it, fail reports ErrUnavailable.
func withDeadline(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w: no answer within %v", credstore.ErrUnavailable, limit))
}
