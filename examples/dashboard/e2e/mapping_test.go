package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/browser"
	"github.com/signalbox-go/signalbox/selection"
)

// A mappingTab shows the accounts of a train of its own.
type mappingTab struct {
	*tab
	train string
}

// mappingWorld makes a train that maps one, two and three, in that order, and opens a
// tab that shows it. four is not mapped.
func (w *world) openMappings(options *browser.Options) *mappingTab {
	w.t.Helper()
	opened := &mappingTab{w.open(options), w.name("project")}
	w.addAccounts(w.name("one"), w.name("two"), w.name("three"), w.name("four"))
	w.addTrain(opened.train, w.name("one"), w.name("two"), w.name("three"))
	opened.show()
	opened.requireOrder("one", "two", "three")
	return opened
}

func (b *mappingTab) show() {
	b.t.Helper()
	b.visit("/dashboard/trains/" + b.train + "/accounts")
}

// order are the mapped accounts as the page shows them.
func (b *mappingTab) order() string {
	b.t.Helper()
	b.WaitFor("main")
	names := browser.Eval[[]string](b.Tab, `[...document.querySelectorAll(".mapping-list .account-name")].map(e => e.textContent)`)
	return strings.ReplaceAll(strings.Join(names, " "), b.w.own, "")
}

// stored are the mapped accounts in the store.
func (b *mappingTab) stored() string {
	b.t.Helper()
	return strings.ReplaceAll(strings.Join(b.w.mapped(b.train), " "), b.w.own, "")
}

// requireOrder waits for an order on the page and in the store.
func (b *mappingTab) requireOrder(want ...string) {
	b.t.Helper()
	text := strings.Join(want, " ")
	b.eventually(func() bool { return b.order() == text }, "the page does not show "+text)
	b.eventually(func() bool { return b.stored() == text }, "the store does not hold "+text)
}

// requireTied waits until accounts of one priority, given by name, are shown in the order
// in which they are tried.
func (b *mappingTab) requireTied(stored ...string) {
	b.t.Helper()
	short, names := make(map[string]string), make([]string, len(stored))
	for i, account := range stored {
		names[i] = b.w.name(account)
		short[names[i]] = account
	}
	var shown []string
	for _, name := range selection.Rank(b.train, names) {
		shown = append(shown, short[name])
	}
	b.eventually(func() bool { return b.order() == strings.Join(shown, " ") }, "the page does not show "+strings.Join(shown, " "))
	b.eventually(func() bool { return b.stored() == strings.Join(stored, " ") }, "the store does not hold "+strings.Join(stored, " "))
}

// item is the selector of a part of a mapped account.
func (b *mappingTab) item(account, part string) string {
	return "[data-account-id=" + b.w.name(account) + "] " + id(part)
}

// waitSaved waits until the page says that an account was moved to a place.
func (b *mappingTab) waitSaved(account, place string) {
	b.t.Helper()
	b.WaitText(id("mapping-status"), "Saved: "+b.w.name(account)+" is now "+place+".")
}

func reorderByDrag(t *testing.T, w *world, options *browser.Options) {
	tab := w.openMappings(options)
	tab.Drag(tab.item("three", "drag-handle"), tab.item("one", "drag-handle"))
	tab.waitSaved("three", "1 of 3")
	tab.requireOrder("three", "one", "two")
	tab.Drag(tab.item("three", "drag-handle"), tab.item("one", "drag-handle"))
	tab.waitSaved("three", "2 of 3")
	tab.requireOrder("one", "three", "two")
	tab.show()
	tab.requireOrder("one", "three", "two")
}

// What is thrown lands where it was let go, however fast.
func reorderByThrow(_ *testing.T, w *world, options *browser.Options) {
	options.Motion = true
	tab := &mappingTab{w.openAs("Ann", options), w.name("project")}
	var accounts []string
	for _, number := range []string{"one", "two", "three", "four", "five", "six"} {
		accounts = append(accounts, w.name(number))
	}
	w.addAccounts(accounts...)
	w.addTrain(tab.train, accounts...)
	tab.show()
	tab.Throw(tab.item("one", "drag-handle"), tab.item("five", "drag-handle"))
	tab.waitSaved("one", "5 of 6")
	tab.requireOrder("two", "three", "four", "five", "one", "six")
	tab.Throw(tab.item("six", "drag-handle"), tab.item("two", "drag-handle"))
	tab.waitSaved("six", "1 of 6")
	tab.requireOrder("six", "two", "three", "four", "five", "one")
}

