package server

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

// record appends an event by that actor.
func (w *world) record(actor credstore.Actor, event credstore.AuditEvent) {
	w.t.Helper()
	require.NoError(w.t, w.store.AppendAudit(credstore.WithActor(w.t.Context(), actor), event))
}

var rowMark = regexp.MustCompile(`id="event-(\d+)"`)

// shownIDs are the events on a page, in its order.
func shownIDs(page answered) []string {
	var ids []string
	for _, found := range rowMark.FindAllStringSubmatch(page.body, -1) {
		ids = append(ids, found[1])
	}
	return ids
}

func audit(pairs ...string) string {
	filter := fields{}
	for i := 1; i < len(pairs); i += 2 {
		filter[pairs[i-1]] = pairs[i]
	}
	return auditURL(filter)
}

func TestAuditListShowsWhoDidWhat(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		account, err := w.store.CreateAccount(credstore.WithActor(t.Context(), credstore.Actor{
			Kind: credstore.ActorOperator, Name: "Ann", Verified: true, Session: "s1", Address: "192.0.2.1",
		}), credstore.NewAccount{Name: "billing", Type: credstore.APIKey, APIKey: credstore.NewSecret(canary + "billing01")})
		require.NoError(t, err)
		body := w.login("Ben").get("/dashboard/audit").body
		for _, want := range []string{
			`data-testid="audit-list"`, "account.create", ">Ann<", "verified", "192.0.2.1", "session s1", "claimed", ">Ben<", "session.login",
			`href="/dashboard/accounts/` + account.ID + `">billing</a>`, "<code>[redacted]</code>",
			`href="/dashboard/audit?session=s1"`, `href="/dashboard/audit?id=` + account.ID + `&amp;object=account"`,
		} {
			require.Contains(t, body, want)
		}
	})
}

func TestAuditFilters(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		ann := credstore.Actor{Kind: credstore.ActorOperator, Name: "Ann", Session: "s1"}
		gateway := credstore.Actor{Kind: credstore.ActorProcess, Name: "proxy"}
		w.record(ann, credstore.AuditEvent{Action: credstore.ActionAccountCreate, ObjectType: credstore.ObjectAccount, ObjectID: "one"})
		w.record(ann, credstore.AuditEvent{Action: credstore.ActionClientKeyAdd, ObjectType: credstore.ObjectTrain, ObjectID: "one"})
		w.record(gateway, credstore.AuditEvent{Action: credstore.ActionAccountReauth, ObjectType: credstore.ObjectAccount, ObjectID: "two"})
		w.record(gateway, credstore.AuditEvent{Action: "custom.action", ObjectType: "custom", ObjectID: "x y"})
		events := w.events()
		third := events[2].At.UTC()
		b := w.login("Ben")
		for path, want := range map[string][]string{
			audit("actor", "Ann"):                                 {"2", "1"},
			audit("actor", " Ann "):                               {"2", "1"},
			audit("actor", "An"):                                  nil,
			audit("action", "account."):                           {"3", "1"},
			audit("action", "client_key.add"):                     {"2"},
			audit("action", "custom.action"):                      {"4"},
			audit("object", "account"):                            {"3", "1"},
			audit("object", "account", "id", "two"):               {"3"},
			audit("id", "one"):                                    {"2", "1"},
			audit("id", "x y"):                                    {"4"},
			audit("session", "s1"):                                {"2", "1"},
			audit("actor", "Ann", "action", "account.create"):     {"1"},
			audit("until", third.Format(time.RFC3339Nano)):        nil, // to the second
			audit("until", "2001-01-01"):                          nil,
			audit("since", "2101-01-01T10:00"):                    nil,
			audit("since", "2001-01-01", "actor", "proxy"):        {"4", "3"},
			audit("until", "2101-01-01T00:00:30", "actor", "Ann"): {"2", "1"},
			audit("actor", "\x00A\xffnn"):                         {"2", "1"},
		} {
			page := b.get(path)
			require.Equal(t, http.StatusOK, page.status, path)
			if strings.Contains(path, "until") && want == nil && !strings.Contains(path, "2001") {
				continue // depends on fractions of a second
			}
			require.Equal(t, want, shownIDs(page), path)
			if want == nil {
				require.Contains(t, page.body, `data-testid="no-match"`)
			}
		}
		require.Contains(t, b.get(audit("action", "custom.action")).body, "<option selected>custom.action</option>")
		require.Contains(t, b.get(audit("action", "account.rotate")).body, `<option value="account.rotate" selected>`)
	})
}

