package server

import (
	"context"
	"database/sql"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
)

func TestLogin(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		b := w.browser()
		a := b.get("/dashboard/accounts?q=x")
		require.Equal(t, http.StatusSeeOther, a.status)
		require.Equal(t, "/dashboard/login?next=%2Fdashboard%2Faccounts%3Fq%3Dx", a.location())

		a = b.post("/dashboard/login", url.Values{"operator": {"Ann"}, "key": {"wrong"}, "next": {"/dashboard/accounts"}})
		require.Equal(t, http.StatusUnauthorized, a.status)
		require.Contains(t, a.body, "not the dashboard key")
		require.Contains(t, a.body, `value="Ann"`)
		event := w.lastEvent()
		require.Equal(t, credstore.ActionLoginFailed, event.Action)
		require.Equal(t, "Ann", event.Actor.Name)
		require.Equal(t, "127.0.0.1", event.Actor.Address)

		a = b.post("/dashboard/login", url.Values{"operator": {" Ann "}, "key": {dashboardKey}, "next": {"/dashboard/accounts"}})
		require.Equal(t, http.StatusSeeOther, a.status)
		require.Equal(t, "/dashboard/accounts", a.location())
		cookie := a.header.Get("Set-Cookie")
		require.Contains(t, cookie, "HttpOnly")
		require.Contains(t, cookie, "SameSite=Strict")
		require.NotContains(t, cookie, "Expires")
		event = w.lastEvent()
		require.Equal(t, credstore.ActionLogin, event.Action)
		require.Equal(t, "Ann", event.Actor.Name)
		require.False(t, event.Actor.Verified)
		require.NotContains(t, cookie, event.Actor.Session, "the session's name is not its secret")
		require.Equal(t, http.StatusOK, b.get("/dashboard/accounts").status)
	})
}

func TestLoginGoesNowhereElse(t *testing.T) {
	w := startWorld(t, "sqlite")
	for _, next := range []string{
		"https://example.com/dashboard", "//example.com/dashboard", "/\\example.com", "/other", "/dashboard/login", "javascript:alert(1)", "/dashboard\r\nX: y", "/dashboardx",
		"/dashboard/../x", "/dashboard/..//evil.example", "/dashboard/accounts/../../x",
	} {
		a := w.browser().post("/dashboard/login", url.Values{"operator": {"Ann"}, "key": {dashboardKey}, "next": {next}})
		require.Equal(t, "/dashboard", a.location(), "%q", next)
	}
}

func TestLoginNeedsBothFields(t *testing.T) {
	w := startWorld(t, "sqlite")
	for name, form := range map[string]url.Values{
		"nothing": {}, "no name": {"key": {dashboardKey}}, "no key": {"operator": {"Ann"}},
		"control character": {"operator": {"A\x00nn"}, "key": {dashboardKey}}, "long": {"operator": {strings.Repeat("ä", 101)}, "key": {dashboardKey}},
	} {
		a := w.browser().post("/dashboard/login", form)
		require.Equal(t, http.StatusUnprocessableEntity, a.status, name)
		require.Empty(t, a.header.Get("Set-Cookie"), name)
	}
}

// Wrong keys slow down, whether they come by the form or by the header, and so do right
// ones then; another address is not concerned.
func TestGuessing(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.env["DASHBOARD_TRUSTED_PROXIES"] = "127.0.0.1"
	w.start()
	one := w.browser().with("X-Forwarded-For", "192.0.2.1")
	for range 5 {
		require.Equal(t, http.StatusUnauthorized, one.post("/dashboard/login", url.Values{"operator": {"Eve"}, "key": {"guess"}}).status)
		require.Equal(t, http.StatusUnauthorized, one.with("X-Dashboard-Key", "guess").get("/dashboard/accounts").status)
	}
	a := one.post("/dashboard/login", url.Values{"operator": {"Eve"}, "key": {dashboardKey}})
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.NotEmpty(t, a.header.Get("Retry-After"))
	require.Equal(t, http.StatusTooManyRequests, one.with("X-Dashboard-Key", dashboardKey).get("/dashboard/accounts").status)
	require.Equal(t, http.StatusOK, w.browser().with("X-Forwarded-For", "192.0.2.2").with("X-Dashboard-Key", dashboardKey).get("/dashboard/accounts").status)
}

func TestLogout(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		one, two, other := w.login("Ann"), w.login("Ann"), w.login("Ben")
		require.Equal(t, "/dashboard/login", one.post("/dashboard/logout", url.Values{}).location())
		require.Equal(t, credstore.ActionLogout, w.lastEvent().Action)
		require.Equal(t, http.StatusSeeOther, one.get("/dashboard/accounts").status)
		require.Equal(t, http.StatusOK, two.get("/dashboard/accounts").status)

		three := w.login("Ann")
		require.Equal(t, "/dashboard/login", three.post("/dashboard/logout/all", url.Values{}).location())
		require.Equal(t, credstore.ActionLogoutAll, w.lastEvent().Action)
		require.Equal(t, http.StatusSeeOther, two.get("/dashboard/accounts").status)
		require.Equal(t, http.StatusSeeOther, three.get("/dashboard/accounts").status)
		require.Equal(t, http.StatusOK, other.get("/dashboard/accounts").status, "another operator goes on")
	})
}

