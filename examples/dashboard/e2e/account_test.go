package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/browser"
)

// A secret shows when somebody asks for it, which is recorded first, and goes when
// attention does.
func TestReveal(t *testing.T) {
	t.Parallel()
	w := startWorld(t, postgres)
	w.addAccount("one")
	tab := w.open(t, nil)
	reveals := 0
	reveal := func() {
		t.Helper()
		tab.Click(id("reveal"))
		tab.WaitFor(id("revealed-secret"))
		reveals++
		require.True(t, tab.Text(id("revealed-secret")) == secret("ofone"), "another secret is shown") //nolint:testifylint // it must not be printed
		tab.requireFocus("[data-revealed]")
		require.Len(t, w.actions(), 1+reveals)
		require.Equal(t, credstore.ActionAccountReveal, w.actions()[reveals])
	}
	hidden := func() {
		t.Helper()
		tab.WaitGone(id("revealed-secret"))
		tab.WaitFor(".mask")
		tab.WaitFor(id("reveal"))
		tab.requireNoSecret()
	}
	tab.visit("/dashboard/accounts/one")
	tab.requireNoSecret()
	browser.Eval[float64](tab.Tab, "clock = Date.now(), Date.now = () => clock, clock") // it stands still

	for name, away := range map[string]func(){
		"button": func() { tab.Click(id("hide")) },
		"Escape": func() { tab.Press("Escape") },
		"window": func() { browser.Eval[bool](tab.Tab, `window.dispatchEvent(new Event("blur"))`) },
		"focus":  func() { tab.tabTo("a") },
		"mouse":  func() { tab.Click("h1") },
		"30 s": func() {
			tab.RequireAccessible()
			browser.Eval[float64](tab.Tab, "clock += 29500")
			tab.WaitText("[data-countdown]", "1")
			browser.Eval[float64](tab.Tab, "clock += 500")
		},
	} {
		t.Log(name)
		reveal()
		away()
		hidden()
	}

	reveal()
	tab.visit("/dashboard/accounts")
	tab.Back()
	hidden()
}

// The header Refresh, which the handler's tests look at, hides it here.
func TestRevealWithoutScript(t *testing.T) {
	t.Parallel()
	w := startWorld(t, sqlite)
	w.addAccount("one")
	tab := w.open(t, &browser.Options{NoScript: true})
	tab.visit("/dashboard/accounts/one")
	tab.Click(id("reveal"))
	tab.WaitText(id("revealed-secret"), secret("ofone"))
	tab.RequireAccessible()
	tab.Click(".card p a")
	tab.requireAt("/dashboard/accounts/one")
	tab.requireNoSecret()
}

// No event, no secret.
func TestRevealThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	w := startWorld(t, sqlite)
	w.addAccount("one")
	tab := w.open(t, nil)
	tab.visit("/dashboard/accounts/one")
	w.exec(`CREATE TRIGGER full BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'full'); END`)
	tab.Click(id("reveal"))
	tab.WaitFor(id("problem"))
	tab.requireNoSecret()
	tab.WaitFor(".mask")
	tab.Expect("reveal") // the browser's own line about the answer of 500
}

func TestDeactivate(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"script": {}, "no script": {NoScript: true}, "phone": {Phone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, sqlite)
			w.addAccount("one")
			w.addAccount("two")
			w.addTrain("both", "one", "two")
			w.addTrain("only", "one")
			tab := w.open(t, &options)

			tab.visit("/dashboard/accounts/one")
			tab.Click(id("delete"))
			tab.WaitText(id("trains-in-use"), "both")
			tab.WaitText(id("trains-in-use"), "only")
			tab.RequireAccessible()
			if !options.NoScript {
				tab.WaitFor("dialog[open]")
				tab.Press("Escape")
				tab.WaitGone("dialog[open]")
				tab.requireFocus(id("delete"))
				tab.Click(id("delete"))
				tab.WaitFor("dialog[open]")
			}
			tab.Click(id("remove-mappings"))
			tab.Click(id("confirm-delete") + " " + id("submit"))
			tab.WaitText(id("flash"), "out of service")
			tab.requireAt("/dashboard/accounts")
			require.False(t, w.account("one").Active)
			require.Equal(t, []string{"two"}, w.mapped("both"))
			require.Equal(t, []string{"one"}, w.mapped("only"), "without any account it could use every one")

			tab.visit("/dashboard/accounts/one")
			tab.Click(id("reactivate"))
			tab.WaitText(id("flash"), "back in service")
			require.True(t, w.account("one").Active)
		})
	}
}

// Search, filters and sorting are in the address, and what the back button restores.
func TestAccountList(t *testing.T) {
	t.Parallel()
	w := startWorld(t, postgres)
	w.addAccount("alpha")
	w.addAccount("beta")
	w.createAccount(credstore.NewAccount{ID: "gamma", Name: "gamma", Type: credstore.OAuth, Tokens: credstore.Tokens{
		Access: credstore.NewSecret(secret("access")), Refresh: credstore.NewSecret(secret("refresh")),
	}})
	require.NoError(t, w.store.DeactivateAccount(t.Context(), "beta", false))
	tab := w.open(t, nil)
	tab.visit("/dashboard/accounts")
	tab.requireRows("alpha", "beta", "gamma")

	tab.Press("/")
	tab.requireFocus(id("search"))
	tab.Type("GAM")
	tab.waitRows("gamma")
	require.Contains(t, tab.URL(), "q=GAM")
	tab.requireFocus(id("search"))

	deep := w.open(t, nil)
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
	w.addAccount("alpha")
	w.addAccount("beta")
	tab := w.open(t, &browser.Options{NoScript: true})
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
	tab := w.open(t, &browser.Options{NoScript: true})
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

// Who saves second is told, and nothing is overwritten unseen.
func TestConcurrentEditOfAnAccount(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"script": {}, "no script": {NoScript: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, sqlite)
			w.addAccount("one")
			ann, bob := w.openAs(t, "Ann", &options), w.openAs(t, "Bob", &options)
			ann.visit("/dashboard/accounts/one/edit")
			bob.visit("/dashboard/accounts/one/edit")
			ann.Fill(id("account-name"), "name-of-ann")
			ann.Click(id("submit"))
			ann.WaitText(id("flash"), "saved")
			bob.Fill(id("account-name"), "name-of-bob")
			bob.Click(id("submit"))
			bob.WaitText(id("form-error"), "name-of-ann")
			require.Equal(t, "name-of-bob", bob.Value(id("account-name")))
			bob.RequireAccessible()
			w.account("name-of-ann")
			bob.Click(id("submit"))
			bob.WaitText(id("flash"), "saved")
			w.account("name-of-bob")
		})
	}
}