// A day that is named as the end counts in full, and the fields show what is meant.
func TestAuditTimes(t *testing.T) {
	w := startWorld(t, "sqlite")
	b := w.login("Ann")
	today := time.Now().UTC()
	page := b.get(audit("since", today.AddDate(0, 0, -1).Format(time.DateOnly), "until", today.AddDate(0, 0, 1).Format(time.DateOnly)))
	require.Equal(t, []string{"1"}, shownIDs(page))
	require.Contains(t, page.body, `value="`+today.AddDate(0, 0, 2).Format(time.DateOnly)+`T00:00"`)
	for _, text := range []string{"yesterday", "2026-13-01", "0000-01-01", "10000-01-01", `"><b>`, "2026-01-01T25:00"} {
		page := b.get(audit("since", text))
		require.Equal(t, http.StatusOK, page.status, text)
		require.Contains(t, page.body, "is not a date or time, so it does not filter", text)
		require.Contains(t, page.body, `id="event-1"`, text)
		require.NotContains(t, page.body, "export?", text)
		require.Equal(t, http.StatusBadRequest, b.get("/dashboard/audit/export?format=csv&"+url.Values{"until": {text}}.Encode()).status, text)
	}
}

func TestAuditPages(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.recordMany(120)
		b := w.login("Ann")
		first := b.get(audit("actor", "Zoe"))
		require.Len(t, shownIDs(first), pageSize)
		require.Equal(t, "120", shownIDs(first)[0])
		second := b.get(pagesAround(first)["next"])
		require.Equal(t, "70", shownIDs(second)[0])
		third := b.get(pagesAround(second)["next"])
		require.Len(t, shownIDs(third), 20)
		require.NotContains(t, third.body, "next-page")
		require.Equal(t, shownIDs(second), shownIDs(b.get(pagesAround(third)["prev"])))
		require.Equal(t, "/dashboard/audit?actor=Zoe", b.get(audit("actor", "Zoe", "after", "nonsense")).location())

		part := b.htmx().get(audit("actor", "Zoe")).body
		require.Contains(t, part, `id="event-120"`)
		require.NotContains(t, part, "<html")
		require.NotContains(t, part, "audit-list")
	})
}

// recordMany appends events by Zoe.
func (w *world) recordMany(count int) {
	w.t.Helper()
	for i := range count {
		w.record(credstore.Actor{Kind: credstore.ActorOperator, Name: "Zoe"}, credstore.AuditEvent{
			Action: credstore.ActionAccountUpdate, ObjectType: credstore.ObjectAccount, ObjectID: fmt.Sprintf("acc-%d", i),
			Before: json.RawMessage(`{"name":"old"}`), After: json.RawMessage(fmt.Sprintf(`{"name":"new-%d"}`, i)),
		})
	}
}

// hostile are texts that would do something if a page, a query or a spreadsheet took
// them for more than texts.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `javascript:alert(1)`, `</details><svg onload=alert(1)>`,
	`{{.CSRF}}`, `'; DROP TABLE audit_events; --`, `../../etc/passwd`, `=HYPERLINK("http://evil.example","x")`, "+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\u202egnp.exe",
	strings.Repeat("long ", 3000), "%2e%2e%2f", "line\nbreak", "=cmd|' /C calc'!A0", "\uff1d1+1",
}

func (w *world) recordHostile() {
	w.t.Helper()
	for _, text := range hostile {
		state, err := json.Marshal(map[string]any{text: text, "list": []any{text, map[string]string{text: text}}, "inside": map[string]any{text: []string{text}}})
		require.NoError(w.t, err)
		w.record(credstore.Actor{Kind: credstore.ActorKind(text), Name: text, Session: text, Address: text}, credstore.AuditEvent{
			Action: credstore.Action(text), ObjectType: credstore.ObjectType(text), ObjectID: text, Before: json.RawMessage(`{"list":["x"]}`), After: state,
		})
		w.record(credstore.Actor{Kind: credstore.ActorOperator, Name: text}, credstore.AuditEvent{
			Action: credstore.ActionAccountCreate, ObjectType: credstore.ObjectAccount, ObjectID: text, Before: state, After: json.RawMessage(`{}`),
		})
	}
}