// Sessions are in the database: another replica knows them, and another key ends them.
func TestSessionsOutliveTheProgram(t *testing.T) {
	w := startWorld(t, "postgres")
	b := w.login("Ann")
	w.stop()
	w.start()
	require.Equal(t, http.StatusOK, b.get("/dashboard/accounts").status)
	w.stop()
	w.env["DASHBOARD_API_KEY"] = canary + "dashboardkey02"
	w.start()
	require.Equal(t, http.StatusSeeOther, b.get("/dashboard/accounts").status)
}

// A session ends after the idle time-out, which each request moves, and at the end of its
// lifetime in any case.
func TestSessionsEnd(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.limits.idle, w.limits.lifetime = time.Hour, 90*time.Minute
	b := w.start().login("Ann")
	end := w.sessionEnd()
	require.WithinDuration(t, time.Now().Add(w.limits.idle), end, time.Minute)

	w.endSessionsAt(end.Add(-50 * time.Minute))
	w.stop() // which forgets when the end was moved last
	w.start()
	require.Equal(t, http.StatusOK, b.get("/dashboard/accounts").status)
	require.WithinDuration(t, time.Now().Add(w.limits.idle), w.sessionEnd(), time.Minute, "it is in use")

	w.stop()
	w.limits.idle = 3 * time.Hour
	w.start()
	require.Equal(t, http.StatusOK, b.get("/dashboard/accounts").status)
	require.WithinDuration(t, time.Now().Add(w.limits.lifetime), w.sessionEnd(), time.Minute, "never beyond its lifetime")

	w.endSessionsAt(time.Now().Add(-time.Second))
	a := b.htmx().with("HX-Current-URL", w.url+"/dashboard/accounts/new").post("/dashboard/accounts", url.Values{
		"account_name": {"typed"}, "credential_type": {"api_key"}, "api_key": {canary + "typed"},
	})
	require.Equal(t, http.StatusUnauthorized, a.status)
	require.Equal(t, "/dashboard/login?ended=1&next=%2Fdashboard%2Faccounts%2Fnew%3Faccount_name%3Dtyped%26credential_type%3Dapi_key", a.location())
}

// sessionEnd is when the only session ends.
func (w *world) sessionEnd() (end time.Time) {
	w.t.Helper()
	var text string
	w.database(func(db *sql.DB) {
		require.NoError(w.t, db.QueryRowContext(w.t.Context(), "SELECT expires_at FROM dashboard_sessions").Scan(&text))
	})
	end, err := time.Parse("2006-01-02T15:04:05.000000Z", text)
	require.NoError(w.t, err)
	return end
}

// endSessionsAt makes all sessions end then.
func (w *world) endSessionsAt(end time.Time) {
	w.t.Helper()
	w.database(func(db *sql.DB) {
		_, err := db.ExecContext(w.t.Context(), "UPDATE dashboard_sessions SET expires_at = ?", end.UTC().Format("2006-01-02T15:04:05.000000Z"))
		require.NoError(w.t, err)
	})
}

func (w *world) database(use func(*sql.DB)) {
	w.t.Helper()
	config, err := backend.ConfigFromEnv(w.getenv)
	require.NoError(w.t, err)
	db, _, err := backend.OpenDatabase(config)
	require.NoError(w.t, err)
	defer func() { require.NoError(w.t, db.Close()) }()
	use(db)
}

// What a form held comes back after the login, but for its secrets.
func TestFormComesBackAfterLogin(t *testing.T) {
	w := startWorld(t, "sqlite")
	a := w.browser().with("Referer", w.url+"/dashboard/accounts/new").post("/dashboard/accounts", url.Values{
		"account_name": {"typed"}, "credential_type": {"oauth"}, "oauth_access_token": {canary + "typed1"}, "oauth_scopes": {"user:profile"},
	})
	require.Equal(t, http.StatusSeeOther, a.status)
	login, err := url.Parse(a.location())
	require.NoError(t, err)
	next := login.Query().Get("next")
	page := w.login("Ann").get(next)
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, page.body, `value="typed"`)
	require.Contains(t, page.body, `<option value="oauth" selected>`)
	require.Contains(t, page.body, `value="user:profile" checked`)
	require.Equal(t, []credstore.Action{credstore.ActionLogin}, actions(w))
}

func actions(w *world) []credstore.Action {
	var all []credstore.Action
	for _, event := range w.events() {
		all = append(all, event.Action)
	}
	return all
}

