package backend

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/settings"
)

// Config says where credentials are kept. Make one with [ConfigFromEnv], or fill
// it in and call [Config.Check].
type Config struct {
	// UseDatabase chooses the database; false: credential files.
	UseDatabase bool
	// DatabaseURL is "postgres://…" or a "host=… dbname=…" string, both of which may
	// name several hosts, or "sqlite:PATH". It may hold a password, so it is a secret.
	DatabaseURL credstore.Secret
	// EncryptionKey seals what the database keeps: at least 32 characters.
	EncryptionKey credstore.Secret
	// PoolSize is how many database connections are open at most.
	PoolSize int
	// AccountsDir holds NAME.credentials.json, ClientKeysDir TRAIN.client-keys.json.
	AccountsDir   string
	ClientKeysDir string
	// StateDir is where this machine keeps what must survive a crash: the journal
	// of token refreshes, and with credential files also the key that seals it.
	StateDir string
}

func (c *Config) declare(credentialsDir *string) *settings.Set {
	set := new(settings.Set)
	set.Bool(&c.UseDatabase, "USE_DATABASE_CREDENTIALS", false, "take accounts and trains from the database, not from credential files")
	set.Secret(&c.DatabaseURL, "DATABASE_URL", "the database: postgres://… or sqlite:PATH")
	set.Secret(&c.EncryptionKey, "CREDENTIAL_ENCRYPTION_KEY", "the key that seals what the database keeps: at least 32 characters")
	set.Int(&c.PoolSize, "DB_POOL_SIZE", 20, 1, 1000, "how many database connections at most")
	set.Text(credentialsDir, "CREDENTIALS_DIR", "credentials", "the folder of the two folders below")
	set.Text(&c.AccountsDir, "ACCOUNTS_DIR", "", "the folder of NAME.credentials.json (default CREDENTIALS_DIR/accounts)")
	set.Text(&c.ClientKeysDir, "TRAIN_CLIENT_KEYS_DIR", "", "the folder of TRAIN.client-keys.json (default CREDENTIALS_DIR/train-client-keys)")
	set.Text(&c.StateDir, "STATE_DIR", "", "the folder of the refresh journal (default $XDG_STATE_HOME/signalbox, or ~/.local/state/signalbox)")
	return set
}

// Help returns a table of the environment variables that [ConfigFromEnv] reads,
// for a program's --help.
func Help() string {
	var c Config
	var dir string
	return settings.Help(c.declare(&dir))
}

// ConfigFromEnv reads the configuration from environment variables through
// getenv, such as [os.Getenv], and checks it. The error has one line for each
// mistake; no line shows a secret.
func ConfigFromEnv(getenv func(name string) string) (Config, error) {
	var c Config
	var credentialsDir string
	if err := c.declare(&credentialsDir).Load(getenv); err != nil {
		return Config{}, err
	}
	if c.AccountsDir == "" {
		c.AccountsDir = filepath.Join(credentialsDir, "accounts")
	}
	if c.ClientKeysDir == "" {
		c.ClientKeysDir = filepath.Join(credentialsDir, "train-client-keys")
	}
	if c.StateDir == "" {
		c.StateDir = defaultStateDir(getenv)
	}
	return c, c.Check()
}

// defaultStateDir follows the XDG Base Directory Specification 0.8: state goes to
// $XDG_STATE_HOME, which must be absolute, or $HOME/.local/state.
func defaultStateDir(getenv func(string) string) string {
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "signalbox")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "state", "signalbox")
	}
	return ""
}

// Check returns an error with one line for each mistake in the configuration.
func (c *Config) Check() error {
	mistakes := []error{c.checkStateDir()}
	if c.UseDatabase {
		mistakes = append(mistakes, c.checkDatabaseURL(), c.checkEncryptionKey())
	} else {
		mistakes = append(mistakes, checkDir("ACCOUNTS_DIR", c.AccountsDir), checkDir("TRAIN_CLIENT_KEYS_DIR", c.ClientKeysDir))
	}
	return errors.Join(mistakes...)
}

