package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/browser"
)

// A picture is a page in one of its states.
type picture struct {
	name string
	in   string // full, empty, or files
	path string
	then func(*tab) // what to do there first; nil: nothing
}

// pictures are all pages, and the states in which they look different.
var pictures = []picture{
	{"overview", "full", "/dashboard", nil},
	{"overview-empty", "empty", "/dashboard", nil},
	{"menu", "full", "/dashboard", func(b *tab) { b.Click("summary") }},
	{"accounts", "full", "/dashboard/accounts", nil},
	{"accounts-empty", "empty", "/dashboard/accounts", nil},
	{"accounts-no-match", "full", "/dashboard/accounts?q=nothing+like+this", nil},
	{"account", "full", "/dashboard/accounts/production-primary", nil},
	{"account-oauth", "full", "/dashboard/accounts/shared-subscription", nil},
	{"account-deactivated", "full", "/dashboard/accounts/legacy-2024", nil},
	{"account-revealed", "full", "/dashboard/accounts/production-primary", func(b *tab) {
		b.Click(id("reveal"))
		b.WaitFor(id("revealed-secret"))
	}},
	{"account-new", "full", "/dashboard/accounts/new", nil},
	{"account-new-oauth", "full", "/dashboard/accounts/new?credential_type=oauth&account_name=research", nil},
	{"account-new-mistakes", "full", "/dashboard/accounts/new?credential_type=oauth&account_name=not+a+name", func(b *tab) {
		b.Fill(id("scopes-other"), "org:admin")
		b.Click(id("submit"))
		b.WaitFor(".field-error")
	}},
	{"account-edit", "full", "/dashboard/accounts/shared-subscription/edit", nil},
	{"account-deactivate", "full", "/dashboard/accounts/production-primary", func(b *tab) {
		b.Click(id("delete"))
		b.WaitFor("dialog[open]")
	}},
	{"account-deactivate-page", "full", "/dashboard/accounts/production-primary/delete", nil},
	{"trains", "full", "/dashboard/trains", nil},
	{"trains-empty", "empty", "/dashboard/trains", nil},
	{"trains-no-match", "full", "/dashboard/trains?q=nothing+like+this&status=active", nil},
	{"trains-of-account", "full", "/dashboard/trains?account=production-primary", nil},
	{"train", "full", "/dashboard/trains/checkout-assistant", nil},
	{"train-long", "full", "/dashboard/trains/" + longID, nil},
	{"train-generated", "full", "/dashboard/trains/sandbox", func(b *tab) {
		b.Click(id("generate-key"))
		b.WaitFor(id("generated-key"))
		b.Eval(`document.querySelector("[data-secret]").textContent = "cnp_live_0123456789abcdefghijklmnopqrstuvwxyz"`) // the same each time
	}},
	{"train-revoke", "full", "/dashboard/trains/checkout-assistant", func(b *tab) {
		b.Click(id("revoke-key"))
		b.WaitFor("dialog[open]")
	}},
	{"train-new", "full", "/dashboard/trains/new", nil},
	{"train-new-mistakes", "full", "/dashboard/trains/new", func(b *tab) {
		b.Fill(id("train-id"), "not an id")
		b.Fill(id("webhook-url"), "no address")
		b.Click(id("submit"))
		b.WaitFor(id("secrets-lost"))
	}},
	{"train-edit", "full", "/dashboard/trains/checkout-assistant/edit", nil},
	{"train-deactivate", "full", "/dashboard/trains/checkout-assistant/delete", nil},
	{"mappings", "full", "/dashboard/trains/checkout-assistant/accounts", nil},
	{"mappings-none", "full", "/dashboard/trains/sandbox/accounts", nil},
	{"slack", "full", "/dashboard/trains/checkout-assistant/slack", nil},
	{"slack-none", "full", "/dashboard/trains/sandbox/slack", nil},
	{"slack-failed", "full", "/dashboard/trains/checkout-assistant/slack", func(b *tab) {
		b.Click(id("slack-test"))
		b.WaitFor(id("slack-failed"))
	}},
	{"audit", "full", "/dashboard/audit?action=account.", nil},
	{"audit-diff", "full", "/dashboard/audit?object=train", func(b *tab) {
		b.Eval(`document.querySelectorAll(".trail-diff").forEach(e => { e.open = true })`)
	}},
	{"audit-no-match", "full", "/dashboard/audit?actor=Nobody&since=2031-01-01", nil},
	{"audit-verify", "full", "/dashboard/audit/verify", nil},
	{"audit-verified", "full", "/dashboard/audit/verify", func(b *tab) {
		b.Click(id("submit"))
		b.WaitFor(id("chain-intact"))
	}},
	{"not-found", "full", "/dashboard/accounts/nobody", nil},
	{"refused", "full", "/dashboard/trains/sandbox", func(b *tab) {
		b.Eval(`document.querySelectorAll("[name=_csrf]").forEach(e => { e.value = "of another session" })`)
		b.Click("summary")
		b.Click(id("logout"))
		b.WaitFor(id("error-page"))
	}},
	{"files-overview", "files", "/dashboard", nil},
	{"files-accounts", "files", "/dashboard/accounts", nil},
	{"files-account", "files", "/dashboard/accounts/acc_production", nil},
	{"files-trains", "files", "/dashboard/trains", nil},
	{"files-train", "files", "/dashboard/trains/checkout-assistant", nil},
	{"files-mappings", "files", "/dashboard/trains/checkout-assistant/accounts", nil},
	{"files-slack", "files", "/dashboard/trains/checkout-assistant/slack", nil},
	{"files-audit", "files", "/dashboard/audit", nil},
	{"files-refused", "files", "/dashboard/accounts/new", nil},
	{"login", "full", "/dashboard/login", nil},
	{"login-refused", "full", "/dashboard/login?ended=1", func(b *tab) {
		b.Fill(id("operator"), "Ann")
		b.Fill(id("key"), secret("wrong"))
		b.Click(id("submit"))
		b.WaitFor(".field-error")
	}},
}

