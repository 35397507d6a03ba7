package filestore_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
	"github.com/signalbox-go/signalbox/internal/testlog"
)

// canary marks every secret of the tests, so that one in a log or an error shows.
const canary = "CANARY"

// childVariable makes the test program do one job of a process test instead.
const childVariable = "FILESTORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if job := os.Getenv(childVariable); job != "" {
		if err := runChild(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// folders are the two folders of a test.
type folders struct {
	t        testing.TB
	accounts string
	keys     string
	log      *testlog.Buffer
}

func newFolders(t testing.TB) *folders {
	f := &folders{t: t, accounts: filepath.Join(t.TempDir(), "accounts"), keys: filepath.Join(t.TempDir(), "keys"), log: new(testlog.Buffer)}
	require.NoError(t, os.Mkdir(f.accounts, 0o700))
	require.NoError(t, os.Mkdir(f.keys, 0o700))
	t.Cleanup(func() {
		require.False(t, bytes.Contains([]byte(f.log.String()), []byte(canary)), "a secret was logged")
	})
	return f
}

// open opens a store on the folders until the test ends.
func (f *folders) open(opts *filestore.Options) *filestore.Store {
	f.t.Helper()
	if opts == nil {
		opts = &filestore.Options{}
	}
	opts.Logger = slog.New(slog.NewTextHandler(f.log, nil))
	s, err := filestore.Open(f.accounts, f.keys, opts)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { require.NoError(f.t, s.Close()) })
	return s
}

func (f *folders) accountPath(name string) string {
	return filepath.Join(f.accounts, name+".credentials.json")
}

func (f *folders) keysPath(train string) string {
	return filepath.Join(f.keys, train+".client-keys.json")
}

// account writes an account file in place, as the TypeScript system does.
func (f *folders) account(name, text string) { f.write(f.accountPath(name), text) }

// clientKeys writes a client key file in place.
func (f *folders) clientKeys(train, text string) { f.write(f.keysPath(train), text) }

func (f *folders) write(path, text string) {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(path, []byte(text), 0o600))
}

// replace puts a file in place at once, as careful programs do.
func (f *folders) replace(path, text string) {
	f.t.Helper()
	f.write(path+".temp", text)
	require.NoError(f.t, os.Rename(path+".temp", path))
}

func (f *folders) read(name string) string {
	f.t.Helper()
	data, err := os.ReadFile(f.accountPath(name))
	require.NoError(f.t, err)
	return string(data)
}

// apiKeyFile and oauthFile are the texts of simple account files.
func apiKeyFile(id, key string) string {
	return fmt.Sprintf(`{"type":"api_key","accountId":%q,"api_key":%q}`, id, key)
}

func oauthFile(id, access, refresh string) string {
	return fmt.Sprintf(`{"type":"oauth","accountId":%q,"oauth":{"accessToken":%q,"refreshToken":%q,"expiresAt":4102444800000}}`,
		id, access, refresh)
}

// eventually waits for something that other goroutines bring about.
func eventually(t testing.TB, condition func() bool, what string) {
	t.Helper()
	require.Eventually(t, condition, 30*time.Second, 2*time.Millisecond, what)
}

func secret(s string) credstore.Secret { return credstore.NewSecret(s) }

func tokens(access, refresh string) credstore.Tokens {
	return credstore.Tokens{Access: secret(access), Refresh: secret(refresh), ExpiresAt: time.UnixMilli(4102444800000).UTC()}
}
