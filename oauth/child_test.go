package oauth_test

import (
	"bufio"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/cachestore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/migrate"
	"github.com/signalbox-go/signalbox/oauth"
)

// childVariable holds the childConfig of a process that the tests start.
const childVariable = "SIGNALBOX_OAUTH_TEST_CHILD"

type childConfig struct {
	Store    string // URL: files:DIR, sqlite:PATH, postgres://…
	TokenURL string
	Journal  string
	Calls    int
}

type childReport struct {
	Valid   int      // how many calls got a credential
	Access  []string // the access tokens they got, each once
	Reauth  int      // how many were told that somebody must log in again
	Strange []string // other errors
}

// runChild is what a child does: get ready, wait for a line, ask for the
// credential of acc_1 many times at once, report.
func runChild(text string) {
	var config childConfig
	check(json.Unmarshal([]byte(text), &config))
	store, closeStore, err := openStore(config.Store)
	check(err)
	journal, err := oauth.OpenJournal(config.Journal, fixedSealer{})
	check(err)
	cache := cachestore.New(store, nil)
	r := oauth.NewRefresher(cache, oauth.NewClient(&oauth.ClientOptions{TokenURL: config.TokenURL}), journal, nil)
	check(r.Replay(context.Background()))
	fmt.Println("ready")
	_, err = bufio.NewReader(os.Stdin).ReadString('\n')
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(callOften(r, config.Calls)))
	r.Close()
	check(cache.Close())
	check(closeStore())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func callOften(r *oauth.Refresher, calls int) (report childReport) {
	var mu sync.Mutex
	var group sync.WaitGroup
	seen := map[string]bool{}
	for range calls {
		group.Go(func() {
			cred, err := r.Credential(context.Background(), "acc_1")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, credstore.ErrNeedsReauth):
				report.Reauth++
			case err != nil:
				report.Strange = append(report.Strange, err.Error())
			default:
				report.Valid++
				if access := cred.Tokens.Access.Reveal(); !seen[access] {
					seen[access] = true
					report.Access = append(report.Access, access)
				}
			}
		})
	}
	group.Wait()
	return report
}

// A child is a process that was started and is ready.
type child struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Reader
	stderr  *strings.Builder
}

func startChild(t *testing.T, config childConfig) *child {
	t.Helper()
	text, err := json.Marshal(config)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	c := &child{command: exec.CommandContext(t.Context(), self), stderr: &strings.Builder{}}
	// Without GORACE, a process with the race detector sleeps for a second at its end.
	c.command.Env = append(os.Environ(), childVariable+"="+string(text), "GORACE=atexit_sleep_ms=0 halt_on_error=1")
	c.command.Stderr = c.stderr
	c.stdin, err = c.command.StdinPipe()
	require.NoError(t, err)
	stdout, err := c.command.StdoutPipe()
	require.NoError(t, err)
	c.stdout = bufio.NewReader(stdout)
	require.NoError(t, c.command.Start())
	line, err := c.stdout.ReadString('\n')
	require.NoError(t, err, "the child did not get ready: %s", c.stderr)
	require.Equal(t, "ready\n", line)
	return c
}

// begin lets the child make its calls.
func (c *child) begin(t *testing.T) {
	t.Helper()
	_, err := io.WriteString(c.stdin, "go\n")
	require.NoError(t, err)
}

// end waits for the child and returns its report.
func (c *child) end(t *testing.T) childReport {
	t.Helper()
	report := c.report(t)
	require.NoError(t, c.command.Wait())
	require.NotContains(t, c.stderr.String(), "sk-ant-")
	return report
}

func (c *child) report(t *testing.T) (report childReport) {
	t.Helper()
	require.NoError(t, json.NewDecoder(c.stdout).Decode(&report), "%s", c.stderr)
	return report
}

// kill kills the child without warning (SIGKILL).
func (c *child) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, c.command.Process.Kill())
	_, _ = io.Copy(io.Discard, c.stdout)
	_ = c.command.Wait() // reports the kill, unless the child was done before it
	require.NotContains(t, c.stderr.String(), "sk-ant-")
}

// run starts a child, lets it make its calls and returns its report.
func run(t *testing.T, config childConfig) childReport {
	t.Helper()
	c := startChild(t, config)
	c.begin(t)
	return c.end(t)
}

// stores makes an empty store of each kind and returns its URL.
var stores = map[string]func(t *testing.T) string{
	"files": func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "accounts")
		require.NoError(t, os.Mkdir(dir, 0o700))
		return "files:" + dir
	},
	"SQLite":     func(t *testing.T) string { return migrated(t, testdb.SQLite(t)) },
	"PostgreSQL": func(t *testing.T) string { return migrated(t, testdb.PostgreSQL(t)) },
}

func migrated(t *testing.T, url string) string {
	t.Helper()
	db, dialect, err := openDatabase(url)
	require.NoError(t, err)
	_, err = migrate.New(db, dialect, nil).Up(t.Context())
	require.NoError(t, errors.Join(err, db.Close()))
	return url
}

func openDatabase(url string) (*sql.DB, sqlstore.Dialect, error) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		db, err := sqlstore.OpenSQLite(path)
		return db, sqlstore.SQLite, err
	}
	db, err := sqlstore.OpenPostgres(url, 5)
	return db, sqlstore.Postgres, err
}

func openStore(url string) (store credstore.Store, closeStore func() error, err error) {
	if dir, ok := strings.CutPrefix(url, "files:"); ok {
		files, err := filestore.Open(dir, filepath.Join(dir, "client-keys"), nil)
		if err != nil {
			return nil, nil, err
		}
		return files, files.Close, nil
	}
	db, dialect, err := openDatabase(url)
	if err != nil {
		return nil, nil, err
	}
	store = sqlstore.New(db, dialect, fixedSealer{}, nil)
	return store, func() error { return errors.Join(store.Close(), db.Close()) }, nil
}

// A fixedSealer seals with AES-GCM under a key that no password is stretched for:
// the tests start many processes.
type fixedSealer struct{}

func (fixedSealer) aead() cipher.AEAD {
	block, err := aes.NewCipher([]byte("0123456789abcdef"))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func (s fixedSealer) Seal(plaintext string) (string, error) {
	// Sealed values differ in their first 64 characters; sqlstore relies on it.
	sealed := s.aead().Seal(nil, nil, []byte(plaintext), nil)
	return rand.Text() + rand.Text() + rand.Text() + ":" + base64.StdEncoding.EncodeToString(sealed), nil
}

func (s fixedSealer) Open(sealed string) (string, error) {
	_, text, _ := strings.Cut(sealed, ":")
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", err
	}
	plaintext, err := s.aead().Open(nil, nil, data, nil)
	return string(plaintext), err
}
