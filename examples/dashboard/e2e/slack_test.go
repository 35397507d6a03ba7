package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/browser"
)

// A test message really arrives, a failure is told, and the webhook is never shown.
func setUpSlack(t *testing.T, w *world, options *browser.Options) {
	var refuses atomic.Bool
	arrived := make(chan map[string]any, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if refuses.Load() {
			http.Error(rw, "no_service", http.StatusNotFound)
			return
		}
		var message map[string]any
		_ = json.NewDecoder(r.Body).Decode(&message)
		message["path"] = r.URL.Path
		arrived <- message
		_, _ = rw.Write([]byte("ok"))
	}))
	defer receiver.Close()

	project := w.name("project")
	w.addTrain(project)
	tab := w.open(options)
	tab.visit("/dashboard/trains/" + project)
	tab.Click(id("manage-slack"))
	tab.Fill(id("webhook-url"), "not an address")
	tab.Fill(id("channel"), "#alerts")
	tab.Click(id("submit"))
	tab.WaitFor("#webhook_url[aria-invalid=true]")
	tab.requireFocus(id("webhook-url"))
	require.Empty(t, tab.Value(id("webhook-url")))
	require.Equal(t, "#alerts", tab.Value(id("channel")))
	tab.RequireAccessible()

	tab.Fill(id("webhook-url"), receiver.URL+"/"+secret("hook"))
	tab.Fill(id("username"), "Signalbox")
	tab.Fill(id("icon-emoji"), ":bell:")
	tab.Click(id("submit"))
	tab.WaitText(id("flash"), "saved")
	tab.WaitFor(id("webhook-stored"))
	tab.requireNoSecret()

	tab.Click(id("slack-test"))
	tab.WaitFor(id("slack-sent"))
	message := <-arrived
	require.True(t, message["path"] == "/"+secret("hook")) //nolint:testifylint // it must not be printed
	require.Equal(t, "#alerts", message["channel"])
	tab.requireNoSecret()

	refuses.Store(true)
	tab.Click(id("slack-test"))
	tab.WaitText(id("slack-failed"), "404")
	tab.requireNoSecret()

	tab.visit("/dashboard/trains/" + project + "/slack")
	tab.Fill(id("channel"), "#other")
	tab.Click(id("enabled"))
	tab.Click(id("submit"))
	tab.WaitText(id("flash"), "saved")
	slack, err := w.store.GetSlackConfig(t.Context(), project)
	require.NoError(t, err)
	require.True(t, slack.WebhookURL.Equal(credstore.NewSecret(receiver.URL+"/"+secret("hook"))), "left blank, it stays")
	require.Equal(t, "#other", slack.Channel)
	require.False(t, slack.Enabled)
	require.Equal(t, "train.create slack.update slack.test slack.test slack.update", w.actions(project)) //nolint:dupword // two tests

	tab.Click(id("slack-remove-open"))
	tab.Click(id("slack-remove"))
	tab.WaitGone(id("webhook-stored"))
	slack, err = w.store.GetSlackConfig(t.Context(), project)
	require.NoError(t, err)
	require.Nil(t, slack)
}
