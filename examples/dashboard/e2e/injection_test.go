package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/browser"
)

// markup would set pwned, or load something, if a page took it for more than text.
var markup = []string{
	`<script>pwned=1</script>`,
	`"><img src=x onerror=pwned=1>`,
	`'><svg onload=pwned=1>`,
	`</textarea><script>pwned=1</script>`,
	`</title></option></select><script>pwned=1</script>`,
	`" autofocus onfocus="pwned=1`,
	`' onmouseover='pwned=1`,
	"`onmouseover=pwned=1 x=`",
	`javascript:pwned=1`,
	`<a href="javascript:pwned=1" data-testid="submit">x</a>`,
	`--><!--><script>pwned=1</script>`,
	`<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>`,
	`<div hx-get="/dashboard/accounts" hx-trigger="load" hx-on:load="pwned=1">`,
	`"}' hx-vals='js:{"a":pwned=1}`,
	`<math><mtext></mtext><mglyph><style><img src=x onerror=pwned=1>`,
	`<style>*{display:none}</style><base href="//example.org/">`,
	`{{7*7}}{{template "layout" .}}${7*7}<%= 7*7 %>`,
	`%3Cscript%3Epwned=1%3C/script%3E`,
	"\uFF1Cscript\uFF1Epwned=1\uFF1C/script\uFF1E",
	"\u202Etxt.exe\u202C <b>",
}

// others are for databases, spreadsheets, headers and lengths.
var others = []string{
	`'; DROP TABLE accounts; --`,
	`' OR '1'='1' --`,
	`"); DELETE FROM trains; --`,
	`%' ESCAPE '!' OR 1=1 --`,
	`=cmd|' /C calc'!A1`,
	"a\x00b",
	"a\r\nSet-Cookie: pwned=1",
	"\xff\xfe\xc0\x80",
	`../../../etc/passwd`,
	"\U0001F682\u0301\u200B\uFEFF",
	strings.Repeat("x", 10_000),
	strings.Repeat("\U0001F682", 2_500),
}

func TestInjection(t *testing.T) {
	t.Parallel()
	w := startWorld(t, postgres)
	w.addAccounts("one")
	w.addTrain("project", "one")
	for name, test := range map[string]func(*testing.T, *world){"paths": pathInjection, "reflected": reflectedInjection, "stored": storedInjection} {
		t.Run(name, func(t *testing.T) { test(t, w.in(t)) })
	}
}

