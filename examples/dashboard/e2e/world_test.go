package e2e

import (
	"context"
	"crypto/rand"
	"database/sql"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/examples/dashboard/server"
	"github.com/signalbox-go/signalbox/internal/browser"
	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/internal/testlog"
	"github.com/signalbox-go/signalbox/migrate"
)

// Every secret in these tests has this word in it, so that it is found wherever it
// should not be.
const canary = "CANARY-"

const (
	dashboardKey  = canary + "dashboardkey01"
	encryptionKey = canary + "encryptionkey01-of-enough-characters"
)

// secret makes a secret to be typed into a form.
func secret(name string) string { return canary + "secret" + name }

// A world is the dashboard's program on a store of its own, and a second handle on that
// store.
type world struct {
	t      testing.TB
	own    string // what the test's own accounts and trains end in
	shared *tab   // Ann's, of all tests that share the world in one way; nil: each has its own
	env    map[string]string
	url    string
	logs   *testlog.Buffer
	store  credstore.AdminStore // nil: on files
	db     *sql.DB              // the store's database; nil: on files
}

// The kinds of stores.
const (
	postgres = "postgres"
	sqlite   = "sqlite"
	files    = "files"
)

// startWorld starts the program on an empty store of that kind, until the test ends.
func startWorld(t testing.TB, kind string) *world {
	t.Helper()
	w := newWorld(t, kind)
	w.run()
	return w
}

// run starts the program.
func (w *world) run() { w.url = w.start(server.Run) }

func newWorld(t testing.TB, kind string) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, logs: new(testlog.Buffer), env: map[string]string{
		"DASHBOARD_PORT": "0", "DASHBOARD_API_KEY": dashboardKey, "STATE_DIR": filepath.Join(dir, "state"),
		"CREDENTIALS_DIR": dir, "LOG_LEVEL": "debug", "DB_POOL_SIZE": "4",
	}}
	switch kind {
	case postgres:
		w.useDatabase(testdb.PostgreSQL(t))
	case sqlite:
		w.useDatabase(testdb.SQLite(t))
	}
	return w
}

// in is the world for one of several tests that share it.
func (w *world) in(t testing.TB) *world {
	other := *w
	other.t, other.own = t, "-"+strings.ToLower(rand.Text()[:6])
	return &other
}

// name is a name that only this test uses.
func (w *world) name(name string) string { return name + w.own }

func (w *world) getenv(name string) string { return w.env[name] }

func (w *world) useDatabase(dsn string) {
	w.t.Helper()
	w.env["USE_DATABASE_CREDENTIALS"] = "true"
	w.env["DATABASE_URL"] = dsn
	w.env["CREDENTIAL_ENCRYPTION_KEY"] = encryptionKey
	config, err := backend.ConfigFromEnv(w.getenv)
	require.NoError(w.t, err)
	db, dialect, err := backend.OpenDatabase(config)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = db.Close() })
	w.db = db
	_, err = migrate.New(db, dialect, nil).Up(w.t.Context())
	require.NoError(w.t, err)
	store := sqlstore.New(db, dialect, testSealer(), nil)
	w.store = store
	w.t.Cleanup(func() { _ = store.Close() })
}

// testSealer seals with one derived key for all tests: deriving is what takes their time.
var testSealer = sync.OnceValue(func() *crypto.Sealer {
	sealer, err := crypto.NewSealer(encryptionKey, &crypto.SealerOptions{ReuseSalt: true})
	if err != nil {
		panic(err)
	}
	return sealer
})

// A program is a Run function of examples/dashboard/server or examples/proxy/server.
type program func(ctx context.Context, getenv func(string) string, logs io.Writer, ready func(net.Addr)) error

// start runs a program until the test ends, and returns its address. At the end its log
// must hold no secret.
func (w *world) start(run program) string {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() { ended <- run(ctx, w.getenv, w.logs, func(a net.Addr) { ready <- a }) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the program ended with %v", err)
		}
		if strings.Contains(w.logs.String(), canary) {
			w.t.Error("a secret is in the log")
		}
	})
	select {
	case address := <-ready:
		return "http://" + address.String()
	case err := <-ended:
		ended <- nil
		require.NoError(w.t, err)
		return ""
	}
}

// open opens a tab that has logged in as Ann, or takes the one that is shared.
func (w *world) open(options *browser.Options) *tab {
	w.t.Helper()
	if w.shared != nil {
		return &tab{Tab: w.shared.For(w.t), t: w.t, w: w}
	}
	return w.openAs("Ann", options)
}

