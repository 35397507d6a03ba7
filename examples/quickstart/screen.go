package main

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/http"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/examples/proxy/server"
)

// printHow says what is happening, and what to type.
func (a *app) printHow(ctx context.Context) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(a.out, format+"\n", args...) }
	say("")
	say("Proxy  http://%s", a.proxy)
	say("Page   http://%s", a.page.Addr())
	say("")
	if a.demo {
		say("DEMO: there is no account of yours, so requests go to a stand-in on this machine, not to the real API. Try:")
		say("")
		say("%s", a.curl(demoName, a.key))
	} else {
		say("REAL: requests go to %s, and are paid for by your accounts (%d active). Try, with a train and a client key of yours:", a.target(), a.count(ctx))
		say("")
		say("%s", a.curl("TRAIN", "CLIENT_KEY"))
	}
	say("")
	say("To bring accounts and trains from credential files into this database, in another terminal; then start again:")
	say("")
	say("  DATABASE_URL=sqlite:%s CREDENTIAL_ENCRYPTION_KEY=\"$(cat %s)\" go run ./examples/migrate import", a.files.database, a.files.key)
	say("")
	say("Ctrl-C stops it.")
	say("")
}

func (a *app) curl(train, key string) string {
	return fmt.Sprintf(`  curl -sS http://%s/v1/messages \
    -H 'MSL-Train-Id: %s' -H 'Authorization: Bearer %s' -H 'content-type: application/json' \
    -d '{"model":"claude-sonnet-4-5","max_tokens":64,"messages":[{"role":"user","content":"Hello"}]}'`, a.proxy, train, key)
}

// target is where requests go; the proxy has checked it by now.
func (a *app) target() string {
	return cmp.Or(a.getenv("CLAUDE_API_BASE_URL"), server.DefaultBaseURL)
}

// count is the number of active accounts; the screen can do without it.
func (a *app) count(ctx context.Context) int {
	active := true
	n, _ := a.store.CountAccounts(ctx, credstore.AccountFilter{Active: &active})
	return n
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Signalbox</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
  strong { padding: .1rem .5rem; border: 1px solid; border-radius: .25rem; }
</style>
<h1>Signalbox</h1>
{{if .Demo}}
<p><strong>Demo</strong> There is no account of yours, so requests go to a stand-in on this machine, not to the real API.
<p>The <code>curl</code> in the terminal answers at once.
{{else}}
<p><strong>Real</strong> Requests go to the real API, and are paid for by your accounts.
{{end}}
<p>Proxy: <code>http://{{.Proxy}}</code>. Active accounts: {{.Accounts}}. Active trains: {{.Trains}}.
</html>
`))

// servePage shows what is there. It names no secret, and does nothing.
func (a *app) servePage(w http.ResponseWriter, r *http.Request) {
	active := true
	trains, err := a.store.CountTrains(r.Context(), credstore.TrainFilter{Active: &active})
	if err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	_ = page.Execute(w, map[string]any{
		"Demo": a.demo, "Proxy": a.proxy, "Accounts": a.count(r.Context()), "Trains": trains,
	})
}