func TestScripts(t *testing.T) {
	w := startWorld(t, "sqlite")
	script := w.browser().with("X-Dashboard-Key", dashboardKey).with("Accept", "*/*").with("X-Dashboard-Operator", "deploy")
	a := script.post("/dashboard/accounts", url.Values{"account_name": {"a"}, "credential_type": {"api_key"}, "api_key": {canary + "scripted"}})
	require.Equal(t, http.StatusSeeOther, a.status)
	require.Equal(t, "deploy", w.lastEvent().Actor.Name)
	require.Empty(t, w.lastEvent().Actor.Session)
	require.Equal(t, http.StatusUnauthorized, w.browser().with("Accept", "*/*").get("/dashboard/accounts").status)
	require.Equal(t, http.StatusUnauthorized, w.browser().with("X-Dashboard-Key", dashboardKey+"x").get("/dashboard/accounts").status)
}

func TestSingleSignOn(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.env["DASHBOARD_TRUSTED_PROXIES"] = "10.0.0.0/8, 127.0.0.1"
	w.env["DASHBOARD_SSO_HEADER"] = "x-forwarded-user"
	w.start()
	b := w.browser().with("X-Forwarded-User", "ann@example.com").with("X-Forwarded-For", "192.0.2.9").with("X-Forwarded-Proto", "https")
	a := b.get("/dashboard/accounts")
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, "ann@example.com")
	require.Contains(t, a.header.Get("Set-Cookie"), "__Host-signalbox=")
	require.Contains(t, a.header.Get("Set-Cookie"), "Secure")
	event := w.lastEvent()
	require.Equal(t, credstore.Actor{Kind: credstore.ActorOperator, Name: "ann@example.com", Verified: true, Session: event.Actor.Session, Address: "192.0.2.9"}, event.Actor)
	require.Equal(t, http.StatusSeeOther, w.browser().get("/dashboard/accounts").status, "without the header there is a login")
	alone := b.with("X-Forwarded-User", "")
	require.Equal(t, http.StatusSeeOther, alone.get("/dashboard/accounts").status, "verified is who is vouched for now")
	require.Equal(t, http.StatusSeeOther, w.browser().with("X-Forwarded-User", "ann, eve").get("/dashboard/accounts").status, "a list is no name")
}

// From anywhere but a trusted proxy the headers say nothing.
func TestForgedProxyHeaders(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.env["DASHBOARD_TRUSTED_PROXIES"] = "10.0.0.0/8"
	w.env["DASHBOARD_SSO_HEADER"] = "X-Forwarded-User"
	w.start()
	b := w.browser().with("X-Forwarded-User", "eve").with("X-Forwarded-For", "10.0.0.1").with("X-Forwarded-Proto", "https")
	require.Equal(t, http.StatusSeeOther, b.get("/dashboard/accounts").status)
	a := b.post("/dashboard/login", url.Values{"operator": {"Eve"}, "key": {dashboardKey}})
	require.NotContains(t, a.header.Get("Set-Cookie"), "Secure")
	require.Equal(t, "Eve", w.lastEvent().Actor.Name)
	require.Equal(t, "127.0.0.1", w.lastEvent().Actor.Address)
}

func TestDevelopment(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.env["DASHBOARD_API_KEY"] = ""
	w.env["DASHBOARD_DEVELOPMENT"] = "true"
	w.start()
	b := w.browser()
	require.Equal(t, http.StatusOK, b.get("/dashboard").status)
	require.Equal(t, "developer", w.lastEvent().Actor.Name)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/dashboard", nil)
	require.NoError(t, err)
	request.Host = "rebound.example.com"
	require.Equal(t, http.StatusForbidden, b.do(request, true).status)
}

func TestSettingsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"no key":                   {map[string]string{"DASHBOARD_API_KEY": ""}, "DASHBOARD_API_KEY is not set"},
		"development for everyone": {map[string]string{"DASHBOARD_API_KEY": "", "DASHBOARD_DEVELOPMENT": "true", "DASHBOARD_HOST": "0.0.0.0"}, "DASHBOARD_DEVELOPMENT is true"},
		"key with a space":         {map[string]string{"DASHBOARD_API_KEY": dashboardKey + " "}, "DASHBOARD_API_KEY has white space"},
		"blank key":                {map[string]string{"DASHBOARD_API_KEY": " "}, "DASHBOARD_API_KEY has white space"},
		"no address":               {map[string]string{"DASHBOARD_TRUSTED_PROXIES": "10.0.0.0/8,here"}, "DASHBOARD_TRUSTED_PROXIES has \"here\""},
		"header without proxy":     {map[string]string{"DASHBOARD_SSO_HEADER": "X-User"}, "DASHBOARD_TRUSTED_PROXIES"},
		"no header":                {map[string]string{"DASHBOARD_SSO_HEADER": "X User", "DASHBOARD_TRUSTED_PROXIES": "10.0.0.1"}, "DASHBOARD_SSO_HEADER is"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "files")
			for variable, value := range c.env {
				w.env[variable] = value
			}
			err := Run(context.Background(), w.getenv, w.logs, nil)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), canary)
		})
	}
}
