package server

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

// number is what the overview says at a link of that name.
func number(t *testing.T, page answered, testID string) string {
	t.Helper()
	found := regexp.MustCompile(`data-testid="` + testID + `">(\d+)`).FindStringSubmatch(page.body)
	require.NotNil(t, found, testID)
	return found[1]
}

// addOAuth adds an account with tokens that expire then.
func (w *world) addOAuth(name string, expires time.Time) *credstore.Account {
	w.t.Helper()
	account, err := w.store.CreateAccount(w.t.Context(), credstore.NewAccount{ID: name, Name: name, Type: credstore.OAuth, Tokens: credstore.Tokens{
		Access: credstore.NewSecret(canary + "access" + name), Refresh: credstore.NewSecret(canary + "refresh" + name), ExpiresAt: expires,
	}})
	require.NoError(w.t, err)
	return account
}

func TestOverview(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		b := w.login("Ann")
		page := b.get("/dashboard")
		require.Contains(t, page.body, `data-testid="first-run"`)
		require.NotContains(t, page.body, `data-testid="attention`)

		w.addAccount("one")
		w.addTrain("project", "one")
		page = b.get("/dashboard")
		require.NotContains(t, page.body, `data-testid="first-run"`)
		require.Contains(t, page.body, `data-testid="attention-none"`)
		require.Contains(t, page.body, `data-testid="recent-changes"`)

		for i := range 5 {
			w.addOAuth(fmt.Sprintf("expiring-%d", i), time.Now().Add(30*time.Minute))
		}
		w.addOAuth("good", time.Now().Add(3*time.Hour))
		require.NoError(t, w.store.MarkNeedsReauth(t.Context(), "good", credstore.NewSecret(canary+"refreshgood"), "invalid_grant"))
		w.addAccount("gone")
		require.NoError(t, w.store.DeactivateAccount(t.Context(), "gone", false))
		_, err := w.store.CreateTrain(t.Context(), credstore.NewTrain{ID: "keyless"})
		require.NoError(t, err)

		page = b.get("/dashboard")
		for testID, want := range map[string]string{
			"active-accounts": "7", "all-accounts": "8", "api-key-accounts": "2", "oauth-accounts": "6", "active-trains": "2", "all-trains": "2",
		} {
			require.Equal(t, want, number(t, page, testID), testID)
		}
		for _, want := range []string{
			`href="/dashboard/accounts?status=reauth">1 account waiting for a new login</a>`, `<a href="/dashboard/accounts/good">good</a>`,
			`href="/dashboard/accounts?status=expiring">5 access tokens expired or expiring within the hour</a>`,
			`<a href="/dashboard/accounts/expiring-2">expiring-2</a>`, "and 2 others",
			`href="/dashboard/trains?status=no_keys">1 train without a client key</a>`, `<a href="/dashboard/trains/keyless">keyless</a>`,
			"account.deactivate", `<a href="/dashboard/accounts/gone">gone</a>`,
		} {
			require.Contains(t, page.body, want)
		}
		attention, _, _ := strings.Cut(page.body, "recent-changes")
		require.NotContains(t, attention, "expiring-3", "three are named")
		require.NotContains(t, page.body, "attention-none")
		require.NotContains(t, page.body, "attention-unused")
	})
}

func TestOverviewOnFiles(t *testing.T) {
	require.Contains(t, startWorld(t, "files").login("Ann").get("/dashboard").body, "NAME.credentials.json")

	w := newWorld(t, "files")
	accounts := filepath.Join(w.env["CREDENTIALS_DIR"], "accounts")
	require.NoError(t, os.MkdirAll(accounts, 0o700))
	for name, text := range map[string]string{
		"good": `{"type":"api_key","accountId":"acc_good","api_key":"` + canary + `filekey01"}`, "bad": `{"type":`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(accounts, name+".credentials.json"), []byte(text), 0o600))
	}
	page := w.start().login("Ann").get("/dashboard")
	require.Equal(t, http.StatusOK, page.status)
	require.Equal(t, "1", number(t, page, "all-accounts"))
	require.Contains(t, page.body, "<code>bad.credentials.json</code>")
	require.NotContains(t, page.body, `data-testid="recent-changes"`)
	require.NotContains(t, page.body, "/new")
}
