package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/internal/testlog"
	"github.com/signalbox-go/signalbox/migrate"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every secret in these tests has this word in it, so that it is found wherever it
// should not be.
const canary = "CANARY-"

// For what is awaited: how long at most, and how often to look.
const (
	waitLong = 30 * time.Second
	waitTick = 2 * time.Millisecond
)

// A world is the whole program on real parts: a store, the API and the token endpoint
// behind it, a client before it.
type world struct {
	t        *testing.T
	env      map[string]string
	limits   limits
	store    credstore.AdminStore // a second handle on the database; nil with files
	api      *api
	provider *oauthtest.Provider
	url      string
	logs     *testlog.Buffer
	client   *http.Client
	stop     context.CancelFunc
	result   chan error
	seen     *testlog.Buffer // all answers, to look for secrets
}

// newWorld makes a world on a store of that kind (files, sqlite or postgres), with
// nothing in it, and does not start the program yet.
func newWorld(t *testing.T, kind string) *world {
	t.Helper()
	w := &world{t: t, limits: defaultLimits, logs: new(testlog.Buffer), seen: new(testlog.Buffer), api: newAPI(t), provider: oauthtest.NewProvider(nil)}
	tokens := httptest.NewServer(w.provider)
	t.Cleanup(tokens.Close)
	dir := t.TempDir()
	w.env = map[string]string{
		"PORT": "0", "STATE_DIR": filepath.Join(dir, "state"), "CREDENTIALS_DIR": dir, "LOG_LEVEL": "debug", "LOG_JSON": "true",
		"CLAUDE_API_BASE_URL": w.api.URL, "CLAUDE_OAUTH_TOKEN_URL": tokens.URL + "/v1/oauth/token",
	}
	switch kind {
	case "sqlite":
		w.useDatabase(testdb.SQLite(t))
	case "postgres":
		w.useDatabase(testdb.PostgreSQL(t))
	}
	w.client = &http.Client{
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(w.client.CloseIdleConnections)
	return w
}

func (w *world) useDatabase(dsn string) {
	w.env["USE_DATABASE_CREDENTIALS"] = "true"
	w.env["DATABASE_URL"] = dsn
	w.env["CREDENTIAL_ENCRYPTION_KEY"] = encryptionKey
	config, err := backend.ConfigFromEnv(w.getenv)
	require.NoError(w.t, err)
	db, dialect, err := backend.OpenDatabase(config)
	require.NoError(w.t, err)
	_, err = migrate.New(db, dialect, nil).Up(w.t.Context())
	require.NoError(w.t, err)
	store := sqlstore.New(db, dialect, testSealer(), &sqlstore.Options{QueryTimeout: waitLong})
	w.store = store
	w.t.Cleanup(func() {
		_ = store.Close()
		_ = db.Close()
	})
}

const encryptionKey = canary + "an-encryption-key-of-32-characters"

// testSealer seals with one derived key for all tests: deriving is what takes their time.
var testSealer = sync.OnceValue(func() *crypto.Sealer {
	sealer, err := crypto.NewSealer(encryptionKey, &crypto.SealerOptions{ReuseSalt: true})
	if err != nil {
		panic(err)
	}
	return sealer
})

func (w *world) getenv(name string) string { return w.env[name] }

// key is the API key of an account, or a client key of a train, as these tests set them.
func key(name string) string { return "sk-" + canary + "key-of-" + name }

// addAccount adds an account with an API key; its id is its name.
func (w *world) addAccount(name string) {
	w.t.Helper()
	if w.store == nil {
		writeJSON(w.t, w.env["CREDENTIALS_DIR"], "accounts/"+name+".credentials.json", map[string]any{"type": "api_key", "accountId": name, "api_key": key(name)})
		return
	}
	_, err := w.store.CreateAccount(w.t.Context(), credstore.NewAccount{ID: name, Name: name, Type: credstore.APIKey, APIKey: credstore.NewSecret(key(name))})
	require.NoError(w.t, err)
}

// addOAuth adds an account that has just logged in.
func (w *world) addOAuth(name string) credstore.Tokens {
	w.t.Helper()
	tokens := w.provider.Login(name)
	_, err := w.store.CreateAccount(w.t.Context(), credstore.NewAccount{ID: name, Name: name, Type: credstore.OAuth, Tokens: tokens})
	require.NoError(w.t, err)
	return tokens
}

// addTrain adds a train with one client key, mapped to the accounts, the first of
// them preferred.
func (w *world) addTrain(id string, accounts ...string) {
	w.t.Helper()
	if w.store == nil {
		writeJSON(w.t, w.env["CREDENTIALS_DIR"], "train-client-keys/"+id+".client-keys.json", map[string]any{"keys": []string{key(id)}})
		return
	}
	_, err := w.store.CreateTrain(w.t.Context(), credstore.NewTrain{ID: id, ClientKeys: []credstore.Secret{credstore.NewSecret(key(id))}})
	require.NoError(w.t, err)
	for i, account := range accounts {
		require.NoError(w.t, w.store.AddMapping(w.t.Context(), id, account, -i))
	}
}

func writeJSON(t testing.TB, dir, name string, content any) {
	t.Helper()
	data, err := json.Marshal(content)
	require.NoError(t, err)
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

// start runs the program until the test ends; several of them, if called again. Then nothing secret may be in its logs,
// nor in any answer that a client got.
func (w *world) start() *world {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	w.stop, w.result = cancel, result
	ready, ended := make(chan net.Addr, 1), make(chan struct{})
	go func() {
		defer close(ended)
		result <- run(ctx, w.getenv, w.logs, func(address net.Addr) { ready <- address }, w.limits)
	}()
	w.t.Cleanup(func() {
		cancel()
		w.client.CloseIdleConnections()
		<-ended
		w.searchSecrets()
	})
	select {
	case address := <-ready:
		w.url = "http://" + address.String()
	case err := <-result:
		require.NoError(w.t, err, "start")
	}
	return w
}

func (w *world) searchSecrets() {
	for name, text := range map[string]string{"the logs": w.logs.String(), "an answer": w.seen.String()} {
		if at := strings.Index(text, canary); at >= 0 {
			w.t.Errorf("a secret is in %s, after %q", name, text[max(0, at-200):at])
		}
	}
}

// A reply is an answer that was read to its end.
type reply struct {
	*http.Response
	text string
}

// send sends a request of a train with its client key; header overrides and adds, an
// empty value removes.
func (w *world) send(method, path, train string, body io.Reader, header map[string]string) reply {
	w.t.Helper()
	r, err := w.try(w.request(method, path, train, body, header))
	require.NoError(w.t, err)
	return r
}

func (w *world) post(train string, body string) reply {
	w.t.Helper()
	return w.send(http.MethodPost, "/v1/messages", train, strings.NewReader(body), nil)
}

func (w *world) request(method, path, train string, body io.Reader, header map[string]string) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, body)
	require.NoError(w.t, err)
	if train != "" {
		r.Header.Set("MSL-Train-Id", train)
		r.Header.Set("Authorization", "Bearer "+key(train))
	}
	for name, value := range header {
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	return r
}

func (w *world) try(r *http.Request) (reply, error) {
	answer, err := w.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	_, _ = fmt.Fprintln(w.seen, answer.Header, string(text))
	return reply{answer, string(text)}, err
}

// requireError checks an error of the proxy itself.
func (w *world) requireError(r reply, status int, kind string) {
	w.t.Helper()
	var body struct {
		Type  string
		Error struct {
			Type, Message string
		}
		RequestID string `json:"request_id"`
	}
	require.Equal(w.t, status, r.StatusCode, r.text)
	require.NoError(w.t, json.Unmarshal([]byte(r.text), &body), r.text)
	require.Equal(w.t, "application/json", r.Header.Get("Content-Type"))
	require.Equal(w.t, "error", body.Type)
	require.Equal(w.t, kind, body.Error.Type)
	require.NotEmpty(w.t, body.Error.Message)
	require.NotEmpty(w.t, body.RequestID)
	require.Equal(w.t, []string{body.RequestID}, r.Header.Values("X-Request-ID"))
}

// logLines returns the log lines with that message.
func (w *world) logLines(message string) (found []map[string]any) {
	for line := range strings.Lines(w.logs.String()) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["msg"] == message {
			found = append(found, entry)
		}
	}
	return found
}
