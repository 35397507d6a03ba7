package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
