package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/browser"
)

// A row opens by a click on any of its cells.
func openRowByAnyCell(_ *testing.T, w *world, options *browser.Options) {
	one := w.name("one")
	w.addAccounts(one)
	tab := w.open(options)
	for _, cell := range []string{"th", "td:nth-child(2)", "td:nth-child(4)", "td:last-child"} {
		tab.visit("/dashboard/accounts?q=" + one)
		if options.NoScript { // the link lies over the row
			cell = ".row-link"
		}
		tab.Click(id("account-row") + " " + cell)
		tab.requireAt("/dashboard/accounts/" + one)
	}
}

// However long names are, what is beside them keeps its place, and no page gets wider than
// its window.
func TestLongNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long-name-", 25) + "abcde"
	w := startWorld(t, sqlite)
	w.addAccounts(long, "short")
	w.addTrain("project-with-an-id", long, "short")
	_, err := w.store.CreateTrain(t.Context(), credstore.NewTrain{ID: long, Name: strings.Repeat("A long name ", 21)})
	require.NoError(t, err)
	tab := w.open(nil)
	for _, path := range []string{"", "/accounts", "/accounts/" + long, "/accounts/" + long + "/edit", "/accounts/" + long + "/delete", "/trains", "/trains/" + long, "/trains/project-with-an-id", "/trains/project-with-an-id/accounts", "/trains/" + long + "/slack", "/audit", "/audit/verify"} {
		tab.visit("/dashboard" + path)
		for _, width := range []int{1280, 390} {
			tab.Resize(width, 844)
			require.True(t, browser.Eval[bool](tab.Tab, "document.documentElement.scrollWidth <= innerWidth"), path)
			require.LessOrEqual(t, browser.Eval[float64](tab.Tab, `Math.max(0, ...[...document.querySelectorAll("tbody th, .account-item .account-name")].map(e => e.getBoundingClientRect().height))`), 64.0, path)
		}
	}
}
