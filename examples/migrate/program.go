package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/settings"
	"github.com/signalbox-go/signalbox/migrate"
)

// A program is one run of a command, with its settings and what they open.
type program struct {
	databaseURL, key           credstore.Secret
	credentialsDir             string
	accountsDir, clientKeysDir string

	stderr   io.Writer // for progress
	config   backend.Config
	db       *sql.DB
	dialect  sqlstore.Dialect
	migrator *migrate.Migrator
	sealer   *crypto.Sealer // nil for commands that need no key
}

// declare lists the settings, and where they go.
func (p *program) declare() *settings.Set {
	set := new(settings.Set)
	set.Secret(&p.databaseURL, "DATABASE_URL", "the database: postgres://… or sqlite:PATH")
	set.Secret(&p.key, "CREDENTIAL_ENCRYPTION_KEY", "the key that seals what the database keeps: at least 32 characters (verify, import, audit)")
	set.Text(&p.credentialsDir, "CREDENTIALS_DIR", "credentials", "the folder of the two folders below (import)")
	set.Text(&p.accountsDir, "ACCOUNTS_DIR", "", "the folder of NAME.credentials.json (default CREDENTIALS_DIR/accounts)")
	set.Text(&p.clientKeysDir, "TRAIN_CLIENT_KEYS_DIR", "", "the folder of TRAIN.client-keys.json (default CREDENTIALS_DIR/train-client-keys)")
	return set
}

// load reads the settings; the error has a line for each that is wrong.
func (p *program) load(getenv func(string) string, c command) error {
	mistakes := []error{p.declare().Load(getenv)}
	if p.accountsDir == "" {
		p.accountsDir = filepath.Join(p.credentialsDir, "accounts")
	}
	if p.clientKeysDir == "" {
		p.clientKeysDir = filepath.Join(p.credentialsDir, "train-client-keys")
	}
	if p.databaseURL.IsZero() {
		mistakes = append(mistakes, errors.New("DATABASE_URL is not set: it must be postgres://… or sqlite:PATH"))
	}
	if c.needsKey && crypto.CheckKey(p.key.Reveal()) != nil {
		mistakes = append(mistakes, errors.New("CREDENTIAL_ENCRYPTION_KEY is not set or too short: it must have at least 32 characters"))
	}
	p.config = backend.Config{UseDatabase: true, DatabaseURL: p.databaseURL, EncryptionKey: p.key}
	return errors.Join(mistakes...)
}

// errSettings: what the environment says cannot be used.
var errSettings = errors.New("settings")

// do reads the settings, opens the database, acts, and closes it.
func (p *program) do(ctx context.Context, c command, act action, getenv func(string) string) (result result, ok bool, err error) {
	if err := p.load(getenv, c); err != nil {
		return nil, false, fmt.Errorf("%w: %w", errSettings, err)
	}
	if path, isFile := strings.CutPrefix(p.databaseURL.Reveal(), "sqlite:"); isFile && path != "" && c.name != "up" {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return nil, false, fmt.Errorf("there is no %s: `migrate up` makes it", p.config.Describe())
		}
	}
	db, dialect, err := backend.OpenDatabase(p.config)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", errSettings, err)
	}
	defer func(db *sql.DB) { err = errors.Join(err, db.Close()) }(db)
	if dialect == sqlstore.SQLite {
		if err := db.PingContext(ctx); err != nil && ctx.Err() == nil {
			return nil, false, fmt.Errorf("%s: %w", p.config.Describe(), err) // which does not name the file
		}
	}
	p.db, p.dialect = db, dialect
	p.migrator = migrate.New(db, dialect, nil)
	if c.needsKey {
		if p.sealer, err = crypto.NewSealer(p.key.Reveal(), nil); err != nil {
			return nil, false, err
		}
		defer p.sealer.Close()
	}
	return act(ctx, p)
}
