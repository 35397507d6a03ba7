package testdb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver of PostgreSQL's URLs
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/testdb/pgserver"
)

// adminTimeout bounds one CREATE or DROP DATABASE, which takes some 30 ms.
const adminTimeout = time.Minute

// PostgreSQL returns the DSN (postgres://…) of an empty database, which is
// dropped when the test ends, with every connection to it.
func PostgreSQL(t testing.TB) string {
	t.Helper()
	return createDatabase(t, "template0")
}

// PostgreSQLTemplate sets a database up once and returns a function that clones
// it: the quick way to a fresh schema for every subtest. setup gets the DSN of an
// empty database and must have closed its connections when it returns. The
// template is dropped when t ends, a clone when the test it was made for ends.
func PostgreSQLTemplate(t testing.TB, setup func(dsn string) error) (clone func(testing.TB) string) {
	t.Helper()
	dsn := PostgreSQL(t)
	require.NoError(t, setup(dsn), "testdb: set up the template database")
	template := databaseName(t, dsn)
	return func(t testing.TB) string {
		t.Helper()
		return createDatabase(t, template)
	}
}

// createDatabase makes a database out of template and returns its DSN.
func createDatabase(t testing.TB, template string) string {
	t.Helper()
	admin, err := adminURL()
	require.NoError(t, err)
	name := "signalbox_test_" + strings.ToLower(rand.Text())
	require.NoError(t, execute(admin, "CREATE DATABASE "+name+" TEMPLATE "+template))
	t.Cleanup(func() {
		require.NoError(t, execute(admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"))
	})
	database := admin
	database.Path = "/" + name
	return database.String()
}

func databaseName(t testing.TB, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	return strings.TrimPrefix(u.Path, "/")
}

// execute runs one statement on a connection of its own: a pool that stays open
// would look like a leak to the tests that search for leaked goroutines.
func execute(admin url.URL, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	db, err := sql.Open("postgres", admin.String())
	if err != nil {
		return fmt.Errorf("testdb: %w", err)
	}
	_, err = db.ExecContext(ctx, statement)
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("testdb: %s: %w", statement, err)
	}
	return nil
}

// adminURL is the server's own database, from TEST_DATABASE_URL or from a server
// started for this test binary.
func adminURL() (url.URL, error) {
	dsn := os.Getenv("TEST_DATABASE_URL")
	if dsn == "" {
		server, err := ownServer()
		if err != nil {
			return url.URL{}, err
		}
		dsn = server.DSN()
	}
	u, err := url.Parse(dsn)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		// The DSN holds a password: it stays out of the message.
		return url.URL{}, errors.New("testdb: TEST_DATABASE_URL is not a URL of the form postgres://user:password@host/database")
	}
	return *u, nil
}

// ownServer is never stopped: it ends with the process.
var ownServer = sync.OnceValues(pgserver.Start)
