package server

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

func TestSecurityHeaders(t *testing.T) {
	w := startWorld(t, "sqlite")
	for _, path := range []string{"/dashboard/login", "/dashboard", "/nowhere", "/dashboard/static/dashboard.css"} {
		header := w.browser().get(path).header
		require.NotContains(t, header.Get("Content-Security-Policy"), "unsafe", path)
		require.Contains(t, header.Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "DENY", header.Get("X-Frame-Options"), path)
		require.NotEmpty(t, header.Get("X-Request-Id"), path)
	}
	require.Equal(t, "no-store", w.browser().get("/dashboard/login").header.Get("Cache-Control"))
	require.Contains(t, w.browser().get(assetURL("dashboard.css")).header.Get("Cache-Control"), "immutable")
}

// What another site's page could make a browser send changes nothing.
func TestCrossSiteRequests(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addAccount("one")
	b := w.login("Ann")
	before := len(w.events())
	form := url.Values{"account_name": {"forged"}, "credential_type": {"api_key"}, "api_key": {secret("x")}}
	for name, b := range map[string]*browser{
		"fetch metadata": b.with("Sec-Fetch-Site", "cross-site"),
		"same site":      b.with("Sec-Fetch-Site", "same-site"),
		"origin":         b.with("Origin", "https://evil.example"),
		"null origin":    b.with("Origin", "null"),
	} {
		for _, path := range []string{"/dashboard/accounts", "/dashboard/accounts/one/reveal", "/dashboard/accounts/one", "/dashboard/login", "/dashboard/logout"} {
			require.Equal(t, http.StatusForbidden, b.post(path, form).status, name+path)
		}
		require.Equal(t, http.StatusForbidden, b.send(http.MethodDelete, "/dashboard/accounts/one", nil).status, name)
	}
	for _, token := range []string{"", "x", strings.Repeat("0", 32), w.login("Ben").token} {
		forged := *b
		forged.token = token
		form.Set("_csrf", token)
		require.Equal(t, http.StatusForbidden, forged.post("/dashboard/accounts", form).status)
		require.Equal(t, http.StatusForbidden, forged.htmx().send(http.MethodDelete, "/dashboard/accounts/one", nil).status)
	}
	require.Len(t, w.events(), before+1, "but for Ben's login")
}

func TestLargeForms(t *testing.T) {
	w := startWorld(t, "sqlite")
	b := w.login("Ann")
	require.Equal(t, http.StatusRequestEntityTooLarge, b.post("/dashboard/accounts", url.Values{"account_name": {strings.Repeat("a", 2<<20)}}).status)
	unsized, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/dashboard/login", struct{ *strings.Reader }{strings.NewReader("key=" + strings.Repeat("a", 2<<20))})
	require.NoError(t, err)
	unsized.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, http.StatusRequestEntityTooLarge, b.do(unsized, true).status)
}

func TestRateLimits(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.limits.writes = rateLimit{0.001, 3}
	w.limits.outside = rateLimit{0.001, 2}
	w.start().addAccount("one")
	b := w.login("Ann")
	for range 2 {
		require.Equal(t, http.StatusOK, b.post("/dashboard/accounts/one/reveal", url.Values{"secret": {"api_key"}}).status)
	}
	require.Equal(t, http.StatusTooManyRequests, b.post("/dashboard/accounts/one/reveal", url.Values{"secret": {"api_key"}}).status)
	a := b.htmx().post("/dashboard/accounts/validate", url.Values{"account_name": {"x"}})
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.NotEmpty(t, a.header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, b.get("/dashboard/accounts").status, "reading goes on")
	require.Equal(t, http.StatusOK, w.login("Ben").htmx().post("/dashboard/accounts/validate", url.Values{"account_name": {"x"}}).status, "and so do others")
}

