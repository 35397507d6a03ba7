package server

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
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
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every secret in these tests has this word in it, so that it is found wherever it
// should not be.
const canary = "CANARY-"

const (
	dashboardKey  = canary + "dashboardkey01"
	encryptionKey = canary + "encryptionkey01-of-enough-characters"
)

// A world is the whole program on a real store, and a second handle on that store.
type world struct {
	t      testing.TB
	env    map[string]string
	limits limits
	store  credstore.AdminStore // nil: on files
	url    string
	logs   *testlog.Buffer
	seen   *testlog.Buffer // all answers but those to reveal and generate, to look for secrets
	stop   context.CancelFunc
}

// newWorld makes a world on an empty store of that kind (files, sqlite or postgres), and
// does not start the program yet.
func newWorld(t testing.TB, kind string) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, limits: defaultLimits, logs: new(testlog.Buffer), seen: new(testlog.Buffer), env: map[string]string{
		"DASHBOARD_PORT": "0", "DASHBOARD_API_KEY": dashboardKey, "STATE_DIR": filepath.Join(dir, "state"), "CREDENTIALS_DIR": dir,
		"LOG_LEVEL": "debug", "LOG_JSON": "true",
	}}
	switch kind {
	case "sqlite":
		w.useDatabase(testdb.SQLite(t))
	case "postgres":
		w.useDatabase(testdb.PostgreSQL(t))
	}
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
	store := sqlstore.New(db, dialect, testSealer(), &sqlstore.Options{QueryTimeout: 30 * time.Second}) // a busy machine is slow
	w.store = store
	w.t.Cleanup(func() {
		_ = store.Close()
		_ = db.Close()
	})
}

// testSealer seals with one derived key for all tests: deriving is what takes their time.
var testSealer = sync.OnceValue(func() *crypto.Sealer {
	sealer, err := crypto.NewSealer(encryptionKey, &crypto.SealerOptions{ReuseSalt: true})
	if err != nil {
		panic(err)
	}
	return sealer
})

func (w *world) getenv(name string) string { return w.env[name] }

// start runs the program until the test ends, and checks then that no answer and no log
// line held a secret.
func (w *world) start() *world {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() { ended <- run(ctx, w.getenv, w.logs, func(a net.Addr) { ready <- a }, w.limits) }()
	select {
	case address := <-ready:
		w.url = "http://" + address.String()
	case err := <-ended:
		cancel()
		require.NoError(w.t, err)
	}
	w.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(w.t, <-ended)
	})
	w.t.Cleanup(func() {
		w.stop()
		require.False(w.t, strings.Contains(w.logs.String(), canary), "a secret is in the log")
		require.False(w.t, strings.Contains(w.seen.String(), canary), "a secret is in an answer")
	})
	return w
}

// startWorld is a running world on that kind of store.
func startWorld(t testing.TB, kind string) *world {
	t.Helper()
	return newWorld(t, kind).start()
}

// onDatabases runs a test on both engines.
func onDatabases(t *testing.T, test func(t *testing.T, w *world)) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) { test(t, startWorld(t, kind)) })
	}
}

// A browser keeps cookies and does not follow redirects.
type browser struct {
	w      *world
	client *http.Client
	header http.Header // sent with every request
	token  string
}

// An answer is what came back, read whole.
type answered struct {
	status int
	header http.Header
	body   string
}

func (a answered) location() string {
	if to := a.header.Get("HX-Redirect"); to != "" {
		return to
	}
	return a.header.Get("Location")
}

