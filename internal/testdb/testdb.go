// Package testdb gives each test an empty database of its own, on real engines.
//
// PostgreSQL databases are made on the server that TEST_DATABASE_URL names, as
// `make test` sets it. Without that variable the test binary starts a throwaway
// server for itself (package pgserver), which ends with it. There is no way to
// skip: a machine without PostgreSQL fails the test and says what to install.
//
// The package imports the drivers "postgres" (lib/pq) and "sqlite" (modernc.org/sqlite).
package testdb

import (
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // the driver of SQLite's URLs
)

// SQLite returns the URL (sqlite:PATH) of a database whose file does not exist
// yet, in a directory that is removed when the test ends.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "signalbox.db")
}