// openAs opens a tab that has logged in, by a session that was started beside it.
func (w *world) openAs(operator string, options *browser.Options) *tab {
	w.t.Helper()
	opened := w.openStranger(options)
	opened.visit("/dashboard/login") // to have an origin for the cookie
	cookie := "signalbox=" + w.session(operator)
	// Reading it makes sure that it has arrived where the next page is asked for.
	require.Equal(w.t, cookie, browser.Eval[string](opened.Tab, `document.cookie = "`+cookie+`; path=/; SameSite=Strict", document.cookie`))
	return opened
}

// openStranger opens a tab that has not logged in.
func (w *world) openStranger(options *browser.Options) *tab {
	w.t.Helper()
	return &tab{Tab: browser.Open(w.t, options), t: w.t, w: w}
}

// session logs in without a browser and returns the session's cookie.
func (w *world) session(operator string) string {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.PostForm(w.url+"/dashboard/login", url.Values{"operator": {operator}, "key": {dashboardKey}})
	require.NoError(w.t, err)
	require.NoError(w.t, answer.Body.Close())
	require.Equal(w.t, http.StatusSeeOther, answer.StatusCode)
	for _, cookie := range answer.Cookies() {
		if cookie.Name == "signalbox" {
			return cookie.Value
		}
	}
	w.t.Fatal("the login set no cookie")
	return ""
}

// addAccounts adds accounts with an API key, whose id is their name.
func (w *world) addAccounts(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.createAccount(credstore.NewAccount{ID: name, Name: name, Type: credstore.APIKey, APIKey: credstore.NewSecret(secret("stored"))})
	}
}

func (w *world) createAccount(account credstore.NewAccount) *credstore.Account {
	w.t.Helper()
	created, err := w.store.CreateAccount(w.t.Context(), account)
	require.NoError(w.t, err)
	return created
}

// addTrain adds a train that maps those accounts, the first one preferred.
func (w *world) addTrain(name string, accounts ...string) {
	w.t.Helper()
	_, err := w.store.CreateTrain(w.t.Context(), credstore.NewTrain{ID: name})
	require.NoError(w.t, err)
	for i, account := range accounts {
		require.NoError(w.t, w.store.AddMapping(w.t.Context(), name, account, len(accounts)-i))
	}
}

// account reads an account by its name.
func (w *world) account(name string) *credstore.Account {
	w.t.Helper()
	account, err := w.store.GetAccountByName(w.t.Context(), name)
	require.NoError(w.t, err)
	return account
}

// credential reads an account's secrets.
func (w *world) credential(accountID string) *credstore.Credential {
	w.t.Helper()
	lease, err := w.store.AcquireLease(w.t.Context(), accountID, "test", time.Second)
	require.NoError(w.t, err)
	return lease.Credential
}

// actions are the actions on an object in the audit trail, oldest first.
func (w *world) actions(objectID string) string {
	w.t.Helper()
	found, err := w.store.ListAudit(w.t.Context(), credstore.AuditFilter{ObjectID: objectID}, credstore.PageRequest{Limit: 1000})
	require.NoError(w.t, err)
	var actions []string
	for _, event := range slices.Backward(found.Items) {
		actions = append(actions, string(event.Action))
	}
	return strings.Join(actions, " ")
}

// requireAPIKey checks which API key is stored, without printing it.
func (w *world) requireAPIKey(account, key string) {
	w.t.Helper()
	if !w.credential(w.account(account).ID).APIKey.Equal(credstore.NewSecret(key)) {
		w.t.Fatal("another API key is stored")
	}
}

// requireTokens checks which tokens are stored, without printing them.
func (w *world) requireTokens(account, access, refresh string) {
	w.t.Helper()
	tokens := w.credential(w.account(account).ID).Tokens
	if !tokens.Access.Equal(credstore.NewSecret(access)) {
		w.t.Fatal("another access token is stored")
	}
	if !tokens.Refresh.Equal(credstore.NewSecret(refresh)) {
		w.t.Fatal("another refresh token is stored")
	}
}

// mapped are the accounts of a train, by preference.
func (w *world) mapped(trainID string) []string {
	w.t.Helper()
	found, err := w.store.ListMappings(w.t.Context(), trainID, credstore.PageRequest{Limit: 1000})
	require.NoError(w.t, err)
	var names []string
	for _, mapping := range found.Items {
		names = append(names, mapping.Account.Name)
	}
	return names
}

// exec does something behind the program's back.
func (w *world) exec(statement string) {
	w.t.Helper()
	_, err := w.db.ExecContext(w.t.Context(), statement)
	require.NoError(w.t, err)
}

// rows reads the first column of a query.
func (w *world) rows(query string) []string {
	w.t.Helper()
	found, err := w.db.QueryContext(w.t.Context(), query)
	require.NoError(w.t, err)
	defer func() { _ = found.Close() }()
	var rows []string
	for found.Next() {
		var row string
		require.NoError(w.t, found.Scan(&row))
		rows = append(rows, row)
	}
	require.NoError(w.t, found.Err())
	return rows
}
