package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	"github.com/lib/pq"

	"github.com/signalbox-go/signalbox/credstore"
)

// ErrSchema means that the database lacks tables or columns that this package
// needs. The message says which; `migrate up` makes them.
var ErrSchema = errors.New("database schema is not ready: run `migrate up`")

// about puts in front of err what it is about; nil stays nil.
func about(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// fail turns what the database or its driver reported for a query under ctx into
// one of the sentinels, in words that carry nothing of the row: a driver's own
// text or details may quote values, so it is not wrapped. An ended context is
// reported as that context's error.
func fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); errors.Is(cause, credstore.ErrUnavailable) {
			return cause // this package's own deadline
		}
		return ctx.Err()
	}
	var pqError *pq.Error
	var sqliteError interface{ Code() int }
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return credstore.ErrNotFound
	case errors.As(err, &pqError):
		return failPostgres(pqError)
	case errors.As(err, &sqliteError):
		return failSQLite(sqliteError.Code(), err.Error())
	case isConnectionError(err):
		return fmt.Errorf("%w: %s", credstore.ErrUnavailable, err.Error())
	case scanError.MatchString(err.Error()):
		return fmt.Errorf("%w: %s", credstore.ErrDamaged, scanError.FindString(err.Error()))
	}
	return errors.New(err.Error())
}

// scanError is how database/sql reports a value that does not fit. What follows
// quotes the value.
var scanError = regexp.MustCompile(`^sql: Scan error on column index \d+, name "\w*"`)

// isConnectionError tells whether the database could not be spoken to.
func isConnectionError(err error) bool {
	var netError net.Error
	for _, target := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, target) {
			return true
		}
	}
	// database/sql keeps the error of a closed pool to itself.
	return errors.As(err, &netError) || strings.HasSuffix(err.Error(), "database is closed")
}

// failPostgres sorts PostgreSQL's errors by SQLSTATE (PostgreSQL manual, appendix A).
func failPostgres(err *pq.Error) error {
	text := fmt.Sprintf("PostgreSQL error %s (%s)", err.Code, err.Code.Name())
	if err.Constraint != "" {
		text += " at " + err.Constraint
	}
	sentinel := postgresSentinel(string(err.Code))
	if errors.Is(sentinel, ErrSchema) {
		text += ": " + err.Message // names a table or a column
	}
	if sentinel == nil {
		return errors.New(text)
	}
	return fmt.Errorf("%w: %s", sentinel, text)
}

func postgresSentinel(code string) error {
	switch code {
	case "23505": // unique_violation
		return credstore.ErrAlreadyExists
	case "23503": // foreign_key_violation
		return credstore.ErrNotFound
	case "23502", "23514": // not_null_violation, check_violation
		return credstore.ErrInvalid
	case "42P01", "42703": // undefined_table, undefined_column
		return ErrSchema
	case "40001", "40P01", // serialization_failure, deadlock_detected
		"55P03", "57014", // lock_not_available, query_canceled (a statement_timeout of the server)
		"25006", // read_only_sql_transaction: a standby
		"3D000": // invalid_catalog_name
		return credstore.ErrUnavailable
	}
	switch code[:min(2, len(code))] {
	case "22": // data exception: too long, out of range, not UTF-8
		return credstore.ErrInvalid
	case "08", "28", "53", "57", "58": // connection, authorization, resources, shutdown, system
		return credstore.ErrUnavailable
	}
	return nil
}

// failSQLite sorts SQLite's result codes (https://www.sqlite.org/rescode.html).
// SQLite's texts name columns and constraints, never values.
func failSQLite(code int, text string) error {
	sentinel := sqliteSentinel(code)
	if sentinel == nil && (strings.Contains(text, "no such table") || strings.Contains(text, "no such column")) {
		sentinel = ErrSchema
	}
	if sentinel == nil {
		return fmt.Errorf("SQLite: %s", text)
	}
	return fmt.Errorf("%w: SQLite: %s", sentinel, text)
}

func sqliteSentinel(code int) error {
	switch code {
	case 2067, 1555: // CONSTRAINT_UNIQUE, CONSTRAINT_PRIMARYKEY
		return credstore.ErrAlreadyExists
	case 787: // CONSTRAINT_FOREIGNKEY
		return credstore.ErrNotFound
	case 275, 1299: // CONSTRAINT_CHECK, CONSTRAINT_NOTNULL
		return credstore.ErrInvalid
	}
	switch code & 0xff { // the primary code
	case 5, 6, 9, 10, 13, 14: // BUSY, LOCKED, INTERRUPT, IOERR, FULL, CANTOPEN
		return credstore.ErrUnavailable
	case 8: // READONLY
		return credstore.ErrReadOnly
	case 11, 26: // CORRUPT, NOTADB
		return credstore.ErrDamaged
	case 18: // TOOBIG
		return credstore.ErrInvalid
	}
	return nil
}
