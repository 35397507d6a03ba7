package e2e

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/browser"
)

func TestAudit(t *testing.T) {
	t.Parallel()
	w := startWorld(t, postgres)
	w.addTrain("project")
	tab := w.open(nil)
	tab.visit("/dashboard/accounts/new")
	tab.Fill(id("account-name"), "first")
	tab.Fill(id("api-key"), secret("one"))
	tab.Click(id("submit"))
	tab.Click(".row-link")
	tab.Click(id("edit"))
	tab.Fill(id("account-name"), "second")
	tab.Fill(id("api-key"), secret("two"))
	tab.Click(id("submit"))
	tab.WaitText(id("flash"), "saved")

	tab.visit("/dashboard/audit")
	tab.requireNoSecret()
	events := func() string {
		return strings.Join(browser.Eval[[]string](tab.Tab, `[...document.querySelectorAll("[data-testid=audit-row] .action")].map(e => e.textContent)`), " ")
	}
	waitEvents := func(want string) {
		t.Helper()
		tab.eventually(func() bool { return events() == want }, "the list does not show "+want)
	}
	all := "account.rotate account.create session.login train.create"
	require.Equal(t, all, events())

	tab.Click(id("audit-row") + ":first-child summary")
	tab.WaitText(id("audit-row")+":first-child .diff del", "first")
	tab.WaitText(id("audit-row")+":first-child .diff ins", "second")
	tab.WaitText(id("audit-row")+":first-child .diff", "[redacted]")

	tab.Select(id("filter-action"), "account.")
	waitEvents("account.rotate account.create")
	require.Contains(t, tab.URL(), "action=account.")
	tab.Select(id("filter-action"), "")
	waitEvents(all)
	tab.Select(id("filter-object"), "train")
	waitEvents("train.create")
	tab.Select(id("filter-object"), "")
	tab.Fill(id("filter-actor"), "Ann")
	waitEvents("account.rotate account.create session.login")
	tab.Fill(id("filter-since"), "2099-01-01T00:00")
	tab.WaitFor(id("no-match"))
	tab.Fill(id("filter-since"), "2001-01-01T00:00")
	waitEvents("account.rotate account.create session.login")
	tab.Fill(id("filter-until"), "2002-01-01T00:00")
	tab.WaitFor(id("no-match"))
	tab.Back()
	waitEvents("account.rotate account.create session.login")
	tab.Fill(id("filter-actor"), "")
	waitEvents(all)

	tab.visit("/dashboard/audit/verify")
	tab.Click(id("submit"))
	tab.WaitFor(id("chain-intact"))
	checkpoint := tab.Text(id("checkpoint"))
	tab.Fill(id("checkpoint-input"), checkpoint)
	tab.Click(id("submit"))
	tab.WaitText(id("chain-intact"), "checkpoint is one of them")
	w.exec("ALTER TABLE audit_events DISABLE TRIGGER USER")
	w.exec("UPDATE audit_events SET actor_name = 'Eve' WHERE action = 'account.rotate'")
	tab.Click(id("submit"))
	tab.WaitText(id("chain-broken"), "Event")
	tab.RequireAccessible()
}

// Without a script the filters are a form like any other.
func TestAuditWithoutScript(t *testing.T) {
	t.Parallel()
	w := startWorld(t, sqlite)
	w.addTrain("project")
	tab := w.open(&browser.Options{NoScript: true})
	tab.visit("/dashboard/audit")
	require.Equal(t, 2, tab.Count(id("audit-row")))
	tab.Fill(id("filter-actor"), "Ann")
	tab.Press("Enter")
	require.Equal(t, 1, tab.Count(id("audit-row")))
	tab.Click(id("verify"))
	tab.Click(id("submit"))
	tab.WaitFor(id("chain-intact"))
}

// The exports are what the links say, for a session's cookie and for a script's key.
func TestAuditExport(t *testing.T) {
	t.Parallel()
	w := startWorld(t, sqlite)
	w.addAccounts("one")
	tab := w.open(nil)
	tab.visit("/dashboard/audit?action=account.")
	download := func(link, header, value string) (lines []string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+tab.Attr(id(link), "href"), nil)
		require.NoError(t, err)
		request.Header.Set(header, value)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer func() { _ = answer.Body.Close() }()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Contains(t, answer.Header.Get("Content-Disposition"), "attachment")
		for scanner := bufio.NewScanner(answer.Body); scanner.Scan(); {
			lines = append(lines, scanner.Text())
		}
		require.False(t, strings.Contains(strings.Join(lines, ""), canary), "a secret is in the export")
		return lines
	}

	table, err := csv.NewReader(strings.NewReader(strings.Join(download("export-csv", "Cookie", "signalbox="+w.session("Bob")), "\n"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, table, 2)
	require.Contains(t, table[1], "account.create")

	lines := download("export-jsonl", "X-Dashboard-Key", dashboardKey)
	require.Len(t, lines, 1)
	var event map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &event))
	require.Equal(t, "account.create", event["action"])
}
