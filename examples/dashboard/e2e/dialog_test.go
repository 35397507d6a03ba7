package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/browser"
)

// Whoever presses Enter twice has not confirmed anything: what asks back starts at Cancel.
func questionsStartAtCancel(t *testing.T, w *world, options *browser.Options) {
	one, project := w.name("one"), w.name("project")
	w.addAccounts(one)
	w.addTrain(project, one)
	_, err := w.store.AddClientKeys(t.Context(), project, credstore.NewSecret(secret("clientkey")))
	require.NoError(t, err)
	before := w.actions(one) + w.actions(project)
	tab := w.open(options)
	for _, question := range []struct{ page, opens, dialog string }{
		{"/dashboard/accounts/" + one, id("delete"), id("confirm-delete")},
		{"/dashboard/trains/" + project, id("delete"), id("confirm-delete")},
		{"/dashboard/trains/" + project, id("revoke-key"), id("confirm-revoke")},
	} {
		tab.visit(question.page)
		tab.tabTo(question.opens)
		tab.Press("Enter")
		tab.WaitFor("dialog[open] " + question.dialog)
		tab.requireFocus(id("cancel"))
		tab.Press("Enter")
		tab.WaitGone("dialog[open]")
		tab.requireFocus(question.opens)

		tab.Click(question.opens)
		tab.WaitFor("dialog[open] " + question.dialog)
		browser.Eval[any](tab.Tab, `document.elementFromPoint(5, 500).dispatchEvent(new MouseEvent("click", {bubbles: true, clientX: 5, clientY: 500}))`)
		tab.WaitGone("dialog[open]")
	}
	require.Equal(t, before, w.actions(one)+w.actions(project))
}