func (c *Config) checkStateDir() error {
	if c.StateDir == "" {
		return errors.New("STATE_DIR is not set, and neither is HOME to take its default from: it must be a folder that survives restarts")
	}
	return checkDir("STATE_DIR", c.StateDir)
}

// checkDir refuses what exists and is no folder. A missing folder is fine: the
// state folder is made, credential folders may appear later.
func checkDir(name, dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is %q: it must be a folder", name, dir)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is %q: %w", name, dir, errors.Unwrap(err))
	}
	return nil
}

func (c *Config) checkDatabaseURL() error {
	const wanted = "it must be postgres://… (special characters percent-encoded) or sqlite:PATH"
	if c.DatabaseURL.IsZero() {
		return errors.New("DATABASE_URL is not set, but USE_DATABASE_CREDENTIALS is true: " + wanted)
	}
	if c.kind() == unknownDatabase {
		return errors.New("DATABASE_URL is wrong: " + wanted)
	}
	return nil
}

func (c *Config) checkEncryptionKey() error {
	if c.EncryptionKey.IsZero() {
		return errors.New("CREDENTIAL_ENCRYPTION_KEY is not set, but USE_DATABASE_CREDENTIALS is true: it must have at least 32 characters")
	}
	if crypto.CheckKey(c.EncryptionKey.Reveal()) != nil {
		return errors.New("CREDENTIAL_ENCRYPTION_KEY is too short: it must have at least 32 characters")
	}
	return nil
}

type databaseKind int

const (
	unknownDatabase databaseKind = iota
	postgresDatabase
	sqliteDatabase
)

func (c *Config) kind() databaseKind {
	dsn := splitHosts(c.DatabaseURL.Reveal())
	switch {
	case strings.HasPrefix(dsn, "sqlite:"):
		if strings.TrimPrefix(dsn, "sqlite:") != "" {
			return sqliteDatabase
		}
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		// A '#' or '?' in a password that is not percent-encoded cuts the address short.
		if u, err := url.Parse(dsn); err == nil && u.Fragment == "" && !strings.Contains(u.RawQuery, "@") {
			return postgresDatabase
		}
	case strings.Contains(dsn, "=") && !strings.Contains(dsn, "://"):
		return postgresDatabase // a keyword string, such as host=a,b target_session_attrs=read-write
	}
	return unknownDatabase
}

// Describe says in words where credentials come from, for logs: files with their
// folders, or the database without user name and password.
func (c *Config) Describe() string {
	if !c.UseDatabase {
		return fmt.Sprintf("credential files in %s and %s", c.AccountsDir, c.ClientKeysDir)
	}
	switch c.kind() {
	case sqliteDatabase:
		return "SQLite database " + strings.TrimPrefix(c.DatabaseURL.Reveal(), "sqlite:")
	case postgresDatabase:
		return "PostgreSQL database " + describePostgres(c.DatabaseURL.Reveal())
	default:
		return "unknown database"
	}
}

// describePostgres names only hosts and database: everything else of a connection
// string may be, or may be mistyped into, a secret.
func describePostgres(dsn string) string {
	config, err := pq.NewConfig(splitHosts(dsn))
	if err != nil {
		return "(its address is not valid)"
	}
	hosts := []string{net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))}
	for _, other := range config.Multi {
		hosts = append(hosts, net.JoinHostPort(other.Host, strconv.Itoa(int(other.Port))))
	}
	return strings.Join(hosts, ",") + "/" + config.Database
}

// JournalDir is the folder of the refresh journal, a folder in StateDir for each
// address that credentials come from. The package documentation says why.
func (c *Config) JournalDir() string {
	place := c.Describe()
	if !c.UseDatabase {
		place = "files " + absolute(c.AccountsDir)
	} else if c.kind() == sqliteDatabase {
		place = "sqlite " + absolute(strings.TrimPrefix(c.DatabaseURL.Reveal(), "sqlite:"))
	}
	sum := sha256.Sum256([]byte(place))
	return filepath.Join(c.StateDir, "journal-"+hex.EncodeToString(sum[:8]))
}

// absolute is path, or the same from the root of the file system, without links
// where they can be followed.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}
