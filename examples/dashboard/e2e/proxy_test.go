package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	proxy "github.com/signalbox-go/signalbox/examples/proxy/server"
)

// What is entered in the dashboard is what the gateway serves with, beside it on the
// same database, and what is taken back there stops within a second or so.
func TestAuthenticateUsingDatabaseCredentials(t *testing.T) {
	t.Parallel()
	sent := make(chan string, 100) // the keys that came upstream
	upstream := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		sent <- r.Header.Get("X-Api-Key")
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(`{"type":"message"}`))
	}))
	defer upstream.Close()
	w := newWorld(t, postgres)
	w.env["CLAUDE_API_BASE_URL"], w.env["PORT"] = upstream.URL, "0"
	w.run()
	gateway := w.start(proxy.Run)

	tab := w.open(nil)
	tab.visit("/dashboard/accounts/new")
	tab.Fill(id("account-name"), "served")
	tab.Fill(id("api-key"), secret("served"))
	tab.Click(id("submit"))
	tab.WaitText(id("account-list"), "served")
	tab.WaitText("tbody tr", "never")

	tab.visit("/dashboard/trains/new")
	tab.Fill(id("train-id"), "project")
	tab.Click(id("submit"))
	tab.WaitText(id("train-list"), "project")
	tab.Click(".row-link")
	tab.Click(id("generate-key"))
	key := tab.Text(id("generated-key"))
	tab.Click(id("done"))
	tab.Click(id("manage-accounts"))
	tab.Select(id("account-id"), w.account("served").ID)
	tab.Click(id("add-account"))
	tab.WaitText(id("account-item"), "served")

	ask := func() (status int) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, gateway+"/v1/messages", strings.NewReader(`{"model":"m","max_tokens":1,"messages":[]}`))
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+key)
		request.Header.Set("MSL-Train-Id", "project")
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	becomes := func(want int) {
		t.Helper()
		status := 0
		require.Eventually(t, func() bool { status = ask(); return status == want }, 30*time.Second, 100*time.Millisecond)
	}
	require.Equal(t, http.StatusOK, ask())
	if <-sent != secret("served") {
		t.Fatal("another key was sent upstream")
	}
	for deadline := time.Now().Add(time.Minute); ; {
		tab.visit("/dashboard/accounts")
		if strings.Contains(tab.Text("tbody td[data-label='Last used']"), "now") {
			break
		}
		require.True(t, time.Now().Before(deadline), "the dashboard does not tell that the account was used")
	}

	tab.Click(".row-link")
	tab.Click(id("delete"))
	tab.Click(id("confirm-delete") + " " + id("submit"))
	tab.WaitText(id("flash"), "out of service")
	becomes(http.StatusServiceUnavailable)
	tab.visit("/dashboard/accounts/" + w.account("served").ID)
	tab.Click(id("reactivate"))
	becomes(http.StatusOK)

	tab.visit("/dashboard/trains/project")
	tab.Click(id("delete"))
	tab.Click(id("confirm-delete") + " " + id("submit"))
	becomes(http.StatusUnauthorized)
	tab.visit("/dashboard/trains/project")
	tab.Click(id("reactivate"))
	becomes(http.StatusOK)

	tab.visit("/dashboard/trains/project")
	tab.Click(id("revoke-key"))
	tab.Click(id("confirm-revoke") + " " + id("submit"))
	becomes(http.StatusUnauthorized)
}