// send sends a request with the dashboard's key, for an operator.
func (w *world) send(operator, method, path string, form url.Values) (status int, body string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	request.Header = http.Header{
		"Accept": {"text/html"}, "Content-Type": {"application/x-www-form-urlencoded"},
		"X-Dashboard-Key": {dashboardKey}, "X-Dashboard-Operator": {operator},
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	require.NoError(w.t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	return answer.StatusCode, string(text)
}

// state is all that can be changed, as it is stored.
func (w *world) state() []string {
	w.t.Helper()
	return slices.Concat(w.rows("SELECT t::text FROM accounts t ORDER BY 1"), w.rows("SELECT t::text FROM trains t ORDER BY 1"),
		w.rows("SELECT t::text FROM train_account_mappings t ORDER BY 1"))
}

// requireHarmless fails if text of a payload has become part of the page.
func (b *tab) requireHarmless(where string) {
	b.t.Helper()
	found := browser.Eval[[]string](b.Tab, `(() => {
		const found = globalThis.pwned ? ["it ran"] : [];
		const wrong = "body script, iframe, object, embed, style, base, math, body img, main svg:not(.mark), main b, [src=x], [hx-get='/dashboard/accounts'][hx-trigger=load], [data-testid=submit]:not(button)";
		document.querySelectorAll(wrong).forEach(e => found.push(e.tagName));
		document.querySelectorAll("*").forEach(e => { for (const a of e.attributes)
			if (/^(on|hx-on)/.test(a.name) || /^\s*javascript:/i.test(a.value) && /^(href|src|action|formaction)$/.test(a.name) || a.name === "hx-vals" && a.value.startsWith("js:"))
				found.push(e.tagName + " with " + a.name);
		});
		return found;
	})()`)
	require.Empty(b.t, found, where)
}

// Whatever is typed into a field is text wherever it shows up again, or is refused and
// changes nothing.
func storedInjection(t *testing.T, w *world) {
	for i, payload := range slices.Concat(markup, others) {
		w.storeEverywhere(i, payload)
	}
	tab := w.open(nil)
	visit := func(path string) {
		t.Helper()
		tab.visit(path)
		tab.requireHarmless(path)
	}
	for i, payload := range markup {
		train := fmt.Sprint("/dashboard/trains/t", i)
		visit(train)
		for _, form := range []string{"/edit", "/slack"} {
			_, body := w.send("Ann", http.MethodGet, train+form, nil)
			requireEscaped(t, body, payload)
		}
	}
	visit("/dashboard/trains/t1/edit")
	visit("/dashboard/trains/t3/edit")
	visit("/dashboard/trains/t5/slack")
	for _, path := range []string{
		"/dashboard", "/dashboard/accounts", "/dashboard/accounts/one", "/dashboard/accounts/one/delete", "/dashboard/accounts/scopes0", "/dashboard/accounts/scopes0/edit",
		"/dashboard/trains", "/dashboard/trains?sort=name", "/dashboard/trains/t0/accounts",
	} {
		visit(path)
	}
	for visit("/dashboard/audit"); ; tab.requireHarmless("audit") {
		tab.Eval(`document.querySelectorAll(".trail-diff, .long").forEach(e => { e.open = true })`)
		if tab.Count(id("next-page")) == 0 {
			break
		}
		tab.Click(id("next-page"))
	}
	require.Empty(t, tab.Messages())
}

// storeEverywhere types a payload into every field there is.
func (w *world) storeEverywhere(number int, payload string) {
	w.t.Helper()
	accepted := func(what string, status int) bool {
		w.t.Helper()
		require.Contains(w.t, []int{http.StatusSeeOther, http.StatusUnprocessableEntity, http.StatusBadRequest}, status, "%s: %q", what, shorten(payload))
		return status == http.StatusSeeOther
	}
	before := w.state()
	status, body := w.send("Ann", http.MethodPost, "/dashboard/accounts", url.Values{"account_name": {payload}, "credential_type": {"api_key"}, "api_key": {"key"}})
	require.False(w.t, accepted("account name", status), "%q is no name", shorten(payload))
	requireEscaped(w.t, body, payload)
	status, body = w.send("Ann", http.MethodPost, "/dashboard/accounts/validate", url.Values{"account_name": {payload}})
	require.Equal(w.t, http.StatusOK, status)
	requireEscaped(w.t, body, payload)
	status, _ = w.send("Ann", http.MethodPost, "/dashboard/trains", url.Values{"train_id": {payload}})
	require.False(w.t, accepted("train id", status), "%q is no id", shorten(payload))
	require.Equal(w.t, before, w.state())

	train := fmt.Sprint("t", number)
	w.addTrain(train)
	require.NoError(w.t, w.store.AddMapping(w.t.Context(), train, "one", 0))
	for path, form := range map[string]url.Values{
		"/dashboard/trains/" + train:            {"_method": {"PUT"}, "train_name": {payload}, "description": {payload}},
		"/dashboard/trains/" + train + "/slack": {"_method": {"PUT"}, "webhook_url": {"https://hooks.example/x"}, "channel": {payload}, "username": {payload}, "icon_emoji": {payload}},
	} {
		before := w.state()
		status, body := w.send("Ann", http.MethodPost, path, form)
		if !accepted(path, status) {
			require.Equal(w.t, before, w.state())
		}
		requireEscaped(w.t, body, payload)
	}
	status, _ = w.send("Ann", http.MethodPost, "/dashboard/trains/"+train, url.Values{"_method": {"PUT"}, "description": {payload}})
	accepted("description", status)

	// As the name of an operator, and of a scope.
	status, body = w.send("", http.MethodPost, "/dashboard/login", url.Values{"operator": {payload}, "key": {dashboardKey}})
	accepted("operator", status)
	requireEscaped(w.t, body, payload)
	status, body = w.send("", http.MethodPost, "/dashboard/login", url.Values{"operator": {payload}}) // without the key
	require.Equal(w.t, http.StatusUnprocessableEntity, status)
	requireEscaped(w.t, body, payload)
	if number == 0 {
		w.createAccount(credstore.NewAccount{ID: "scopes0", Name: "scopes", Type: credstore.OAuth, Tokens: credstore.Tokens{
			Access: credstore.NewSecret("access"), Refresh: credstore.NewSecret("refresh"), Scopes: append([]string{"user:profile"}, markup...),
		}})
	}
}

// requireEscaped fails if an answer has a payload in it as markup.
func requireEscaped(t testing.TB, body, payload string) {
	t.Helper()
	if strings.ContainsAny(payload, `<"`) {
		require.NotContains(t, body, payload)
	}
}

func shorten(text string) string { return text[:min(60, len(text))] }

// readPages are all pages that are asked for with GET, and the fields of their
// addresses.
var readPages = map[string][]string{
	"/dashboard":                                {"x"},
	"/dashboard/login":                          {"next", "ended"},
	"/dashboard/accounts":                       {"q", "type", "status", "sort", "dir", "after", "before"},
	"/dashboard/accounts/new":                   {"account_name", "credential_type", "oauth_expires_at", "oauth_scopes", "oauth_scopes_other", "oauth_is_max"},
	"/dashboard/accounts/fields":                {"credential_type", "account_id"},
	"/dashboard/accounts/one/edit":              {"account_name", "credential_type", "oauth_expires_at", "oauth_scopes_other"},
	"/dashboard/trains":                         {"q", "status", "account", "sort", "dir", "after", "before"},
	"/dashboard/trains/new":                     {"train_id", "train_name", "description", "channel", "username", "icon_emoji"},
	"/dashboard/trains/project":                 {"after", "before"},
	"/dashboard/trains/project/edit":            {"train_name", "description"},
	"/dashboard/trains/project/slack":           {"channel", "username", "icon_emoji", "enabled"},
	"/dashboard/trains/project/accounts":        {"after", "before"},
	"/dashboard/trains/project/accounts/search": {"account_id"},
	"/dashboard/audit":                          {"actor", "action", "object", "id", "session", "since", "until", "after", "before"},
	"/dashboard/audit/export":                   {"format", "actor", "since"},
	"/dashboard/audit/verify":                   {"checkpoint"},
}

// Whatever is in an address is text in the page, and changes nothing.
func reflectedInjection(t *testing.T, w *world) {
	before := w.state()
	for path, fields := range readPages {
		for _, payload := range slices.Concat(markup, others) {
			all := url.Values{}
			queries := []url.Values{all}
			for _, field := range fields {
				if field == "after" || field == "before" || field == "format" { // of which a wrong one is not passed over
					queries = append(queries, url.Values{field: {payload}})
				} else {
					all.Set(field, payload)
				}
			}
			for _, query := range queries {
				status, body := w.send("Ann", http.MethodGet, path+"?"+query.Encode(), nil)
				require.Less(t, status, 500, "%s with %q", path, shorten(payload))
				if path != "/dashboard/audit/export" { // which says when it has been asked for too often
					require.NotEqual(t, http.StatusTooManyRequests, status)
				}
				requireEscaped(t, body, payload)
			}
		}
	}
	require.Equal(t, before, w.state())

	tab := w.open(nil)
	tab.Expect("answer 4")
	for path, fields := range readPages {
		if strings.HasSuffix(path, "/export") {
			continue // a file
		}
		query := url.Values{}
		for i, field := range fields { // all payloads together, each field beginning with another
			at := (7 * i) % len(markup)
			query.Set(field, strings.Join(slices.Concat(markup[at:], markup[:at]), " "))
		}
		tab.visit(path + "?" + query.Encode())
		tab.requireHarmless(path)
	}
}

// Ids that are none, and paths that try to leave theirs, lead nowhere.
func pathInjection(t *testing.T, w *world) {
	before := w.state()
	ids := []string{
		"..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%00", "one%00", "one%2f", "%2fone", "one%5c..", "%252e%252e", "%ff%fe", "one;x", "one%20", "%0d%0aSet-Cookie:x",
		"%3Cscript%3E", "'%20OR%201=1--", "*", "~", strings.Repeat("a", 5000), "%F0%9F%9A%82",
	}
	for _, id := range ids {
		for _, pattern := range []string{
			"GET /dashboard/accounts/ID", "GET /dashboard/accounts/ID/edit", "GET /dashboard/accounts/ID/delete", "PUT /dashboard/accounts/ID",
			"DELETE /dashboard/accounts/ID", "POST /dashboard/accounts/ID/reactivate", "POST /dashboard/accounts/ID/reveal",
			"GET /dashboard/trains/ID", "GET /dashboard/trains/ID/edit", "GET /dashboard/trains/ID/delete", "PUT /dashboard/trains/ID", "DELETE /dashboard/trains/ID",
			"GET /dashboard/trains/ID/accounts", "DELETE /dashboard/trains/project/accounts/ID", "POST /dashboard/trains/ID/accounts/default",
			"PUT /dashboard/trains/ID/accounts/order", "POST /dashboard/trains/project/accounts/ID/move", "GET /dashboard/trains/ID/slack", "PUT /dashboard/trains/ID/slack",
			"POST /dashboard/trains/ID/keys", "DELETE /dashboard/trains/project/keys/ID", "GET /dashboard/static/ID",
		} {
			method, path, _ := strings.Cut(strings.Replace(pattern, "ID", id, 1), " ")
			status, _ := w.send("Ann", method, path, url.Values{"account_name": {"stolen"}, "credential_type": {"api_key"}, "direction": {"up"}, "seen": {"one"}, "secret": {"api_key"}})
			require.Less(t, status, 500, "%s %s", method, shorten(path))
			require.NotEqual(t, http.StatusNoContent, status)
		}
	}
	require.Equal(t, before, w.state())
}
