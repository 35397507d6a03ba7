package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/browser"
)

func TestCreateTrain(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"script": {}, "no script": {NoScript: true}, "phone": {Phone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, sqlite)
			w.addTrain("taken")
			tab := w.open(t, &options)
			tab.visit("/dashboard/trains")
			tab.Click(id("new-train"))
			tab.Fill(id("train-id"), "taken")
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
			tab.requireNoSecret()
			require.Equal(t, "The project", tab.Value(id("train-name")))
			require.Equal(t, "line one\nline two", tab.Value(id("description")))
			require.Equal(t, "#alerts", tab.Value(id("channel")))

			tab.Fill(id("train-id"), "project")
			tab.Fill(id("client-api-keys"), secret("keyone")+"\n\n  "+secret("keytwo")+"  \n"+secret("keyone"))
			tab.Fill(id("webhook-url"), "https://hooks.example/"+secret("hook"))
			tab.Click(id("submit"))
			tab.WaitText(id("train-list"), "project")
			tab.WaitText(id("flash"), "2 client keys")
			tab.requireNoSecret()
			require.NoError(t, w.store.ValidateClientKey(t.Context(), "project", credstore.NewSecret(secret("keytwo"))))
			slack, err := w.store.GetSlackConfig(t.Context(), "project")
			require.NoError(t, err)
			require.True(t, slack.WebhookURL.Equal(credstore.NewSecret("https://hooks.example/"+secret("hook"))))
			tab.visit("/dashboard/trains/project")
			tab.requireNoSecret()
		})
	}
}

func TestClientKeys(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"script": {}, "no script": {NoScript: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, sqlite)
			w.addTrain("project")
			valid := func(key string) bool {
				return w.store.ValidateClientKey(t.Context(), "project", credstore.NewSecret(key)) == nil
			}
			tab := w.open(t, &options)
			tab.visit("/dashboard/trains/project")
			tab.WaitFor(id("no-keys"))
			tab.Fill(id("client-api-keys"), secret("keyone")+"\n"+secret("keytwo")+"\n"+secret("key")+" three")
			tab.Click(id("add-keys") + " " + id("submit"))
			tab.WaitText("#client-keys .field-error", "ine 3")
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
			tab.RequireAccessible()
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

			tab.visit("/dashboard/trains/project")
			tab.Click(id("client-key") + ":last-child " + id("revoke-key"))
			tab.Click(id("confirm-revoke") + " " + id("submit"))
			tab.WaitText(id("key-count"), "2")
			require.False(t, valid(key))
			require.True(t, valid(secret("keyone")))
		})
	}
}

func TestDeactivateTrain(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"script": {}, "no script": {NoScript: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, sqlite)
			w.addTrain("project")
			tab := w.open(t, &options)
			tab.visit("/dashboard/trains/project")
			tab.Click(id("delete"))
			tab.WaitFor(id("keys-in-use"))
			tab.RequireAccessible()
			tab.Click(id("confirm-delete") + " " + id("submit"))
			tab.WaitText(id("flash"), "out of service")
			tab.Click(".row-link")
			tab.Click(id("reactivate"))
			tab.WaitText(id("flash"), "back in service")
			require.Equal(t, []credstore.Action{credstore.ActionTrainCreate, credstore.ActionTrainDeactivate, credstore.ActionTrainReactivate}, w.actions())
		})
	}
}

func TestConcurrentEditOfATrain(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]browser.Options{"script": {}, "no script": {NoScript: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, sqlite)
			w.addTrain("project")
			ann, bob := w.openAs(t, "Ann", &options), w.openAs(t, "Bob", &options)
			ann.visit("/dashboard/trains/project/edit")
			bob.visit("/dashboard/trains/project/edit")
			ann.Fill(id("train-name"), "Name of Ann")
			ann.Click(id("submit"))
			ann.WaitText(id("flash"), "saved")
			bob.Fill(id("description"), "of Bob")
			bob.Click(id("submit"))
			bob.WaitFor(id("form-error"))
			bob.WaitText(id("stored"), "Name of Ann")
			require.Equal(t, "of Bob", bob.Value(id("description")))
			require.Equal(t, []string{"Name of Ann"}, w.rows("SELECT train_name FROM trains"))
			bob.RequireAccessible()
			bob.Click(id("submit"))
			bob.WaitText(id("flash"), "saved")
			require.Equal(t, []string{"of Bob"}, w.rows("SELECT description FROM trains"))
		})
	}
}

func TestTrainList(t *testing.T) {
	t.Parallel()
	w := startWorld(t, sqlite)
	w.addAccount("one")
	w.addTrain("alpha", "one")
	w.addTrain("beta")
	require.NoError(t, w.store.DeactivateTrain(t.Context(), "beta"))
	tab := w.open(t, nil)
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