var longID = "a-train-with-an-id-that-is-as-long-as-ids-get:" + strings.Repeat("0123456789", 20)

// folder is where the pictures go, for people to look at.
const folder = "../../../.cache/screenshots"

// Every page is accessible as axe has it, as wide as the screen and no wider, and
// without errors: wide and narrow, light and dark.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	worlds := map[string]*world{"full": startWorld(t, postgres), "empty": startWorld(t, sqlite), "files": newWorld(t, files)}
	worlds["full"].fill()
	worlds["files"].fillFiles()
	tabs := make(map[string]*tab)
	for name, w := range worlds {
		tabs[name] = w.open(nil)
		tabs[name].Expect("answer 404", "answer 403")
	}
	for _, p := range pictures {
		tabs[p.in].take(p)
	}
}

// take checks a page and takes its pictures.
func (b *tab) take(p picture) {
	b.t.Helper()
	b.Resize(1280, 900)
	b.visit(p.path)
	if p.then != nil {
		p.then(b)
	}
	b.Eval("scrollTo(0, 0)")
	for _, violation := range b.Axe() {
		b.t.Errorf("%s: %s", p.name, violation)
	}
	b.Screenshot(filepath.Join(folder, "desktop", p.name+".png"))

	b.Eval(`document.documentElement.dataset.theme = "dark"`)
	b.requireRules(p.name+", dark", `{runOnly: ["color-contrast"]}`) // the other rules know no colours
	b.Screenshot(filepath.Join(folder, "dark", p.name+".png"))

	b.Eval(`document.documentElement.dataset.theme = "light"`)
	b.requireFits(p.name)
	b.Resize(390, 844)
	b.requireRules(p.name+", narrow", "{}")
	b.requireFits(p.name + ", narrow")
	b.Screenshot(filepath.Join(folder, "phone", p.name+".png"))
}

// requireFits fails if the page is wider than the window.
func (b *tab) requireFits(what string) {
	b.t.Helper()
	if wide := browser.Eval[float64](b.Tab, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		b.t.Errorf("%s: the page is %v pixels too wide", what, wide)
	}
}

// requireRules checks rules once more with axe, which is in the page already.
func (b *tab) requireRules(what, options string) {
	b.t.Helper()
	for _, found := range browser.Eval[[]string](b.Tab, `axe.run(document, `+options+`).then(result =>
		result.violations.flatMap(v => v.nodes.map(n => v.help + ": " + n.target.join(" "))))`) {
		b.t.Errorf("%s: %s", what, found)
	}
}

// as is the context of what an operator does.
func as(ctx context.Context, operator string) context.Context {
	return credstore.WithActor(ctx, credstore.Actor{
		Kind: credstore.ActorOperator, Name: operator, Verified: operator == "ann@example.org", Session: "5e55104d00000001", Address: "192.0.2.7",
	})
}

