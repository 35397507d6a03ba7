package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/browser"
)

// A secret shows when somebody asks for it, which is recorded first, and goes when
// attention does.
func reveal(t *testing.T, w *world, options *browser.Options) {
	one, recorded := w.name("one"), "account.create"
	w.addAccounts(one)
	tab := w.open(options)
	reveal := func() {
		t.Helper()
		tab.Click(id("reveal"))
		tab.WaitFor(id("revealed-secret"))
		recorded += " account.reveal"
		require.True(t, tab.Text(id("revealed-secret")) == secret("stored"), "another secret is shown") //nolint:testifylint // it must not be printed
		tab.requireFocus("[data-revealed]")
		require.Equal(t, recorded, w.actions(one))
	}
	hidden := func() {
		t.Helper()
		tab.WaitGone(id("revealed-secret"))
		tab.WaitFor(".mask")
		tab.WaitFor(id("reveal"))
		tab.requireNoSecret()
	}
	tab.visit("/dashboard/accounts/" + one)
	tab.requireNoSecret()
	browser.Eval[float64](tab.Tab, "clock = Date.now(), Date.now = () => clock, clock") // it stands still

	for _, away := range map[string]func(){
		"button": func() { tab.Click(id("hide")) },
		"Escape": func() { tab.Press("Escape") },
		"window": func() { browser.Eval[bool](tab.Tab, `window.dispatchEvent(new Event("blur"))`) },
		"focus":  func() { tab.tabTo("a") },
		"mouse":  func() { tab.Click("h1") },
		"30 s": func() {
			browser.Eval[float64](tab.Tab, "clock += 29500")
			tab.WaitText("[data-countdown]", "1")
			browser.Eval[float64](tab.Tab, "clock += 500")
		},
	} {
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
func revealWithoutScript(_ *testing.T, w *world, options *browser.Options) {
	one := w.name("one")
	w.addAccounts(one)
	tab := w.open(options)
	tab.visit("/dashboard/accounts/" + one)
	tab.Click(id("reveal"))
	tab.WaitText(id("revealed-secret"), secret("stored"))
	tab.RequireAccessible()
	tab.Click(".card p a")
	tab.requireAt("/dashboard/accounts/" + one)
	tab.requireNoSecret()
}

// No event, no secret.
func TestRevealThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	w := startWorld(t, sqlite)
	w.addAccounts("one")
	tab := w.open(nil)
	tab.visit("/dashboard/accounts/one")
	w.exec(`CREATE TRIGGER full BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'full'); END`)
	tab.Click(id("reveal"))
	tab.WaitFor(id("problem"))
	tab.requireNoSecret()
	tab.WaitFor(".mask")
	tab.Expect("reveal") // the browser's own line about the answer of 500
}

func deactivateAccount(t *testing.T, w *world, options *browser.Options) {
	one, two, both, only := w.name("one"), w.name("two"), w.name("both"), w.name("only")
	w.addAccounts(one, two)
	w.addTrain(both, one, two)
	w.addTrain(only, one)
	tab := w.open(options)

	tab.visit("/dashboard/accounts/" + one)
	tab.Click(id("delete"))
	tab.WaitText(id("trains-in-use"), both)
	tab.WaitText(id("trains-in-use"), only)
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
	require.False(t, w.account(one).Active)
	require.Equal(t, []string{two}, w.mapped(both))
	require.Equal(t, []string{one}, w.mapped(only), "without any account it could use every one")

	tab.visit("/dashboard/accounts/" + one)
	tab.Click(id("reactivate"))
	tab.WaitText(id("flash"), "back in service")
	require.True(t, w.account(one).Active)
}

// Who saves second is told, and nothing is overwritten unseen.
func editAccountAtOnce(t *testing.T, w *world, options *browser.Options) {
	one := w.name("one")
	w.addAccounts(one)
	ann, bob := w.open(options), w.openAs("Bob", options)
	ann.visit("/dashboard/accounts/" + one + "/edit")
	bob.visit("/dashboard/accounts/" + one + "/edit")
	ann.Fill(id("account-name"), w.name("of-ann"))
	ann.Click(id("submit"))
	ann.WaitText(id("flash"), "saved")
	bob.Fill(id("account-name"), w.name("of-bob"))
	bob.Click(id("submit"))
	bob.WaitText(id("form-error"), w.name("of-ann"))
	require.Equal(t, w.name("of-bob"), bob.Value(id("account-name")))
	bob.RequireAccessible()
	w.account(w.name("of-ann"))
	bob.Click(id("submit"))
	bob.WaitText(id("flash"), "saved")
	w.account(w.name("of-bob"))
}