func TestErrorPages(t *testing.T) {
	w := startWorld(t, "sqlite")
	b := w.login("Ann")
	for path, status := range map[string]int{
		"/nowhere": 404, "/dashboard/nowhere": 404, "/dashboard/accounts/none": 404, "/dashboard/accounts/%3Cscript%3E": 404,
		"/dashboard/accounts/" + strings.Repeat("a", 300): 404, "/dashboard/static/none.js": 404, "/dashboard/static/..%2fserver.go": 404,
		"/dashboard/accounts?q=%00%ff&type=%00&status=%00&sort=%00": 200,
	} {
		a := b.get(path)
		require.Equal(t, status, a.status, path)
		require.NotContains(t, a.body, "<script>", path)
	}
	require.Equal(t, http.StatusMethodNotAllowed, b.send(http.MethodPut, "/dashboard/accounts", url.Values{}).status)
}

// A request that was let in does not wait with its body until its session has ended.
func TestHalfARequestOutlivesNoSession(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addAccount("one")
	b := w.login("Ann")
	cookie := b.client.Jar.Cookies(mustParse(t, w.url))[0]
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "POST /dashboard/accounts/one/reveal HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nCookie: %s=%s\r\nX-CSRF-Token: %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 14\r\n\r\ns", cookie.Name, cookie.Value, b.token)
	require.NoError(t, err)
	require.Equal(t, http.StatusSeeOther, w.login("Ann").post("/dashboard/logout/all", url.Values{}).status)
	_, err = io.WriteString(conn, "ecret=api_key&")
	require.NoError(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
	require.Contains(t, answer.Header.Get("Location"), "/dashboard/login")
	require.NotContains(t, actions(w), credstore.ActionAccountReveal)
}

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

func TestSlowForms(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.limits.reading = 100 * time.Millisecond
	w.start()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "POST /dashboard/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 14\r\n\r\nk")
	require.NoError(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, http.StatusRequestTimeout, answer.StatusCode)
}

// The key is no name, in whichever field it ends up.
func TestKeyInTheWrongField(t *testing.T) {
	w := startWorld(t, "sqlite")
	a := w.browser().post("/dashboard/login", url.Values{"operator": {"x" + dashboardKey}, "key": {"oops"}})
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Empty(t, w.events())
	script := w.browser().with("X-Dashboard-Key", dashboardKey).with("X-Dashboard-Operator", dashboardKey)
	require.Equal(t, http.StatusSeeOther, script.post("/dashboard/accounts", url.Values{"account_name": {"a"}, "credential_type": {"api_key"}, "api_key": {secret("x")}}).status)
	require.Equal(t, "script", w.lastEvent().Actor.Name)
}

// Guessing from everywhere fills neither the audit trail nor the memory, and no bucket
// that is empty is forgotten.
func TestGuessingFromEverywhere(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.env["DASHBOARD_TRUSTED_PROXIES"] = "127.0.0.0/8"
	w.limits.recorded = rateLimit{0.001, 3}
	w.start()
	for i := range 10 {
		guess := w.browser().with("X-Forwarded-For", fmt.Sprintf("2001:db8::%x", i)).with("X-Dashboard-Key", "guess")
		require.Equal(t, http.StatusUnauthorized, guess.get("/dashboard/accounts").status)
	}
	neighbour := w.browser().with("X-Forwarded-For", "2001:db8::ffff").with("X-Dashboard-Key", dashboardKey)
	a := neighbour.get("/dashboard/accounts")
	require.Equal(t, http.StatusTooManyRequests, a.status, "of IPv6, a network is one")
	require.NotEmpty(t, a.header.Get("Retry-After"))
	require.Len(t, w.events(), 3)

	l := newLimiter(rateLimit{0.001, 1})
	for i := range maxBuckets + 10 {
		l.allow(fmt.Sprint(i))
	}
	require.False(t, l.allow("0"))
	require.False(t, l.allow("new"), "the newest share one")
	require.LessOrEqual(t, len(l.buckets), maxBuckets+1)
}

