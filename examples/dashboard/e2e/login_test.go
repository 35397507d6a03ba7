package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/browser"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"script": {}, "no script": {NoScript: true}, "phone": {Phone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, sqlite)
			w.addAccount("one")
			tab := w.openStranger(t, &options)
			tab.visit("/dashboard/accounts/one?from=a+bookmark")
			tab.requireAt("/dashboard/login")
			tab.RequireAccessible()

			tab.Fill(id("operator"), "Ann")
			tab.Fill(id("key"), secret("wrong"))
			tab.Click(id("submit"))
			tab.WaitText("#key-help", "not the dashboard key")
			tab.requireNoSecret()
			tab.RequireAccessible()
			require.Equal(t, "Ann", tab.Value(id("operator")))

			tab.Fill(id("key"), dashboardKey)
			tab.Click(id("submit"))
			tab.requireAt("/dashboard/accounts/one")
			require.Contains(t, tab.URL(), "from=a+bookmark")
			tab.WaitText("header", "Ann")

			tab.Click("summary")
			tab.Click(id("logout"))
			tab.requireAt("/dashboard/login")
			tab.visit("/dashboard")
			tab.requireAt("/dashboard/login")
		})
	}
}

// A session that ends in the middle of a form costs a login, and not what was typed.
func TestSessionEndsInAForm(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"script": {}, "no script": {NoScript: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, postgres)
			w.addAccount("one")
			tab := w.open(t, &options)
			for _, path := range []string{"/dashboard/accounts/new", "/dashboard/accounts/one/edit"} {
				tab.visit(path)
				w.exec("DELETE FROM dashboard_sessions")
				tab.Fill(id("account-name"), "typed-before")
				tab.Fill(id("api-key"), secret("typed"))
				if !options.NoScript {
					tab.WaitText("#name-validation", "Your session has ended")
				}
				tab.Click(id("submit"))
				tab.WaitFor(id("session-ended"))
				tab.requireNoSecret()
				tab.RequireAccessible()
				require.NotContains(t, tab.URL(), canary)
				require.Empty(t, w.rows("SELECT account_id FROM accounts WHERE account_name = 'typed-before'"))

				tab.Fill(id("operator"), "Ann")
				tab.Fill(id("key"), dashboardKey)
				tab.Click(id("submit"))
				tab.requireAt(path)
				require.Equal(t, "typed-before", tab.Value(id("account-name")))
				require.Empty(t, tab.Value(id("api-key")))
			}
			tab.Fill(id("api-key"), secret("again"))
			tab.Click(id("submit"))
			tab.WaitText(id("flash"), "typed-before saved")
			w.requireAPIKey("typed-before", secret("again"))
		})
	}
}