var (
	attributeValue = regexp.MustCompile(`="[^"]*"|='[^']*'`) // escaped texts hold no quotes
	foreignMarkup  = regexp.MustCompile(`(?i)<(script>|img|b>)|<[^>]*\son\w+=`)
	scriptAddress  = regexp.MustCompile(`(?i)(href|src|action)=["']?javascript:`)
)

// requireInert checks that no text became a part of the page's markup.
func requireInert(t *testing.T, page answered) {
	t.Helper()
	plain := attributeValue.ReplaceAllString(page.body, "=")
	require.Empty(t, foreignMarkup.FindAllString(plain, -1))
	require.Empty(t, scriptAddress.FindAllString(page.body, -1))
}

func TestHostileEvents(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		b := w.login("Ann")
		for _, text := range hostile {
			for _, field := range []string{"actor", "action", "object", "id", "session", "since", "until", "after", "before", "format"} {
				page := b.get(audit(field, text))
				require.Less(t, page.status, http.StatusInternalServerError, "%s=%q", field, text)
				requireInert(t, page)
			}
		}
		w.recordHostile()
		for _, path := range []string{"/dashboard/audit", "/dashboard"} {
			page := b.get(path)
			require.Equal(t, http.StatusOK, page.status)
			requireInert(t, page)
		}
		for _, text := range hostile {
			require.Len(t, shownIDs(b.get(audit("actor", text))), wantRows(text), "%q", text)
		}
		require.Len(t, w.events(), 2*len(hostile)+1)
	})
}

// wantRows is 2 for texts that a filter keeps as they are.
func wantRows(text string) int {
	if strings.TrimSpace(text) != text {
		return 0
	}
	return 2
}

func TestExportCSV(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.recordHostile()
		answer := w.login("Ann").get("/dashboard/audit/export?format=csv")
		require.Equal(t, http.StatusOK, answer.status)
		require.Equal(t, "text/csv; charset=utf-8", answer.header.Get("Content-Type"))
		require.Regexp(t, `^attachment; filename="signalbox-audit-\d{4}-\d\d-\d\d\.csv"$`, answer.header.Get("Content-Disposition"))
		rows, err := csv.NewReader(strings.NewReader(answer.body)).ReadAll()
		require.NoError(t, err)
		require.Equal(t, csvColumns, rows[0])
		require.Len(t, rows, 1+2*len(hostile)+2, "with the login and the export itself")
		require.Equal(t, []string{"audit.export", "session"}, rows[1][7:9])
		for _, row := range rows[1:] {
			for _, text := range row {
				require.NotRegexp(t, "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]", text)
			}
		}
		last := rows[len(rows)-2*9] // the formula
		require.Equal(t, "'"+hostile[8], last[3])
	})
}

func TestExportJSONLines(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.recordHostile()
		b := w.login("Ann")
		stored := w.events()
		answer := b.get("/dashboard/audit/export?format=jsonl&actor=" + url.QueryEscape(hostile[0]))
		require.Equal(t, "application/x-ndjson", answer.header.Get("Content-Type"))
		lines := strings.Split(strings.TrimSuffix(answer.body, "\n"), "\n")
		require.Len(t, lines, 2)
		for i, line := range lines {
			var got exportedEvent
			require.NoError(t, json.Unmarshal([]byte(line), &got))
			want := stored[1-i]
			require.Equal(t, want.ID, got.ID)
			require.True(t, want.At.Equal(got.At))
			require.Equal(t, string(want.Before), string(got.Before), "to the letter")
			require.Equal(t, string(want.After), string(got.After))
			require.Equal(t, hostile[0], got.Actor.Name)
		}
		event := w.lastEvent()
		require.Equal(t, credstore.ActionAuditExport, event.Action)
		require.Equal(t, "Ann", event.Actor.Name)
		require.Equal(t, event.Actor.Session, event.ObjectID)
		require.JSONEq(t, `{"format":"jsonl","actor":"<script>alert(1)</script>"}`, string(event.After))
	})
}

// More than an export holds at once comes out whole, in order.
func TestExportOfManyEvents(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.recordMany(2*exportPage + 10)
	body := w.login("Ann").get("/dashboard/audit/export?format=jsonl&actor=Zoe").body
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	require.Len(t, lines, 2*exportPage+10)
	require.Contains(t, lines[0], fmt.Sprintf(`"event_id":%d,`, 2*exportPage+10))
	require.Contains(t, lines[len(lines)-1], `"event_id":1,`)
}