// A drag that is taken back saves nothing.
func cancelDrag(t *testing.T, w *world, options *browser.Options) {
	tab := w.openMappings(options)
	tab.DragAndCancel(tab.item("one", "drag-handle"), tab.item("three", "drag-handle"))
	tab.eventually(func() bool { return tab.order() == "one two three" }, "the order does not come back")
	tab.Click(tab.item("three", "move-up")) // the page can still be used
	tab.requireOrder("one", "three", "two")
	require.Equal(t, 1, strings.Count(w.actions(tab.train), "mapping.reorder"))
}

func reorderByKeyboard(t *testing.T, w *world, options *browser.Options) {
	tab := w.openMappings(options)
	tab.tabTo(tab.item("one", "drag-handle"))
	tab.Press("ArrowDown")
	tab.waitSaved("one", "2 of 3")
	tab.requireFocus(tab.item("one", "drag-handle"))
	tab.Press("ArrowDown")
	tab.waitSaved("one", "3 of 3")
	tab.requireFocus(tab.item("one", "drag-handle"))
	tab.Press("ArrowDown") // it stays at the end
	tab.RequireAccessible()
	tab.requireOrder("two", "three", "one")
	tab.tabTo(tab.item("three", "move-up"))
	tab.Press("Space")
	tab.waitSaved("three", "1 of 3")
	tab.requireOrder("three", "two", "one")
	require.Equal(t, 3, strings.Count(w.actions(tab.train), "mapping.reorder"))
}

// Many moves, faster than the answers come, are all made.
func reorderInHaste(t *testing.T, w *world, options *browser.Options) {
	tab := w.openMappings(options)
	tab.tabTo(tab.item("one", "drag-handle"))
	tab.Press("ArrowDown", "ArrowDown", "ArrowUp", "ArrowDown")
	tab.requireOrder("two", "three", "one")
}

// Everything about mappings but dragging.
func manageMappings(t *testing.T, w *world, options *browser.Options) {
	tab := w.openMappings(options)
	tab.Click(tab.item("one", "move-down"))
	tab.requireOrder("two", "one", "three")
	tab.Click(tab.item("three", "move-up"))
	tab.requireOrder("two", "three", "one")

	tab.Select(id("account-id"), w.name("four"))
	tab.Click(id("add-account"))
	tab.requireOrder("two", "three", "one", "four")

	tab.Click(tab.item("four", "make-default"))
	tab.WaitFor(tab.item("four", "default-badge"))
	tab.WaitText(id("tried-first"), w.name("four"))
	tab.RequireAccessible()
	require.Equal(t, []string{w.name("four")}, w.rows("SELECT default_account_id FROM trains WHERE train_id = '"+tab.train+"'"))
	tab.Click(tab.item("four", "no-default"))
	tab.WaitGone(id("default-badge"))

	tab.Click(id("reset-order"))
	tab.requireTied("four", "one", "three", "two")
	require.Equal(t, []string{"0", "0", "0", "0"}, w.rows("SELECT priority FROM train_account_mappings WHERE train_id = '"+tab.train+"'"))

	tab.Click(tab.item("four", "remove-account"))
	tab.requireTied("one", "three", "two")
	tab.Click(tab.item("one", "remove-account"))
	tab.requireTied("three", "two")
	tab.Click(tab.item("three", "remove-account"))
	tab.requireOrder("two")
	// Without the last one it could use every account: that takes a second click.
	tab.Click(id("confirm-widen") + " summary")
	tab.Click(tab.item("two", "remove-account"))
	tab.WaitFor(id("unrestricted"))
	tab.WaitFor(id("no-mappings"))
	tab.RequireAccessible()
	require.Empty(t, tab.stored())
}

// Two operators who reorder at once do not overwrite each other unseen.
func reorderAtOnce(t *testing.T, w *world, options *browser.Options) {
	ann := w.openMappings(options)
	bob := &mappingTab{w.openAs("Bob", options), ann.train}
	bob.show()
	ann.Click(ann.item("two", "move-up"))
	ann.requireOrder("two", "one", "three")

	bob.Click(bob.item("three", "move-up"))
	bob.WaitText(id("mapping-problem"), "Somebody else")
	bob.RequireAccessible()
	require.Equal(t, "two one three", bob.order(), "what is stored now")
	require.Equal(t, "two one three", bob.stored())
	bob.Click(bob.item("three", "move-up"))
	bob.requireOrder("two", "three", "one")
}
