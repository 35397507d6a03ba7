package sqlstore_test

import (
	"context"
	"database/sql"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/migrate"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(writerVariable); path != "" {
		os.Exit(runWriter(path))
	}
	if url := os.Getenv(appenderVariable); url != "" {
		os.Exit(runAppender(url))
	}
	// The tests wait more than they compute: for PostgreSQL, time-outs and ticks.
	if err := flag.Set("test.parallel", "6"); err != nil { // the command line overrides it
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

const testKey = "0123456789abcdef0123456789abcdef"

// testSealer seals without a key derivation each time, so that tests are quick.
var testSealer = sync.OnceValue(func() *crypto.Sealer {
	sealer, err := crypto.NewSealer(testKey, &crypto.SealerOptions{ReuseSalt: true})
	if err != nil {
		panic(err)
	}
	return sealer
})

// An engine is a database engine under test.
type engine struct {
	dialect sqlstore.Dialect
	// create makes a database with the schema in place and returns its URL.
	create func(t testing.TB) (url string)
}

var engines = []engine{
	{sqlstore.Postgres, func(t testing.TB) string { return migrated(t, sqlstore.Postgres, testdb.PostgreSQL(t)) }},
	{sqlstore.SQLite, newSQLite},
}

// newSQLite copies a database that was migrated once.
func newSQLite(t testing.TB) string {
	t.Helper()
	sqliteTemplate.Do(func() {
		url := migrated(t, sqlstore.SQLite, testdb.SQLite(t))
		db := open(t, sqlstore.SQLite, url)
		copied := filepath.Join(t.TempDir(), "copy.db")
		_, err := db.ExecContext(t.Context(), `VACUUM INTO $1`, copied)
		require.NoError(t, err)
		sqliteBytes, err = os.ReadFile(copied)
		require.NoError(t, err)
	})
	url := testdb.SQLite(t)
	require.NoError(t, os.WriteFile(strings.TrimPrefix(url, "sqlite:"), sqliteBytes, 0o600))
	return url
}

var (
	sqliteTemplate sync.Once
	sqliteBytes    []byte
)

// migrated puts the schema into an empty database.
func migrated(t testing.TB, dialect sqlstore.Dialect, url string) string {
	t.Helper()
	require.NoError(t, migrateUp(open(t, dialect, url), dialect))
	return url
}

func migrateUp(db *sql.DB, dialect sqlstore.Dialect) error {
	_, err := migrate.New(db, dialect, nil).Up(context.Background())
	return err
}

// open opens a pool, which is closed when the test ends.
func open(t testing.TB, dialect sqlstore.Dialect, url string) *sql.DB {
	t.Helper()
	var db *sql.DB
	var err error
	if dialect == sqlstore.Postgres {
		db, err = sqlstore.OpenPostgres(url, 0)
	} else {
		db, err = sqlstore.OpenSQLite(strings.TrimPrefix(url, "sqlite:"))
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// newStore makes a store on a database, closed when the test ends.
func newStore(t testing.TB, dialect sqlstore.Dialect, db *sql.DB) *sqlstore.Store {
	t.Helper()
	// A busy machine is slow; what tests time-outs sets its own.
	store := sqlstore.New(db, dialect, testSealer(), &sqlstore.Options{QueryTimeout: 30 * time.Second})
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// onEveryEngine runs a test on an empty database of each engine.
func onEveryEngine(t *testing.T, test func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB)) {
	t.Parallel()
	for _, engine := range engines {
		t.Run(engine.dialect.String(), func(t *testing.T) {
			t.Parallel()
			test(t, engine.dialect, open(t, engine.dialect, engine.create(t)))
		})
	}
}
