package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/browser"
)

// An account is made with nothing but the page's test ids.
func createAccount(_ *testing.T, w *world, options *browser.Options) {
	name := w.name("test-account")
	tab := w.open(options)
	tab.visit("/dashboard/accounts/new")
	tab.Fill(id("account-name"), name)
	tab.Select(id("credential-type"), "api_key")
	tab.Fill(id("api-key"), secret("one"))
	tab.Click(id("submit"))
	tab.WaitText(id("account-list"), name)
	tab.requireNoSecret()
	w.requireAPIKey(name, secret("one"))
}

// From the login to the new account without a mouse.
func createAccountByKeyboard(t *testing.T, w *world, options *browser.Options) {
	name := w.name("by-keyboard")
	tab := w.openStranger(options)
	tab.visit("/dashboard/accounts")
	tab.requireFocus(id("operator"))
	tab.Type("Ann")
	tab.tabTo(id("key"))
	tab.Type(dashboardKey)
	tab.Press("Enter")
	tab.tabTo(id("new-account"))
	tab.Press("Enter")
	tab.requireFocus(id("account-name"))
	tab.Type(name)
	tab.tabTo(id("credential-type"))
	tab.Press("ArrowDown")
	tab.WaitFor(id("access-token"))
	tab.tabTo(id("access-token"))
	tab.Type(secret("access"))
	tab.tabTo(id("refresh-token"))
	tab.Type(secret("refresh"))
	tab.tabTo(id("scope-user:profile"))
	tab.Press("Space")
	tab.tabTo(id("is-max"))
	tab.Press("Space")
	tab.tabTo(id("submit"))
	tab.Press("Enter")
	tab.WaitText(id("account-list"), name)

	account := w.account(name)
	require.Equal(t, credstore.OAuth, account.Type)
	require.Equal(t, []string{"user:profile"}, account.Scopes)
	require.True(t, account.IsMax)
}

// The fields are those of the type, and say what is wrong with them.
func fillOAuthForm(t *testing.T, w *world, options *browser.Options) {
	taken, fresh := w.name("taken"), w.name("fresh")
	w.addAccounts(taken)
	tab := w.open(options)
	tab.visit("/dashboard/accounts/new")

	tab.Fill(id("account-name"), taken)
	tab.Press("Tab")
	tab.WaitText("#name-validation", "already")
	tab.Fill(id("account-name"), fresh)
	tab.Press("Tab")
	tab.WaitText("#name-validation", fresh+" is free")

	tab.Select(id("credential-type"), "oauth")
	tab.WaitFor(id("access-token"))
	tab.WaitGone(id("api-key"))
	tab.Select(id("credential-type"), "api_key")
	tab.WaitFor(id("api-key"))
	tab.WaitGone(id("access-token"))
	tab.Select(id("credential-type"), "oauth")
	tab.WaitFor(id("access-token"))

	tab.Fill(id("access-token"), secret("access"))
	require.Equal(t, "password", tab.Attr(id("access-token"), "type"))
	tab.Click(id("access-token-toggle"))
	require.Equal(t, "text", tab.Attr(id("access-token"), "type"))
	tab.Click(id("access-token-toggle"))
	require.Equal(t, "password", tab.Attr(id("access-token"), "type"))

	tab.Fill(id("expires-at"), "2031-02-03T04:05:06")
	tab.Click(id("scope-user:inference"))
	tab.Fill(id("scopes-other"), "b a")
	tab.Click(id("is-max"))
	tab.Click(id("submit")) // without the refresh token
	tab.WaitText("#oauth_refresh_token-help", "needed")
	tab.requireNoSecret()
	tab.requireFocus(id("refresh-token"))
	require.Empty(t, tab.Value(id("access-token")))
	require.Equal(t, fresh, tab.Value(id("account-name")))
	require.Equal(t, "2031-02-03T04:05:06", tab.Value(id("expires-at")))
	require.Equal(t, "b a", tab.Value(id("scopes-other")))
	require.True(t, tab.checked(id("scope-user:inference")))
	require.True(t, tab.checked(id("is-max")))

	tab.Fill(id("access-token"), secret("access"))
	tab.Fill(id("refresh-token"), secret("refresh"))
	tab.Click(id("submit"))
	tab.WaitText(id("account-list"), fresh)

	account := w.account(fresh)
	require.Equal(t, []string{"user:inference", "b", "a"}, account.Scopes)
	require.Equal(t, "2031-02-03T04:05:06Z", account.ExpiresAt.Format("2006-01-02T15:04:05Z07:00"))
	require.True(t, account.IsMax)
	w.requireTokens(fresh, secret("access"), secret("refresh"))
}

// Left blank, a secret stays; typed, it is replaced.
func rotate(t *testing.T, w *world, options *browser.Options) {
	one, renamed := w.name("one"), w.name("renamed")
	w.createAccount(credstore.NewAccount{ID: one, Name: one, Type: credstore.OAuth, Tokens: credstore.Tokens{
		Access: credstore.NewSecret(secret("access1")), Refresh: credstore.NewSecret(secret("refresh1")), Scopes: []string{"user:profile"},
	}})
	tab := w.open(options)
	tab.visit("/dashboard/accounts/" + one)
	tab.Click(id("edit"))
	tab.requireNoSecret()
	tab.Fill(id("account-name"), renamed)
	tab.Click(id("submit"))
	tab.WaitText(id("flash"), "saved.")
	w.requireTokens(renamed, secret("access1"), secret("refresh1"))

	tab.Click(id("edit"))
	tab.Fill(id("refresh-token"), secret("refresh2"))
	tab.Click(id("submit"))
	tab.WaitText(id("flash"), "with new secrets")
	w.requireTokens(renamed, secret("access1"), secret("refresh2"))
	tab.requireNoSecret()
	require.Equal(t, "account.create account.update account.rotate", w.actions(one))
}
