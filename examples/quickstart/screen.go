package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/signalbox-go/signalbox/credstore"
	proxy "github.com/signalbox-go/signalbox/examples/proxy/server"
)

// printHow says what is happening, and what to type.
func (a *app) printHow(ctx context.Context) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(a.out, format+"\n", args...) }
	say("")
	say("Proxy      http://%s", a.proxy)
	say("Dashboard  http://%s/dashboard  (log in with the key: %s)", a.dashboard, a.keyPlace())
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
	say("Add accounts and trains in the dashboard, or bring them from credential files, in another terminal; then start again:")
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

// keyPlace is where the dashboard's key is.
func (a *app) keyPlace() string {
	if a.madeKey {
		return "cat " + a.files.dashboardKey
	}
	return "your DASHBOARD_API_KEY"
}

// target is where requests go; the proxy has checked it by now.
func (a *app) target() string {
	return cmp.Or(a.getenv("CLAUDE_API_BASE_URL"), proxy.DefaultBaseURL)
}

// count is the number of active accounts; the screen can do without it.
func (a *app) count(ctx context.Context) int {
	active := true
	n, _ := a.store.CountAccounts(ctx, credstore.AccountFilter{Active: &active})
	return n
}
