package sqlstore_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	migrate "github.com/rubenv/sql-migrate"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/testdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// engines are all engines; PostgreSQL's databases are clones of one template.
func engines(t testing.TB) []engine {
	return []engine{
		{sqlstore.Postgres, testdb.PostgreSQLTemplate(t, func(dsn string) error {
			db, err := sqlstore.OpenPostgres(dsn, 1)
			if err != nil {
				return err
			}
			return errors.Join(migrateUp(db, sqlstore.Postgres), db.Close())
		})},
		{sqlstore.SQLite, func(t testing.TB) string {
			url := testdb.SQLite(t)
			db := open(t, sqlstore.SQLite, url)
			require.NoError(t, migrateUp(db, sqlstore.SQLite))
			return url
		}},
	}
}

func migrateUp(db *sql.DB, dialect sqlstore.Dialect) error {
	name, dir := "postgres", "postgres"
	if dialect == sqlstore.SQLite {
		name, dir = "sqlite3", "sqlite"
	}
	source := migrate.FileMigrationSource{Dir: filepath.Join("..", "..", "migrate", "sql", dir)}
	_, err := migrate.Exec(db, name, source, migrate.Up)
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
	store := sqlstore.New(db, dialect, testSealer(), nil)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// onEveryEngine runs a test on an empty database of each engine.
func onEveryEngine(t *testing.T, test func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB)) {
	for _, engine := range engines(t) {
		t.Run(engine.dialect.String(), func(t *testing.T) {
			test(t, engine.dialect, open(t, engine.dialect, engine.create(t)))
		})
	}
}