// fill makes data as there might be.
func (w *world) fill() {
	w.t.Helper()
	ann, bob := as(w.t.Context(), "ann@example.org"), as(w.t.Context(), "Bob")
	key, access, refresh := credstore.NewSecret("sk-ant-api03-example"), credstore.NewSecret("access-example"), credstore.NewSecret("refresh-example")
	must := func(err error) {
		w.t.Helper()
		require.NoError(w.t, err)
	}
	create := func(ctx context.Context, name string, kind credstore.CredentialType) {
		w.t.Helper()
		account := credstore.NewAccount{ID: name, Name: name, Type: kind, APIKey: key}
		if kind == credstore.OAuth {
			account.APIKey, account.IsMax = credstore.Secret{}, true
			account.Tokens = credstore.Tokens{Access: access, Refresh: refresh, ExpiresAt: time.Now().Add(5 * time.Hour), Scopes: []string{"user:inference", "user:profile"}}
		}
		_, err := w.store.CreateAccount(ctx, account)
		must(err)
	}
	for _, name := range []string{"production-primary", "production-secondary", "staging", "research-batch", "support-bot", "docs-search", "ci", "legacy-2024"} {
		create(ann, name, credstore.APIKey)
	}
	for _, name := range []string{"shared-subscription", "team-subscription", "laptop-subscription", "night-shift"} {
		create(bob, name, credstore.OAuth)
	}
	must(w.store.MarkNeedsReauth(ann, "shared-subscription", refresh, "invalid_grant"))
	must(w.store.DeactivateAccount(bob, "legacy-2024", false))
	newName := "research"
	_, err := w.store.UpdateAccount(bob, "research-batch", credstore.AccountUpdate{Name: &newName})
	must(err)
	for name, ago := range map[string]string{
		"production-primary": "20 seconds", "production-secondary": "4 minutes", "staging": "3 hours", "shared-subscription": "2 days", "ci": "45 days",
	} {
		w.exec("UPDATE accounts SET last_used_at = now() - interval '" + ago + "' WHERE account_id = '" + name + "'")
	}
	w.exec("UPDATE accounts SET created_at = now() - interval '90 days', updated_at = now() - interval '20 days' WHERE account_id <> 'research-batch'")
	soon := fmt.Sprint(time.Now().Add(25 * time.Minute).UnixMilli())
	w.exec("UPDATE accounts SET oauth_expires_at = " + soon + " WHERE account_id = 'laptop-subscription'")

	slack := &credstore.SlackConfig{
		WebhookURL: credstore.NewSecret("http://127.0.0.1:1/services/example"), Channel: "#checkout-alerts", Username: "Signalbox", IconEmoji: ":steam_locomotive:", Enabled: true,
	}
	for _, train := range []credstore.NewTrain{
		{ID: "checkout-assistant", Name: "Checkout assistant", Description: "Answers questions in the checkout.\nOwned by the payments team.", Slack: slack},
		{ID: "support-chat", Name: "Support chat"}, {ID: "code-review", Name: "Code review", Description: "Comments on merge requests."},
		{ID: "nightly-batch"}, {ID: "mobile:v2", Name: "Mobile app, second version"}, {ID: "sandbox", Name: "Sandbox"}, {ID: "old-prototype", Name: "Prototype of 2024"},
		{ID: longID, Name: strings.Repeat("A train with a long name ", 10), Description: strings.Repeat("It says a lot about itself. ", 30)},
	} {
		for i := range 3 {
			train.ClientKeys = append(train.ClientKeys, credstore.NewSecret(fmt.Sprint("cnp_", train.ID, i)))
		}
		if train.ID == "sandbox" {
			train.ClientKeys = nil
		}
		_, err := w.store.CreateTrain(ann, train)
		must(err)
	}
	for _, train := range []string{"checkout-assistant", "support-chat", longID} {
		for i, account := range []string{"production-primary", "production-secondary", "shared-subscription", "legacy-2024"} {
			must(w.store.AddMapping(ann, train, account, 4-i))
		}
	}
	must(w.store.AddMapping(bob, "code-review", "team-subscription", 0))
	must(w.store.SetDefaultAccount(bob, "checkout-assistant", "production-secondary", false))
	order := []string{"production-primary", "production-secondary", "shared-subscription", "legacy-2024"}
	must(w.store.ReorderMappings(bob, "checkout-assistant", order, []string{order[1], order[0], order[2], order[3]}))
	must(w.store.DeactivateTrain(bob, "old-prototype"))
	name := "Checkout"
	_, err = w.store.UpdateTrain(bob, "checkout-assistant", credstore.TrainUpdate{Name: &name})
	must(err)
	keys, err := w.store.ListClientKeys(ann, "support-chat", credstore.PageRequest{})
	must(err)
	must(w.store.RevokeClientKey(bob, "support-chat", keys.Items[0].Hash))
}

// fillFiles makes credential files and starts the program on them.
func (w *world) fillFiles() {
	w.t.Helper()
	for name, text := range map[string]string{
		"accounts/production.credentials.json":                  `{"type": "api_key", "accountId": "acc_production", "api_key": "` + secret("file") + `"}`,
		"accounts/broken.credentials.json":                      `{"type": "api_key"`,
		"train-client-keys/checkout-assistant.client-keys.json": `{"keys": ["` + secret("clientfile") + `"]}`,
	} {
		path := filepath.Join(w.env["CREDENTIALS_DIR"], name)
		require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(w.t, os.WriteFile(path, []byte(text), 0o600))
	}
	w.run()
}
