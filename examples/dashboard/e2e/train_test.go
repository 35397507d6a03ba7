package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/browser"
)

// A failed form keeps what was typed, but for secrets.
func createTrain(t *testing.T, w *world, options *browser.Options) {
	project, taken := w.name("project"), w.name("taken")
	w.addTrain(taken)
	tab := w.open(options)
	tab.visit("/dashboard/trains")
	tab.Click(id("new-train"))
	tab.Fill(id("train-id"), taken)
	tab.Fill(id("train-name"), "The project")
	if !options.NoScript {
		tab.WaitText("#name-validation", "already")
	}
	tab.Fill(id("description"), "line one\nline two")
	tab.Fill(id("client-api-keys"), secret("keyone")+"\n"+secret("keytwo"))
	tab.Fill(id("webhook-url"), "https://hooks.example/"+secret("hook"))
	tab.Fill(id("channel"), "#alerts")
	tab.Click(id("submit"))
	tab.WaitText(id("name-validation"), "already")
	tab.WaitFor(id("secrets-lost"))
	tab.requireFocus(id("train-id"))
	tab.requireNoSecret()
	require.Equal(t, "The project", tab.Value(id("train-name")))
	require.Equal(t, "line one\nline two", tab.Value(id("description")))
	require.Equal(t, "#alerts", tab.Value(id("channel")))

	tab.Fill(id("train-id"), project)
	tab.Fill(id("client-api-keys"), secret("keyone")+"\n\n  "+secret("keytwo")+"  \n"+secret("keyone"))
	tab.Fill(id("webhook-url"), "https://hooks.example/"+secret("hook"))
	tab.Click(id("submit"))
	tab.WaitText(id("train-list"), project)
	tab.WaitText(id("flash"), "2 client keys")
	tab.requireNoSecret()
	require.NoError(t, w.store.ValidateClientKey(t.Context(), project, credstore.NewSecret(secret("keytwo"))))
	slack, err := w.store.GetSlackConfig(t.Context(), project)
	require.NoError(t, err)
	require.True(t, slack.WebhookURL.Equal(credstore.NewSecret("https://hooks.example/"+secret("hook"))))
	tab.visit("/dashboard/trains/" + project)
	tab.requireNoSecret()
}

// Many keys are added at once, one is generated and shown once, one is revoked.
func manageClientKeys(t *testing.T, w *world, options *browser.Options) {
	project := w.name("project")
	w.addTrain(project)
	valid := func(key string) bool {
		return w.store.ValidateClientKey(t.Context(), project, credstore.NewSecret(key)) == nil
	}
	tab := w.open(options)
	tab.visit("/dashboard/trains/" + project)
	tab.WaitFor(id("no-keys"))
	tab.Fill(id("client-api-keys"), secret("keyone")+"\n"+secret("keytwo")+"\n"+secret("key")+" three")
	tab.Click(id("add-keys") + " " + id("submit"))
	tab.WaitText("#client-keys .field-error", "ine 3")
	tab.requireFocus(id("client-api-keys"))
	tab.requireNoSecret()
	require.False(t, valid(secret("keyone")), "all or nothing")
	tab.Fill(id("client-api-keys"), secret("keyone")+"\n"+secret("keytwo"))
	tab.Click(id("add-keys") + " " + id("submit"))
	tab.WaitText(id("key-count"), "2")
	tab.requireNoSecret()
	require.True(t, valid(secret("keyone")))

	tab.Click(id("generate-key"))
	tab.WaitFor(id("generated-key"))
	key := tab.Text(id("generated-key"))
	require.True(t, valid(key))
	if !options.NoScript {
		tab.Click(id("copy"))
		tab.eventually(func() bool { return tab.Text(id("copy")) != "Copy" }, "the button does not say that it has copied")
	}
	tab.Click(id("done"))
	tab.WaitText(id("key-count"), "3")
	require.False(t, strings.Contains(tab.HTML(), key), "the key is shown once")
	if !options.NoScript { // there the browser would ask whether to send the form again
		tab.Back()
		require.False(t, strings.Contains(tab.HTML(), key), "the key is shown once")
	}

	tab.visit("/dashboard/trains/" + project)
	tab.Click(id("client-key") + ":last-child " + id("revoke-key"))
	tab.Click(id("confirm-revoke") + " " + id("submit"))
	tab.WaitText(id("key-count"), "2")
	require.False(t, valid(key))
	require.True(t, valid(secret("keyone")))
}

func deactivateTrain(t *testing.T, w *world, options *browser.Options) {
	project := w.name("project")
	w.addTrain(project)
	tab := w.open(options)
	tab.visit("/dashboard/trains/" + project)
	tab.Click(id("delete"))
	tab.WaitFor(id("keys-in-use"))
	tab.Click(id("confirm-delete") + " " + id("submit"))
	tab.WaitText(id("flash"), "out of service")
	tab.visit("/dashboard/trains/" + project)
	tab.Click(id("reactivate"))
	tab.WaitText(id("flash"), "back in service")
	require.Equal(t, "train.create train.deactivate train.reactivate", w.actions(project))
}

// Who saves second is told, and nothing is overwritten unseen.
func editTrainAtOnce(t *testing.T, w *world, options *browser.Options) {
	project := w.name("project")
	w.addTrain(project)
	ann, bob := w.open(options), w.openAs("Bob", options)
	ann.visit("/dashboard/trains/" + project + "/edit")
	bob.visit("/dashboard/trains/" + project + "/edit")
	ann.Fill(id("train-name"), "Name of Ann")
	ann.Click(id("submit"))
	ann.WaitText(id("flash"), "saved")
	bob.Fill(id("description"), "of Bob")
	bob.Click(id("submit"))
	bob.WaitFor(id("form-error"))
	bob.WaitText(id("stored"), "Name of Ann")
	require.Equal(t, "of Bob", bob.Value(id("description")))
	require.Equal(t, []string{"Name of Ann"}, w.rows("SELECT train_name FROM trains WHERE train_id = '"+project+"'"))
	bob.RequireAccessible()
	bob.Click(id("submit"))
	bob.WaitText(id("flash"), "saved")
	require.Equal(t, []string{"of Bob"}, w.rows("SELECT description FROM trains WHERE train_id = '"+project+"'"))
}
