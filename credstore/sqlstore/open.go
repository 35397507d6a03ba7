package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lib/pq"
)

// DefaultPoolSize is how many connections to PostgreSQL are opened at most when
// nobody says otherwise.
const DefaultPoolSize = 20

const (
	// connectionLifetime is how long a connection is used: after a failover or a
	// change of addresses the pool has moved within that time.
	connectionLifetime = 30 * time.Minute
	// sqlitePoolSize is how many can read an SQLite file at once; one can write.
	sqlitePoolSize = 8
)

// OpenPostgres opens a pool of connections to PostgreSQL. dsn is a URL
// (postgres://…) or a list of key=value pairs, and may name several hosts
// (host=a,b target_session_attrs=read-write). poolSize 0 is [DefaultPoolSize].
// Nothing is connected yet. The error for a bad dsn never quotes it.
//
// A host that does not answer is given up in time to try all of them within
// [DefaultQueryTimeout], unless the DSN has a connect_timeout. A query whose
// server falls silent fails a second after its context's deadline, and its
// connection is closed; without a deadline, TCP keep-alive ends it when the
// machine is gone.
func OpenPostgres(dsn string, poolSize int) (*sql.DB, error) {
	config, err := pq.NewConfig(dsn)
	if err != nil {
		return nil, errors.New("the PostgreSQL URL is not valid: want postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=MODE")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout(1 + len(config.Multi))
	}
	pqConnector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, errors.New("the PostgreSQL URL names settings that cannot be used together")
	}
	if poolSize <= 0 {
		poolSize = DefaultPoolSize
	}
	pqConnector.Dialer(&dialer{net.Dialer{KeepAliveConfig: keepAlive}})
	db := sql.OpenDB(connector{pqConnector})
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	db.SetConnMaxLifetime(connectionLifetime)
	return db, nil
}

// connectTimeout bounds a connection attempt, to each of so many hosts. Time for
// the query is left over.
func connectTimeout(hosts int) time.Duration {
	return max(DefaultQueryTimeout/time.Duration(hosts+1), time.Second)
}

// OpenSQLite opens an SQLite file, which is made, readable by its owner only, if
// it is not there; its directory must exist. The program must import a driver
// that registers itself as "sqlite", such as modernc.org/sqlite.
//
// The file is in WAL mode (readers do not wait for the writer), foreign keys are
// enforced, transactions take the write lock when they begin, and who finds it
// taken by another process waits up to five seconds.
func OpenSQLite(path string) (*sql.DB, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return nil, errors.New("SQLite needs the path of a file")
	}
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("open SQLite file: %w", err)
	}
	db, err := sql.Open("sqlite", sqliteDSN(filepath.Clean(path)))
	if err != nil {
		return nil, fmt.Errorf("open SQLite file: %w", err)
	}
	db.SetMaxOpenConns(sqlitePoolSize)
	db.SetMaxIdleConns(sqlitePoolSize)
	return db, nil
}

// makePrivate makes the file with mode 0600, which its WAL takes over. A file that
// is there is not opened: closing it would drop the locks that this process holds
// on it (https://www.sqlite.org/howtocorrupt.html, section 2.2).
func makePrivate(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// sqliteDSN is the data source name of modernc.org/sqlite for a file.
func sqliteDSN(path string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_txlock=immediate"
}
