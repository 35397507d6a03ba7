package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/browser"
)

// startMappings is a world with a train that maps one, two and three, in that order,
// and a tab that shows them.
func startMappings(t *testing.T, kind string, options *browser.Options) (*world, *tab) {
	t.Helper()
	w := startWorld(t, kind)
	w.addAccounts("one", "two", "three", "four")
	w.addTrain("project", "one", "two", "three")
	tab := w.open(t, options)
	tab.visit("/dashboard/trains/project/accounts")
	tab.requireOrder("one", "two", "three")
	return w, tab
}

// order are the mapped accounts as the page shows them.
func (b *tab) order() string {
	b.t.Helper()
	b.WaitFor("main")
	return strings.Join(browser.Eval[[]string](b.Tab, `[...document.querySelectorAll(".mapping-list .account-name")].map(e => e.textContent)`), " ")
}

// requireOrder waits for an order on the page, and requires it of the store and of the
// page anew.
func (b *tab) requireOrder(want ...string) {
	b.t.Helper()
	text := strings.Join(want, " ")
	b.eventually(func() bool { return b.order() == text }, "the page does not show "+text)
	b.eventually(func() bool { return strings.Join(b.w.mapped("project"), " ") == text }, "the store does not hold "+text)
	b.visit("/dashboard/trains/project/accounts")
	require.Equal(b.t, text, b.order())
}

// item is the selector of a part of a mapped account.
func item(account, part string) string { return "[data-account-id=" + account + "] " + part }

func TestReorderByDrag(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"mouse": {}, "finger": {Phone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, tab := startMappings(t, sqlite, &options)
			tab.Drag(item("three", id("drag-handle")), item("one", id("drag-handle")))
			tab.WaitText(id("mapping-status"), "Saved: three is now 1 of 3.")
			tab.requireOrder("three", "one", "two")
			tab.Drag(item("three", id("drag-handle")), item("one", id("drag-handle")))
			tab.WaitText(id("mapping-status"), "Saved: three is now 2 of 3.")
			tab.requireOrder("one", "three", "two")
		})
	}
}

// What is thrown lands where it was let go, however fast.
func TestReorderByThrow(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"mouse": {Motion: true}, "finger": {Phone: true, Motion: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, sqlite)
			w.addAccounts("one", "two", "three", "four", "five", "six")
			w.addTrain("project", "one", "two", "three", "four", "five", "six")
			tab := w.open(t, &options)
			tab.visit("/dashboard/trains/project/accounts")
			tab.Throw(item("one", id("drag-handle")), item("five", id("drag-handle")))
			tab.WaitText(id("mapping-status"), "Saved: one is now 5 of 6.")
			tab.requireOrder("two", "three", "four", "five", "one", "six")
			tab.Throw(item("six", id("drag-handle")), item("two", id("drag-handle")))
			tab.WaitText(id("mapping-status"), "Saved: six is now 1 of 6.")
			tab.requireOrder("six", "two", "three", "four", "five", "one")
		})
	}
}

func TestCancelledDragSavesNothing(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"mouse": {}, "finger": {Phone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, tab := startMappings(t, sqlite, &options)
			before := w.actions()
			tab.DragAndCancel(item("one", id("drag-handle")), item("three", id("drag-handle")))
			tab.eventually(func() bool { return tab.order() == "one two three" }, "the order does not come back")
			tab.Click(item("three", id("move-up"))) // the page can still be used
			tab.requireOrder("one", "three", "two")
			require.Len(t, w.actions(), len(before)+1)
		})
	}
}

func TestReorderByKeyboard(t *testing.T) {
	t.Parallel()
	w, tab := startMappings(t, postgres, nil)
	tab.tabTo(item("one", id("drag-handle")))
	tab.Press("ArrowDown")
	tab.WaitText(id("mapping-status"), "Saved: one is now 2 of 3.")
	tab.requireFocus(item("one", id("drag-handle")))
	tab.Press("ArrowDown")
	tab.WaitText(id("mapping-status"), "Saved: one is now 3 of 3.")
	tab.requireFocus(item("one", id("drag-handle")))
	tab.Press("ArrowDown") // it stays at the end
	tab.RequireAccessible()
	tab.requireOrder("two", "three", "one")
	tab.tabTo(item("three", id("move-up")))
	tab.Press("Space")
	tab.WaitText(id("mapping-status"), "Saved: three is now 1 of 3.")
	tab.requireOrder("three", "two", "one")
	require.Equal(t, 3, strings.Count(join(w.actions()), string(credstore.ActionMappingReorder)))
}

// Many moves, faster than the answers come, are all made.
func TestReorderInHaste(t *testing.T) {
	t.Parallel()
	_, tab := startMappings(t, sqlite, nil)
	tab.tabTo(item("one", id("drag-handle")))
	tab.Press("ArrowDown", "ArrowDown", "ArrowUp", "ArrowDown")
	tab.requireOrder("two", "three", "one")
}

// Everything about mappings but dragging.
func TestMappings(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"script": {}, "no script": {NoScript: true}, "phone": {Phone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, tab := startMappings(t, sqlite, &options)
			tab.Click(item("one", id("move-down")))
			tab.requireOrder("two", "one", "three")
			tab.Click(item("three", id("move-up")))
			tab.requireOrder("two", "three", "one")

			tab.Select(id("account-id"), "four")
			tab.Click(id("add-account"))
			tab.requireOrder("two", "three", "one", "four")

			tab.Click(item("four", id("make-default")))
			tab.WaitFor(item("four", id("default-badge")))
			tab.WaitText(id("tried-first"), "four")
			tab.RequireAccessible()
			require.Equal(t, []string{"four"}, w.rows("SELECT default_account_id FROM trains"))
			tab.Click(item("four", id("no-default")))
			tab.WaitGone(id("default-badge"))

			tab.Click(id("reset-order"))
			tab.requireOrder("four", "one", "three", "two")
			require.Equal(t, []string{"0", "0", "0", "0"}, w.rows("SELECT priority FROM train_account_mappings"))

			tab.Click(item("four", id("remove-account")))
			tab.requireOrder("one", "three", "two")
			tab.Click(item("one", id("remove-account")))
			tab.requireOrder("three", "two")
			tab.Click(item("three", id("remove-account")))
			tab.requireOrder("two")
			// Without the last one it could use every account: that takes a second click.
			tab.Click(id("confirm-widen") + " summary")
			tab.Click(item("two", id("remove-account")))
			tab.WaitFor(id("unrestricted"))
			tab.WaitFor(id("no-mappings"))
			tab.RequireAccessible()
			require.Empty(t, w.mapped("project"))
		})
	}
}

// Two operators who reorder at once do not overwrite each other unseen.
func TestConcurrentReorder(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"script": {}, "no script": {NoScript: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, ann := startMappings(t, sqlite, &options)
			bob := w.openAs(t, "Bob", &options)
			bob.visit("/dashboard/trains/project/accounts")
			ann.Click(item("two", id("move-up")))
			ann.requireOrder("two", "one", "three")

			bob.Click(item("three", id("move-up")))
			bob.WaitText(id("mapping-problem"), "Somebody else")
			bob.RequireAccessible()
			require.Equal(t, "two one three", bob.order(), "what is stored now")
			require.Equal(t, []string{"two", "one", "three"}, w.mapped("project"))
			bob.Click(item("three", id("move-up")))
			bob.requireOrder("two", "three", "one")
		})
	}
}