func (w *world) browser() *browser {
	jar, _ := cookiejar.New(nil) // never fails without options
	transport := &http.Transport{DisableCompression: true}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &browser{w: w, header: http.Header{"Accept": {"text/html"}}, client: &http.Client{
		Jar: jar, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// login is a browser with a session.
func (w *world) login(operator string) *browser {
	w.t.Helper()
	b := w.browser()
	a := b.post("/dashboard/login", url.Values{"operator": {operator}, "key": {dashboardKey}})
	require.Equal(w.t, http.StatusSeeOther, a.status)
	b.readToken()
	return b
}

var csrfField = regexp.MustCompile(`name="_csrf" value="(\w+)"`)

func (b *browser) readToken() {
	found := csrfField.FindStringSubmatch(b.get("/dashboard").body)
	require.NotNil(b.w.t, found, "no token on the page")
	b.token = found[1]
}

// with is the browser with another header.
func (b *browser) with(name, value string) *browser {
	other := *b
	other.header = b.header.Clone()
	other.header.Set(name, value)
	return &other
}

// htmx is the browser as htmx sends requests.
func (b *browser) htmx() *browser { return b.with("HX-Request", "true").with("X-CSRF-Token", b.token) }

func (b *browser) get(path string) answered { return b.send(http.MethodGet, path, nil) }

// post sends a form with the session's token.
func (b *browser) post(path string, form url.Values) answered {
	return b.send(http.MethodPost, path, form)
}

func (b *browser) send(method, path string, form url.Values) answered {
	b.w.t.Helper()
	var body io.Reader
	if form != nil {
		sent := url.Values{}
		for name, values := range form {
			sent[name] = values
		}
		if !sent.Has("_csrf") && b.token != "" && b.header.Get("X-CSRF-Token") == "" {
			sent.Set("_csrf", b.token)
		}
		body = strings.NewReader(sent.Encode())
	}
	request, err := http.NewRequestWithContext(b.w.t.Context(), method, b.w.url+path, body)
	require.NoError(b.w.t, err)
	request.Header = b.header.Clone()
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.do(request, !strings.HasSuffix(path, "/reveal") && !strings.Contains(path, "/generate"))
}

func (b *browser) do(request *http.Request, noSecrets bool) answered {
	b.w.t.Helper()
	response, err := b.client.Do(request)
	require.NoError(b.w.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(b.w.t, err)
	if noSecrets {
		_, _ = b.w.seen.Write(text)
		_ = response.Header.Write(b.w.seen)
	}
	return answered{response.StatusCode, response.Header, string(text)}
}

// addAccount adds an account with an API key; its id is its name.
func (w *world) addAccount(name string) *credstore.Account {
	w.t.Helper()
	account, err := w.store.CreateAccount(w.t.Context(), credstore.NewAccount{ID: name, Name: name, Type: credstore.APIKey, APIKey: credstore.NewSecret(canary + "key" + name)})
	require.NoError(w.t, err)
	return account
}

// addTrain adds a train that maps those accounts.
func (w *world) addTrain(id string, accounts ...string) {
	w.t.Helper()
	_, err := w.store.CreateTrain(w.t.Context(), credstore.NewTrain{ID: id, ClientKeys: []credstore.Secret{credstore.NewSecret(canary + "client" + id)}})
	require.NoError(w.t, err)
	for i, account := range accounts {
		require.NoError(w.t, w.store.AddMapping(w.t.Context(), id, account, len(accounts)-i))
	}
}

// events are the actions of the audit trail, oldest first.
func (w *world) events() []credstore.AuditEvent {
	w.t.Helper()
	found, err := w.store.ListAudit(w.t.Context(), credstore.AuditFilter{}, credstore.PageRequest{Limit: 1000})
	require.NoError(w.t, err)
	events := make([]credstore.AuditEvent, len(found.Items))
	for i, event := range found.Items {
		events[len(events)-1-i] = event
	}
	return events
}

// lastEvent is the latest event of the audit trail.
func (w *world) lastEvent() credstore.AuditEvent {
	w.t.Helper()
	events := w.events()
	require.NotEmpty(w.t, events)
	return events[len(events)-1]
}

func writeAccountFile(t *testing.T, dir, name, apiKey string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "accounts"), 0o700))
	data, err := json.Marshal(map[string]string{"type": "api_key", "accountId": "acc_" + name, "api_key": apiKey})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "accounts", name+".credentials.json"), data, 0o600))
}
