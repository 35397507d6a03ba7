package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/keyfile"
	"github.com/signalbox-go/signalbox/migrate"
)

// files are the paths in the data folder.
type files struct{ dir, database, key, dashboardKey, state string }

func filesIn(dir string) files {
	return files{
		dir:          dir,
		database:     filepath.Join(dir, "signalbox.db"),
		key:          filepath.Join(dir, "encryption.key"),
		dashboardKey: filepath.Join(dir, "dashboard.key"),
		state:        filepath.Join(dir, "state"),
	}
}

// settings returns the environment for the proxy: the caller's, with the database
// in the data folder whatever it says.
func (f files) settings(getenv func(string) string, key string) func(string) string {
	getenv = replace(getenv, "USE_DATABASE_CREDENTIALS", "true")
	getenv = replace(getenv, "DATABASE_URL", "sqlite:"+f.database)
	getenv = replace(getenv, "CREDENTIAL_ENCRYPTION_KEY", key)
	return replace(getenv, "STATE_DIR", f.state)
}

func replace(getenv func(string) string, name, value string) func(string) string {
	return func(n string) string {
		if n == name {
			return value
		}
		return getenv(n)
	}
}

// readKey reads the encryption key, and makes it on the first start. A database
// without its key cannot be opened by any other: that is an error, not a start.
func (f files) readKey(out io.Writer) (string, error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return "", err
	}
	_, keyErr := os.Stat(f.key)
	_, databaseErr := os.Stat(f.database)
	first := errors.Is(keyErr, os.ErrNotExist)
	if first && databaseErr == nil {
		return "", fmt.Errorf("%s is there, but not %s, the key that its secrets are sealed with: put it back, or remove both to start anew", f.database, f.key)
	}
	key, err := keyfile.ReadOrMake(f.key)
	if err != nil {
		return "", err
	}
	key = strings.TrimRight(key, "\n") // as $(cat …) does, which the screen tells people to use
	if crypto.CheckKey(key) != nil {
		return "", fmt.Errorf("%s is not the key that it was: it has fewer than 32 characters; put your copy back", f.key)
	}
	if first {
		_, _ = fmt.Fprintf(out, "First start: made the encryption key %s (keep a copy: without it the database is worthless).\n", f.key)
	}
	return key, nil
}

// open brings the schema up and opens the store for managing.
func open(ctx context.Context, getenv func(string) string) (*backend.Backend, error) {
	config, err := backend.ConfigFromEnv(getenv)
	if err != nil {
		return nil, err
	}
	if err := migrateUp(ctx, config); err != nil {
		return nil, err
	}
	return backend.Open(ctx, config, slog.New(slog.DiscardHandler))
}

func migrateUp(ctx context.Context, config backend.Config) error {
	db, dialect, err := backend.OpenDatabase(config)
	if err != nil {
		return err
	}
	if _, err = migrate.New(db, dialect, nil).Up(ctx); err != nil {
		err = fmt.Errorf("%s: %w", config.Describe(), err)
	}
	return errors.Join(err, db.Close())
}
