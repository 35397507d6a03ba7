package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/browser"
)

// Search, filters and sorting are in the address, and what the back button restores.
func TestAccountList(t *testing.T) {
	t.Parallel()
	w := startWorld(t, postgres)
	w.addAccounts("alpha", "beta")
	w.createAccount(credstore.NewAccount{ID: "gamma", Name: "gamma", Type: credstore.OAuth, Tokens: credstore.Tokens{
		Access: credstore.NewSecret(secret("access")), Refresh: credstore.NewSecret(secret("refresh")),
	}})
	require.NoError(t, w.store.DeactivateAccount(t.Context(), "beta", false))
	tab := w.open(nil)
	tab.visit("/dashboard/accounts")
	tab.requireRows("alpha", "beta", "gamma")

	tab.Press("/")
	tab.requireFocus(id("search"))
	tab.Type("GAM")
	tab.waitRows("gamma")
	require.Contains(t, tab.URL(), "q=GAM")
	tab.requireFocus(id("search"))

	deep := w.open(nil)
	deep.Go(tab.URL())
	deep.requireRows("gamma")
	require.Equal(t, "GAM", deep.Value(id("search")))
	deep.Fill(id("search"), "")
	deep.waitRows("alpha", "beta", "gamma")

	deep.Select(id("filter-status"), "deactivated")
	deep.waitRows("beta")
	deep.Select(id("filter-status"), "")
	deep.waitRows("alpha", "beta", "gamma")
	deep.Select(id("filter-type"), "api_key")
	deep.waitRows("alpha", "beta")
	deep.Fill(id("search"), "nobody")
	deep.WaitFor(id("no-match"))
	deep.Click(id("no-match") + " a")
	deep.requireRows("alpha", "beta", "gamma")
	deep.Click("thead th:first-child a")
	deep.requireRows("gamma", "beta", "alpha")
	require.Equal(t, "descending", deep.Attr("thead th:first-child", "aria-sort"))

	tab.Press("Backspace") // the answer comes while a click leaves the field, which is not lost
	tab.Click(".row-link")
	tab.requireAt("/dashboard/accounts/gamma")
	tab.Back()
	tab.waitRows("gamma")
	require.True(t, strings.HasPrefix(tab.Value(id("search")), "GA"))
	tab.Fill(id("search"), "")
	tab.waitRows("alpha", "beta", "gamma")
	tab.Back()
	tab.waitRows("gamma")
	require.Contains(t, tab.URL(), "q=GA")
}

func TestAccountListWithoutScript(t *testing.T) {
	t.Parallel()
	w := startWorld(t, sqlite)
	w.addAccounts("alpha", "beta")
	tab := w.open(&browser.Options{NoScript: true})
	tab.visit("/dashboard/accounts")
	tab.Fill(id("search"), "ALP")
	tab.Press("Enter")
	tab.requireRows("alpha")
	tab.Fill(id("search"), "")
	tab.Select(id("filter-type"), "oauth")
	tab.Click("form[role=search] button")
	tab.WaitFor(id("no-match"))
	tab.Back()
	tab.requireRows("alpha")
}

func TestPages(t *testing.T) {
	t.Parallel()
	w := startWorld(t, sqlite)
	names := make([]string, 120)
	for i := range names {
		names[i] = fmt.Sprintf("account-%03d", i)
	}
	w.addAccounts(names...)
	tab := w.open(&browser.Options{NoScript: true})
	tab.visit("/dashboard/accounts?dir=desc")
	first := tab.rows()
	require.Len(t, first, 50)
	require.Equal(t, "account-119", first[0])
	tab.Click(id("next-page"))
	second := tab.rows()
	require.Equal(t, "account-069", second[0])
	tab.Click(id("next-page"))
	require.Len(t, tab.rows(), 20)
	require.Zero(t, tab.Count(id("next-page")))
	tab.Click(id("prev-page"))
	require.Equal(t, second, tab.rows())
	tab.Click(id("prev-page"))
	require.Equal(t, first, tab.rows())
	require.Zero(t, tab.Count(id("prev-page")))
}

func TestTrainList(t *testing.T) {
	t.Parallel()
	w := startWorld(t, sqlite)
	w.addAccounts("one")
	w.addTrain("alpha", "one")
	w.addTrain("beta")
	require.NoError(t, w.store.DeactivateTrain(t.Context(), "beta"))
	tab := w.open(nil)
	tab.visit("/dashboard/trains")
	tab.requireRows("alpha", "beta")
	tab.Press("/")
	tab.Type("bet")
	tab.waitRows("beta")
	tab.eventually(func() bool { return strings.Contains(tab.URL(), "q=bet") }, "the search is not in the address")
	tab.Click(".row-link")
	tab.requireAt("/dashboard/trains/beta")
	tab.Back()
	tab.waitRows("beta")
	tab.Fill(id("search"), "")
	tab.waitRows("alpha", "beta")
	tab.Select(id("filter-status"), "active")
	tab.waitRows("alpha")
	tab.visit("/dashboard/trains?sort=name&dir=desc&account=one")
	tab.WaitText(id("account-filter"), "one")
	tab.requireRows("alpha")
}
