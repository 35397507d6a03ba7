package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/browser"
)

func logInAndOut(t *testing.T, w *world, options *browser.Options) {
	one := w.name("one")
	w.addAccounts(one)
	tab := w.openStranger(options)
	tab.visit("/dashboard/accounts/" + one + "?from=a+bookmark")
	tab.requireAt("/dashboard/login")

	tab.Fill(id("operator"), "Ann")
	tab.Fill(id("key"), secret("wrong"))
	tab.Click(id("submit"))
	tab.WaitText("#key-help", "not the dashboard key")
	tab.requireNoSecret()
	require.Equal(t, "Ann", tab.Value(id("operator")))
	tab.requireFocus(id("key"))

	tab.Fill(id("key"), dashboardKey)
	tab.Click(id("submit"))
	tab.requireAt("/dashboard/accounts/" + one)
	require.Contains(t, tab.URL(), "from=a+bookmark")
	tab.WaitText("header", "Ann")

	tab.Click("summary")
	tab.Click(id("logout"))
	tab.requireAt("/dashboard/login")
	tab.visit("/dashboard")
	tab.requireAt("/dashboard/login")
}

// A session that ends in the middle of a form costs a login, and not what was typed.
func sessionEndsInForm(t *testing.T, w *world, options *browser.Options) {
	one, operator, typed := w.name("one"), w.name("Ann"), w.name("typed-before")
	w.addAccounts(one)
	tab := w.openAs(operator, options)
	for _, path := range []string{"/dashboard/accounts/new", "/dashboard/accounts/" + one + "/edit"} {
		tab.visit(path)
		status, _ := w.send(operator, http.MethodPost, "/dashboard/logout/all", nil)
		require.Equal(t, http.StatusSeeOther, status)
		tab.Fill(id("account-name"), typed)
		tab.Fill(id("api-key"), secret("typed"))
		if !options.NoScript {
			tab.WaitText("#name-validation", "Your session has ended")
		}
		tab.Click(id("submit"))
		tab.WaitFor(id("session-ended"))
		tab.requireNoSecret()
		tab.RequireAccessible()
		require.NotContains(t, tab.URL(), canary)
		require.Empty(t, w.rows("SELECT account_id FROM accounts WHERE account_name = '"+typed+"'"))

		tab.Fill(id("operator"), operator)
		tab.Fill(id("key"), dashboardKey)
		tab.Click(id("submit"))
		tab.requireAt(path)
		require.Equal(t, typed, tab.Value(id("account-name")))
		require.Empty(t, tab.Value(id("api-key")))
	}
	tab.Fill(id("api-key"), secret("again"))
	tab.Click(id("submit"))
	tab.WaitText(id("flash"), typed+" saved")
	w.requireAPIKey(typed, secret("again"))
}

// The same for the forms of a train.
func sessionEndsInTrainForms(t *testing.T, w *world, options *browser.Options) {
	project, operator := w.name("project"), w.name("Ann")
	tab := w.openAs(operator, options)
	submit := func(path string) {
		t.Helper()
		status, _ := w.send(operator, http.MethodPost, "/dashboard/logout/all", nil)
		require.Equal(t, http.StatusSeeOther, status)
		tab.Click(id("submit"))
		tab.WaitFor(id("session-ended"))
		tab.requireNoSecret()
		require.NotContains(t, tab.URL(), canary)
		tab.Fill(id("operator"), operator)
		tab.Fill(id("key"), dashboardKey)
		tab.Click(id("submit"))
		tab.requireAt(path)
		tab.requireNoSecret()
	}
	tab.visit("/dashboard/trains/new")
	tab.Fill(id("train-id"), project)
	tab.Fill(id("description"), "two\nlines & <more>")
	tab.Fill(id("client-api-keys"), secret("key"))
	tab.Fill(id("webhook-url"), "https://hooks.example/"+secret("hook"))
	tab.Fill(id("channel"), "#alerts")
	submit("/dashboard/trains/new")
	require.Equal(t, project, tab.Value(id("train-id")))
	require.Equal(t, "two\nlines & <more>", tab.Value(id("description")))
	require.Equal(t, "#alerts", tab.Value(id("channel")))
	require.Empty(t, tab.Value(id("client-api-keys"))+tab.Value(id("webhook-url")))
	tab.Fill(id("webhook-url"), "https://hooks.example/"+secret("hook"))
	tab.Click(id("submit"))
	tab.WaitText(id("train-list"), project)

	tab.visit("/dashboard/trains/" + project + "/slack")
	tab.Fill(id("webhook-url"), "https://hooks.example/"+secret("hook"))
	tab.Fill(id("username"), "Signalbox")
	tab.Click(id("enabled")) // off
	submit("/dashboard/trains/" + project + "/slack")
	require.Equal(t, "Signalbox", tab.Value(id("username")))
	require.False(t, tab.checked(id("enabled")))
	require.Empty(t, tab.Value(id("webhook-url")))
}

// The colours are those of the system, or as chosen, which this browser remembers.
func chooseTheme(t *testing.T, w *world, _ *browser.Options) {
	tab := w.openStranger(&browser.Options{Dark: true})
	isDark := func() bool {
		return browser.Eval[bool](tab.Tab, `getComputedStyle(document.body).backgroundColor === "rgb(15, 20, 19)"`)
	}
	tab.visit("/dashboard/login")
	require.True(t, isDark())
	tab.Fill(id("operator"), "Ann")
	tab.Fill(id("key"), dashboardKey)
	tab.Press("Enter")
	tab.requireAt("/dashboard")
	tab.Click("summary")
	tab.Click("[data-theme-toggle]")
	tab.WaitText("[data-theme-name]", "light")
	require.False(t, isDark())
	tab.visit("/dashboard/accounts")
	require.False(t, isDark())
	tab.Press("Escape")
	tab.Click("summary")
	tab.Click("[data-theme-toggle]")
	tab.WaitText("[data-theme-name]", "dark")
	require.True(t, isDark())
}