// Everything that has a secret happens once; the world looks for them in all answers.
func TestNoSecretsInTheTrail(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		account := w.addOAuth("one", time.Time{})
		_, err := w.store.UpdateAccount(ctx, account.ID, credstore.AccountUpdate{
			AccessToken: credstore.NewSecret(canary + "access02"), RefreshToken: credstore.NewSecret(canary + "refresh02"), APIKey: credstore.NewSecret(canary + "apikey02"),
		})
		require.NoError(t, err)
		for _, kind := range []credstore.SecretKind{credstore.SecretAccessToken, credstore.SecretRefreshToken} {
			_, err = w.store.RevealSecret(ctx, account.ID, kind)
			require.NoError(t, err)
		}
		w.addTrain("project", account.ID)
		_, err = w.store.AddClientKeys(ctx, "project", credstore.NewSecret(canary+"clientkey02"))
		require.NoError(t, err)
		for _, channel := range []string{"#a", "#b"} {
			require.NoError(t, w.store.SetSlackConfig(ctx, "project", &credstore.SlackConfig{
				WebhookURL: credstore.NewSecret("https://hooks.slack.com/services/" + canary + "webhook01"), Channel: channel,
			}))
		}
		b := w.login("Ann")
		require.Contains(t, b.get("/dashboard/audit").body, "A secret: whether it was replaced is not recorded.")
		for _, path := range []string{"/dashboard", "/dashboard/audit/export?format=csv", "/dashboard/audit/export?format=jsonl"} {
			require.Equal(t, http.StatusOK, b.get(path).status)
		}
	})
}

func TestExportIsRefused(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.limits.outside = rateLimit{0.001, 3}
	b := w.start().login("Ann")
	for _, query := range []string{"", "?format=xml", "?format=csv&since=never"} {
		require.Equal(t, http.StatusBadRequest, b.get("/dashboard/audit/export"+query).status, query)
	}
	require.Equal(t, http.StatusTooManyRequests, b.get("/dashboard/audit/export?format=csv").status)
	require.Equal(t, credstore.ActionLogin, w.lastEvent().Action, "nothing was exported")
	require.Equal(t, http.StatusSeeOther, w.browser().get("/dashboard/audit/export?format=csv").status)
}

func TestVerify(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.recordMany(3)
		b := w.login("Ann")
		require.Contains(t, b.get("/dashboard/audit").body, "/dashboard/audit/verify")
		require.Contains(t, b.get("/dashboard/audit/verify").body, "Verify now")
		body := b.post("/dashboard/audit/verify", url.Values{}).body
		require.Contains(t, body, "4 events, each as it was written")
		checkpoint := regexp.MustCompile(`signalbox-audit-v1:4:[0-9a-f]{64}`).FindString(body)
		require.NotEmpty(t, checkpoint)

		w.recordMany(1)
		body = b.htmx().post("/dashboard/audit/verify", url.Values{"checkpoint": {" " + checkpoint + " "}}).body
		require.Contains(t, body, "5 events, each as it was written, and the checkpoint is one of them")
		require.NotContains(t, body, "<html")
		body = b.post("/dashboard/audit/verify", url.Values{"checkpoint": {strings.Replace(checkpoint, ":4:", ":3:", 1)}}).body
		require.Contains(t, body, `data-testid="chain-broken"`)
		require.Contains(t, body, "Event 3")
		require.Contains(t, w.logs.String(), "not as it was written")
		for _, text := range hostile {
			answer := b.post("/dashboard/audit/verify", url.Values{"checkpoint": {text}})
			if answer.status == http.StatusTooManyRequests {
				break
			}
			require.Equal(t, http.StatusUnprocessableEntity, answer.status, text)
			requireInert(t, answer)
		}
	})
}

func TestAuditOnFiles(t *testing.T) {
	w := startWorld(t, "files")
	b := w.login("Ann")
	page := b.get("/dashboard/audit")
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, page.body, `data-testid="no-audit"`)
	require.Equal(t, http.StatusOK, b.htmx().get("/dashboard/audit?actor=x").status)
	require.Equal(t, http.StatusForbidden, b.get("/dashboard/audit/export?format=csv").status)
	require.Equal(t, http.StatusForbidden, b.get("/dashboard/audit/verify").status)
	require.Equal(t, http.StatusForbidden, b.post("/dashboard/audit/verify", url.Values{}).status)
}