func TestAddresses(t *testing.T) {
	c := config{trustedProxies: "10.0.0.0/8, ::ffff:192.168.0.0/112, fd00::1"}
	require.NoError(t, c.parseProxies())
	s := &server{config: c, log: slog.New(slog.DiscardHandler)}
	for name, x := range map[string]struct {
		peer string
		hops []string
		want string
	}{
		"straight":               {"192.0.2.1:1", nil, "192.0.2.1"},
		"a stranger's word":      {"192.0.2.1:1", []string{"10.9.9.9"}, "192.0.2.1"},
		"one proxy":              {"10.0.0.1:1", []string{"192.0.2.7"}, "192.0.2.7"},
		"forged before":          {"10.0.0.1:1", []string{"1.1.1.1, 192.0.2.7, 10.0.0.2"}, "192.0.2.7"},
		"two headers":            {"10.0.0.1:1", []string{"1.1.1.1", "192.0.2.7"}, "192.0.2.7"},
		"with a port":            {"10.0.0.1:1", []string{"192.0.2.7:1234"}, "192.0.2.7"},
		"in brackets":            {"[fd00::1]:1", []string{"[2001:db8::1]"}, "2001:db8::1"},
		"no address":             {"10.0.0.1:1", []string{"192.0.2.7, unknown"}, "10.0.0.1"},
		"mapped":                 {"[::ffff:192.168.0.9]:1", []string{"::ffff:192.0.2.7"}, "192.0.2.7"},
		"nothing but proxies":    {"10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"nothing":                {"10.0.0.1:1", nil, "10.0.0.1"},
		"a proxy that is silent": {"10.0.0.1:1", []string{""}, "10.0.0.1"},
	} {
		recorder := httptest.NewRecorder()
		context, _ := gin.CreateTestContext(recorder)
		context.Request = httptest.NewRequest(http.MethodGet, "/", nil)
		context.Request.RemoteAddr = x.peer
		context.Request.Header["X-Forwarded-For"] = x.hops
		context.Request.Header.Set("X-Real-Ip", "6.6.6.6")
		s.locate(context)
		require.Equal(t, x.want, addressOf(context).String(), name)
	}
}

// Fields that are kept over a login travel in an address: none of them is a secret.
func TestNoSecretIsKept(t *testing.T) {
	names, err := fs.Glob(templateFiles, "templates/*.html")
	require.NoError(t, err)
	for _, name := range names {
		text, err := fs.ReadFile(templateFiles, name)
		require.NoError(t, err)
		for _, found := range regexp.MustCompile(`secretInput "(\w+)"|<textarea [^>]*name="(\w*key\w*)"|<input [^>]*name="(\w+)"[^>]*type="password"`).FindAllStringSubmatch(string(text), -1) {
			require.False(t, keptFields[found[1]+found[2]+found[3]], found[0])
		}
	}
}

// A broken audit trail lets nobody in, and says what is the matter.
func TestBrokenAuditTrail(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addAccount("one")
	w.database(func(db *sql.DB) {
		_, err := db.ExecContext(t.Context(), "UPDATE audit_chain SET last_event_id = 7")
		require.NoError(t, err)
	})
	a := w.browser().post("/dashboard/login", url.Values{"operator": {"Ann"}, "key": {dashboardKey}})
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Contains(t, a.body, "migrate audit verify")
}

func TestSlashTooMany(t *testing.T) {
	w := startWorld(t, "sqlite")
	a := w.login("Ann").with("X-Forwarded-Prefix", "/evil").get("/dashboard/accounts/")
	require.Equal(t, "/dashboard/accounts", a.location())
	require.NotEmpty(t, a.header.Get("Content-Security-Policy"))
}

// Another site's page cannot make sessions, not even where nobody logs in.
func TestBackgroundRequests(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.env["DASHBOARD_API_KEY"], w.env["DASHBOARD_DEVELOPMENT"] = "", "true"
	w.start()
	foreign := w.browser().with("Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, foreign.with("Sec-Fetch-Dest", "image").get("/dashboard").status)
	require.Empty(t, w.events())
	require.Equal(t, http.StatusOK, foreign.with("Sec-Fetch-Dest", "document").get("/dashboard").status, "a link")
}
