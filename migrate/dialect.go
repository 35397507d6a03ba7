package migrate

import (
	"bytes"
	"context"
	"database/sql"
	"io/fs"

	"github.com/jmoiron/sqlx"
	sqlmigrate "github.com/rubenv/sql-migrate"

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

func (m *Migrator) isSQLite() bool { return m.dialect == sqlstore.SQLite }

// dirName is the folder of the dialect's files under sql.
func (m *Migrator) dirName() string {
	if m.isSQLite() {
		return "sqlite"
	}
	return "postgres"
}

// sqlMigrateDialect is sql-migrate's name for the dialect.
func (m *Migrator) sqlMigrateDialect() string {
	if m.isSQLite() {
		return "sqlite3"
	}
	return "postgres"
}

// rebind writes the placeholders "?" as the dialect has them.
func (m *Migrator) rebind(query string) string {
	if m.isSQLite() {
		return query
	}
	return sqlx.Rebind(sqlx.DOLLAR, query)
}

func (m *Migrator) hasTable(ctx context.Context, db *sql.DB, name string) (bool, error) {
	query := "SELECT to_regclass(?) IS NOT NULL"
	if m.isSQLite() {
		query = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)"
	}
	var there bool
	err := db.QueryRowContext(ctx, m.rebind(query), name).Scan(&there)
	return there, err
}

// lockAndCount counts the rows of a table that nobody else can change until the
// run ends; a missing table has none. The name is one of ours.
func (m *Migrator) lockAndCount(ctx context.Context, db *sql.DB, table string) (int64, error) {
	there, err := m.hasTable(ctx, db, table)
	if err != nil || !there {
		return 0, err
	}
	if !m.isSQLite() { // SQLite's transaction has locked the whole file
		if _, err := db.ExecContext(ctx, "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE"); err != nil {
			return 0, err
		}
	}
	return count(ctx, db, table)
}

// count counts the rows of a table of ours.
func count(ctx context.Context, db *sql.DB, table string) (rows int64, err error) {
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&rows)
	return rows, err
}

func parseMigration(dir fs.FS, name string) (*sqlmigrate.Migration, error) {
	data, err := fs.ReadFile(dir, name)
	if err != nil {
		return nil, err
	}
	migration, err := sqlmigrate.ParseMigration(name, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	migration.DisableTransactionUp, migration.DisableTransactionDown = true, true
	return migration, nil
}
