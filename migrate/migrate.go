package migrate

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"time"

	sqlmigrate "github.com/rubenv/sql-migrate"

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// The errors of a run, for [errors.Is]. After each of them the database is as it
// was before.
var (
	// ErrNewerSchema: the database has migrations that this program does not
	// know. A newer release made it: use that one.
	ErrNewerSchema = errors.New("the database's schema is newer than this program")

	// ErrForeignSchema: a table of the name exists and lacks columns that this
	// program needs: it belongs to something else.
	ErrForeignSchema = errors.New("the database's tables are not those of this program")

	// ErrHoldsRows: a step down would drop a table that has rows in it.
	ErrHoldsRows = errors.New("a table that would be dropped holds rows")

	// ErrLocked: another migration, or something else that holds a lock on the
	// tables, did not finish in time.
	ErrLocked = errors.New("the database is locked by another program")
)

// DefaultLockTimeout is how long a run waits for a lock when [Options] does not
// say: longer than any of the migrations takes, and short enough for a deployment
// to fail visibly.
const DefaultLockTimeout = time.Minute

// Options are the choices of [New]; nil and the zero value are good.
type Options struct {
	// LockTimeout bounds each wait for a lock, for another deployment's migration
	// or on a table that is in use. Zero: [DefaultLockTimeout].
	LockTimeout time.Duration
}

// A Migrator brings the schema of one database up and down, and checks it.
type Migrator struct {
	db          *sql.DB
	dialect     sqlstore.Dialect
	lockTimeout time.Duration
}

// New makes a Migrator for db, which stays the caller's to close; opts may be nil.
func New(db *sql.DB, dialect sqlstore.Dialect, opts *Options) *Migrator {
	m := &Migrator{db: db, dialect: dialect, lockTimeout: DefaultLockTimeout}
	if opts != nil && opts.LockTimeout > 0 {
		m.lockTimeout = opts.LockTimeout
	}
	return m
}

// A Step is one migration that a run has applied or taken back.
type Step struct {
	ID       string        `json:"id"` // such as 001_accounts_trains.sql
	Duration time.Duration `json:"duration_ns"`
}

// A Result is what a run did.
type Result struct {
	Steps    []Step        `json:"steps"` // in the order in which they were done; none: nothing to do
	Duration time.Duration `json:"duration_ns"`
}

// Up applies every migration that is missing, all in one transaction: it happens
// whole or not at all. Tables of an existing deployment are adopted as they are.
// Of two runs at once the second waits, and finds nothing left to do. Errors:
// [ErrNewerSchema], [ErrForeignSchema], [ErrLocked].
func (m *Migrator) Up(ctx context.Context) (*Result, error) {
	return m.run(ctx, func(ctx context.Context, db *sql.DB, result *Result) error {
		for {
			done, err := m.step(ctx, db, sqlmigrate.Up, result)
			if err != nil {
				return err
			}
			if done {
				return m.checkColumns(ctx, db)
			}
		}
	})
}

// DownOptions are the choices of [Migrator.Down]; nil and the zero value are good.
type DownOptions struct {
	// Steps is how many migrations to take back, the newest first. Zero: one.
	Steps int
	// Force drops tables with all that they hold.
	Force bool
}

// Down takes migrations back, one by default, all in one transaction. It refuses
// with [ErrHoldsRows] to drop a table that has rows, unless forced: accounts
// cannot be made again, and audit events are evidence. opts may be nil. Further
// errors: [ErrNewerSchema], [ErrLocked].
func (m *Migrator) Down(ctx context.Context, opts *DownOptions) (*Result, error) {
	if opts == nil {
		opts = &DownOptions{}
	}
	return m.run(ctx, func(ctx context.Context, db *sql.DB, result *Result) error {
		for range max(opts.Steps, 1) {
			if err := m.mayDrop(ctx, db, opts.Force); err != nil {
				return err
			}
			if done, err := m.step(ctx, db, sqlmigrate.Down, result); err != nil || done {
				return err
			}
		}
		return nil
	})
}

// step does one migration and notes it; done tells that there was none left.
func (m *Migrator) step(ctx context.Context, db *sql.DB, direction sqlmigrate.MigrationDirection, result *Result) (done bool, err error) {
	source, err := m.migrations()
	if err != nil {
		return false, err
	}
	plan, _, err := migrationSet.PlanMigration(db, m.sqlMigrateDialect(), source, direction, 1)
	if err != nil {
		return false, err
	}
	if len(plan) == 0 {
		return true, nil
	}
	start := time.Now()
	if _, err := migrationSet.ExecMaxContext(ctx, db, m.sqlMigrateDialect(), source, direction, 1); err != nil {
		return false, err
	}
	result.Steps = append(result.Steps, Step{ID: plan[0].Id, Duration: time.Since(start)})
	return false, nil
}

var dropTable = regexp.MustCompile(`(?i)DROP TABLE (?:IF EXISTS )?(\w+)`)

// mayDrop refuses the next step down if it drops a table that holds rows.
func (m *Migrator) mayDrop(ctx context.Context, db *sql.DB, force bool) error {
	source, err := m.migrations()
	if err != nil || force {
		return err
	}
	plan, _, err := migrationSet.PlanMigration(db, m.sqlMigrateDialect(), source, sqlmigrate.Down, 1)
	if err != nil || len(plan) == 0 {
		return err
	}
	for _, statement := range plan[0].Queries {
		drop := dropTable.FindStringSubmatch(statement)
		if drop == nil {
			continue
		}
		rows, err := m.lockAndCount(ctx, db, drop[1])
		if err != nil {
			return err
		}
		if rows > 0 {
			return fmt.Errorf("%w: %s would drop table %s with %d rows", ErrHoldsRows, plan[0].Id, drop[1], rows)
		}
	}
	return nil
}

//go:embed sql
var sqlFiles embed.FS

// migrationSet names the table in which sql-migrate notes what was applied. A
// value, not the package's global state: an embedding program may use sql-migrate
// for its own tables.
var migrationSet = sqlmigrate.MigrationSet{TableName: migrationsTable}

const migrationsTable = "signalbox_migrations"

// migrations reads the dialect's embedded files. They run without transactions of
// their own, because [Migrator.run] holds one around them all.
func (m *Migrator) migrations() (*sqlmigrate.MemoryMigrationSource, error) {
	dir, err := fs.Sub(sqlFiles, path.Join("sql", m.dirName()))
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(dir, "*.sql")
	if err != nil {
		return nil, err
	}
	source := &sqlmigrate.MemoryMigrationSource{}
	for _, name := range names {
		migration, err := parseMigration(dir, name)
		if err != nil {
			return nil, err
		}
		source.Migrations = append(source.Migrations, migration)
	}
	return source, nil
}
