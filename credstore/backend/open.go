package backend

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite", for sqlite: URLs

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/keyfile"
)

// A Backend is an open store and what goes with it.
type Backend struct {
	// Store serves requests and keeps tokens.
	Store credstore.Store
	// Admin manages accounts and trains; nil with credential files, which are
	// managed by editing them.
	Admin credstore.AdminStore
	// Sessions keeps the dashboard's sessions in the same database; nil with
	// credential files.
	Sessions *sqlstore.Sessions
	// JournalSealer seals the refresh journal: with the encryption key, or with
	// credential files with a key of this machine's own, kept in StateDir.
	JournalSealer credstore.Sealer

	closers []func() error // closed last to first
}

// Open opens the store that config names. It checks that a database answers and
// has the schema, and says so when it has not; it changes nothing there. logger is
// told where credentials come from. Close the backend when done.
func Open(ctx context.Context, config Config, logger *slog.Logger) (*Backend, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	b := new(Backend)
	open := b.openFiles
	if config.UseDatabase {
		open = b.openDatabase
	}
	if err := open(ctx, config, logger); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", config.Describe(), err), b.Close())
	}
	logger.Info("credential source", "source", config.Describe())
	return b, nil
}

// Close writes what is waiting to be written and releases everything.
func (b *Backend) Close() error {
	var failures []error
	for i := len(b.closers) - 1; i >= 0; i-- {
		failures = append(failures, b.closers[i]())
	}
	b.closers = nil
	return errors.Join(failures...)
}

func (b *Backend) openFiles(_ context.Context, config Config, logger *slog.Logger) error {
	if err := os.MkdirAll(config.StateDir, 0o700); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	key, err := keyfile.ReadOrMake(filepath.Join(config.StateDir, "journal.key"))
	if err != nil {
		return err
	}
	if err := b.openJournalSealer(key); err != nil {
		return err
	}
	store, err := filestore.Open(config.AccountsDir, config.ClientKeysDir, &filestore.Options{Logger: logger})
	if err != nil {
		return err
	}
	b.Store = store
	b.closers = append(b.closers, store.Close)
	return nil
}

func (b *Backend) openDatabase(ctx context.Context, config Config, logger *slog.Logger) error {
	key := config.EncryptionKey.Reveal()
	if err := b.openJournalSealer(key); err != nil {
		return err
	}
	sealer, err := crypto.NewSealer(key, nil)
	if err != nil {
		return err
	}
	b.closers = append(b.closers, func() error { sealer.Close(); return nil })
	if err := checkFile(config); err != nil {
		return err
	}
	db, dialect, err := OpenDatabase(config)
	if err != nil {
		return err
	}
	b.closers = append(b.closers, db.Close)
	store := sqlstore.New(db, dialect, sealer, &sqlstore.Options{Logger: logger}) //nolint:contextcheck // the store outlives the call that opens it
	b.closers = append(b.closers, store.Close)
	b.Store, b.Admin, b.Sessions = store, store, store.Sessions()
	return store.CheckSchema(ctx)
}

// checkFile refuses an SQLite file that is not there, which opening would make.
func checkFile(config Config) error {
	path, isFile := strings.CutPrefix(config.DatabaseURL.Reveal(), "sqlite:")
	if !isFile {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no such file: %w", sqlstore.ErrSchema)
	}
	return nil
}

// OpenDatabase opens the database that config names, without looking at what is
// in it: for tools that work on the schema. The caller closes it.
func OpenDatabase(config Config) (*sql.DB, sqlstore.Dialect, error) {
	dsn := config.DatabaseURL.Reveal()
	if config.kind() == sqliteDatabase {
		db, err := sqlstore.OpenSQLite(strings.TrimPrefix(dsn, "sqlite:"))
		return db, sqlstore.SQLite, err
	}
	if config.kind() == unknownDatabase {
		return nil, sqlstore.Postgres, config.checkDatabaseURL()
	}
	db, err := sqlstore.OpenPostgres(splitHosts(dsn), config.PoolSize)
	return db, sqlstore.Postgres, err
}

// openJournalSealer makes a sealer with one salt: the journal is written between
// the provider's answer and the save, where every millisecond counts.
func (b *Backend) openJournalSealer(key string) error {
	sealer, err := crypto.NewSealer(key, &crypto.SealerOptions{ReuseSalt: true})
	if err != nil {
		return err
	}
	b.JournalSealer = sealer
	b.closers = append(b.closers, func() error { sealer.Close(); return nil })
	return nil
}
