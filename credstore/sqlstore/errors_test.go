package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// sqliteError is what modernc.org/sqlite and others return.
type sqliteError int

func (e sqliteError) Code() int { return int(e) }
func (e sqliteError) Error() string {
	return fmt.Sprintf("constraint failed: accounts.account_name (%d)", int(e))
}

var sentinels = []error{
	credstore.ErrNotFound, credstore.ErrAlreadyExists, credstore.ErrConflict, credstore.ErrInvalid, credstore.ErrDamaged,
	credstore.ErrUnavailable, credstore.ErrReadOnly, sqlstore.ErrSchema,
}

// requireSentinel checks that err wraps want (nil: none) and no other.
func requireSentinel(t *testing.T, want, err error, what any) {
	t.Helper()
	require.Error(t, err, what)
	for _, sentinel := range sentinels {
		require.Equal(t, errors.Is(want, sentinel), errors.Is(err, sentinel), "%v: %v is %v", what, err, sentinel)
	}
}

func TestPostgresErrors(t *testing.T) {
	for code, want := range map[string]error{
		"23505": credstore.ErrAlreadyExists,
		"23503": credstore.ErrNotFound,
		"23502": credstore.ErrInvalid, "23514": credstore.ErrInvalid,
		"22001": credstore.ErrInvalid, "22003": credstore.ErrInvalid, "22021": credstore.ErrInvalid, "22P02": credstore.ErrInvalid,
		"42P01": sqlstore.ErrSchema, "42703": sqlstore.ErrSchema,
		"40001": credstore.ErrUnavailable, "40P01": credstore.ErrUnavailable, "55P03": credstore.ErrUnavailable,
		"57014": credstore.ErrUnavailable, "57P01": credstore.ErrUnavailable, "57P03": credstore.ErrUnavailable,
		"08006": credstore.ErrUnavailable, "28P01": credstore.ErrUnavailable, "3D000": credstore.ErrUnavailable,
		"53300": credstore.ErrUnavailable, "53100": credstore.ErrUnavailable, "58030": credstore.ErrUnavailable,
		"25006": credstore.ErrUnavailable,
		"42501": nil, "42601": nil, "23000": nil, "XX000": nil, "": nil,
	} {
		reported := &pq.Error{
			Code: pqerror.Code(code), Message: "column or relation", Constraint: "some_constraint",
			Detail: "Failing row contains (secret).", Where: "secret", InternalQuery: "secret", Hint: "secret",
		}
		err := sqlstore.Fail(t.Context(), fmt.Errorf("wrapped: %w", reported))
		requireSentinel(t, want, err, code)
		require.NotContains(t, fmt.Sprintf("%+v %#v", err, err), "secret", code)
		require.Nil(t, pq.As(err), "the driver's error is not handed on")
	}
}

func TestSQLiteErrors(t *testing.T) {
	for code, want := range map[int]error{
		2067: credstore.ErrAlreadyExists, 1555: credstore.ErrAlreadyExists,
		787: credstore.ErrNotFound,
		275: credstore.ErrInvalid, 1299: credstore.ErrInvalid, 18: credstore.ErrInvalid,
		5: credstore.ErrUnavailable, 517: credstore.ErrUnavailable, 6: credstore.ErrUnavailable, 9: credstore.ErrUnavailable,
		10: credstore.ErrUnavailable, 266: credstore.ErrUnavailable, 13: credstore.ErrUnavailable, 14: credstore.ErrUnavailable,
		8: credstore.ErrReadOnly, 11: credstore.ErrDamaged, 26: credstore.ErrDamaged,
		1: nil, 1811: nil, 21: nil,
	} {
		requireSentinel(t, want, sqlstore.Fail(t.Context(), sqliteError(code)), code)
	}
}

func TestConnectionErrors(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, reported := range []error{
		driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, refused,
		&net.DNSError{Err: "no such host", Name: "db"}, fmt.Errorf("wrapped: %w", refused), errors.New("sql: database is closed"),
	} {
		requireSentinel(t, credstore.ErrUnavailable, sqlstore.Fail(t.Context(), reported), reported)
	}
	requireSentinel(t, credstore.ErrNotFound, sqlstore.Fail(t.Context(), sql.ErrNoRows), "no rows")
	requireSentinel(t, nil, sqlstore.Fail(t.Context(), errors.New("something else")), "unknown")
	require.NoError(t, sqlstore.Fail(t.Context(), nil))
}

func TestScanErrorsDoNotQuoteValues(t *testing.T) {
	reported := errors.New(`sql: Scan error on column index 3, name "oauth_expires_at": converting driver.Value type string ("secret") to a int64: invalid syntax`)
	err := sqlstore.Fail(t.Context(), reported)
	requireSentinel(t, credstore.ErrDamaged, err, "scan")
	require.ErrorContains(t, err, "oauth_expires_at")
	require.NotContains(t, err.Error(), "secret")
}

// Whatever a driver says after the context has ended, the context's error is the reason.
func TestContextErrors(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("a cause of the caller's own"))
	for _, reported := range []error{context.Canceled, driver.ErrBadConn, sql.ErrTxDone, &pq.Error{Code: "57014"}, sqliteError(9)} {
		require.ErrorIs(t, sqlstore.Fail(ctx, reported), context.Canceled)
		require.NotErrorIs(t, sqlstore.Fail(ctx, reported), credstore.ErrUnavailable)
	}
}
