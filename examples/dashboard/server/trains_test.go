package server

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
)

// evil holds what breaks out of text, attributes and scripts where it is not escaped.
const evil = `<script>alert("x")</script>'"><img src=x onerror=alert(1)>{{.}}`

// isEscaped fails where a page has markup out of evil.
func isEscaped(t *testing.T, a answered) {
	t.Helper()
	require.NotContains(t, a.body, "<script>alert")
	require.NotContains(t, a.body, "<img")
}

func TestCreateTrain(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		b := w.login("Ann")
		require.Contains(t, b.get("/dashboard/trains").body, "No trains yet")
		form := url.Values{
			"train_id": {" team:one "}, "train_name": {evil}, "description": {"first\r\nsecond " + evil},
			"client_api_keys": {" " + secret("k1") + " \r\n\r\n" + secret("k2") + "\n" + secret("k1") + "\r\n"},
			"webhook_url":     {" https://hooks.example/" + secret("hook") + " "}, "channel": {"#" + evil}, "username": {evil}, "icon_emoji": {":x:" + evil}, "enabled": {"true"},
		}
		a := b.post("/dashboard/trains", form)
		require.Equal(t, http.StatusSeeOther, a.status)
		require.Equal(t, "/dashboard/trains?dir=desc&sort=created", a.location())
		list := b.get(a.location())
		require.Contains(t, list.body, "Train team:one created, with 2 client keys.")
		require.Contains(t, list.body, `href="/dashboard/trains/team:one"`)
		isEscaped(t, list)

		train, err := w.store.GetTrain(t.Context(), "team:one")
		require.NoError(t, err)
		require.Equal(t, evil, train.Name)
		require.Equal(t, "first\nsecond "+evil, train.Description)
		require.NoError(t, w.store.ValidateClientKey(t.Context(), "team:one", credstore.NewSecret(secret("k2"))))
		slack, err := w.store.GetSlackConfig(t.Context(), "team:one")
		require.NoError(t, err)
		require.True(t, slack.Enabled)
		require.Equal(t, "https://hooks.example/"+secret("hook"), slack.WebhookURL.Reveal())
		page := b.get("/dashboard/trains/team:one")
		require.Contains(t, page.body, "set, not shown")
		require.NotContains(t, page.body, "hooks.example")
		isEscaped(t, page)
		isEscaped(t, b.get("/dashboard/trains/team:one/edit"))
		isEscaped(t, b.get("/dashboard/trains?q="+url.QueryEscape(evil)+"&account="+url.QueryEscape(evil)+"&sort="+url.QueryEscape(evil)))

		a = b.htmx().post("/dashboard/trains", url.Values{"train_id": {"bare"}})
		require.Equal(t, http.StatusNoContent, a.status)
		require.Contains(t, b.get(a.location()).body, "Nobody can use it before it has a client key.")
		slack, err = w.store.GetSlackConfig(t.Context(), "bare")
		require.NoError(t, err)
		require.Nil(t, slack, "nothing was entered")
		require.Equal(t, []credstore.Action{credstore.ActionLogin, credstore.ActionTrainCreate, credstore.ActionTrainCreate}, actions(w))
		noSecretsInAudit(t, w)
	})
}

func noSecretsInAudit(t *testing.T, w *world) {
	t.Helper()
	for _, event := range w.events() {
		require.False(t, strings.Contains(string(event.Before)+string(event.After), canary), "a secret is in the audit trail")
	}
}

// A form that cannot be saved comes back with what was typed, but for secrets, and says
// what is wrong beside the field; nothing has changed.
func TestTrainFormMistakes(t *testing.T) {
	w := startWorld(t, "postgres")
	w.addTrain("taken")
	b := w.login("Ann")
	before := len(w.events())
	for name, c := range map[string]struct{ field, value, want string }{
		"no id":          {"train_id", " ", "Give the train an id."},
		"bad id":         {"train_id", `<script>alert("x")</script>`, "letters, digits"},
		"long id":        {"train_id", strings.Repeat("x", 256), "Up to 255"},
		"path":           {"train_id", "..", "address of the dashboard itself"},
		"page":           {"train_id", "new", "address of the dashboard itself"},
		"taken id":       {"train_id", "taken", "There is a train of this id already."},
		"long name":      {"train_name", strings.Repeat("ä", 256), "Up to 255 characters."},
		"control":        {"train_name", "a\x00b", "control character"},
		"NUL":            {"description", "a\x00b", "NUL character"},
		"channel":        {"channel", "a\x00b", "control character"},
		"key with space": {"client_api_keys", secret("k1") + "\n\n" + secret("k") + " 2", "Line 3 is not a client key"},
		"bad keys":       {"client_api_keys", "a b\n\u00e4" + secret("k") + "\nok\na\x00", "Lines 1, 2 and 4 are not client keys"},
		"description":    {"description", strings.Repeat("ä", 2001), "Up to 2,000 characters."},
		"long channel":   {"channel", strings.Repeat("ä", 256), "Up to 255 characters."},
		"long user":      {"username", strings.Repeat("ä", 256), "Up to 255 characters."},
		"long icon":      {"icon_emoji", strings.Repeat("ä", 256), "Up to 255 characters."},
		"webhook":        {"webhook_url", "javascript:" + secret("hook"), "Give the whole address"},
		"port alone":     {"webhook_url", "http://:80", "Give the whole address"},
		"long webhook":   {"webhook_url", "https://hooks.example/" + strings.Repeat("a", 3000), "Up to 2,048 characters."},
		"spaced webhook": {"webhook_url", "https://hooks.example/a b", "white space"},
		"no webhook":     {"webhook_url", "", "This is needed while notices are on."},
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{
				"train_id": {"fresh"}, "train_name": {evil}, "description": {"</textarea>" + evil}, "channel": {"#kept"},
				"client_api_keys": {secret("key")}, "webhook_url": {"https://hooks.example/" + secret("hook")}, "enabled": {"true"},
			}
			form.Set(c.field, c.value)
			for _, b := range []*browser{b, b.htmx()} {
				a := b.post("/dashboard/trains", form)
				require.Equal(t, http.StatusUnprocessableEntity, a.status)
				require.Contains(t, a.body, c.want)
				require.Contains(t, a.body, "enter them again")
				require.NotContains(t, a.body, "hooks.example")
				if c.field != "channel" {
					require.Contains(t, a.body, `value="#kept"`)
				}
				isEscaped(t, a)
				require.Equal(t, b.header.Get("HX-Request") == "", strings.Contains(a.body, "<html"))
			}
		})
	}
	require.Len(t, w.events(), before)
}

// What is off needs no webhook, and what is as long as it may be is taken.
func TestTrainFormBounds(t *testing.T) {
	w := startWorld(t, "postgres")
	b := w.login("Ann")
	longest := func(n int) string { return strings.Repeat("ä", n) }
	form := url.Values{"train_id": {"long"}, "train_name": {longest(255)}, "description": {longest(2000)}, "channel": {longest(255)}}
	require.Equal(t, http.StatusSeeOther, b.post("/dashboard/trains", form).status)
	slack, err := w.store.GetSlackConfig(t.Context(), "long")
	require.NoError(t, err)
	require.False(t, slack.Enabled)
	require.Equal(t, longest(255), slack.Channel)

	path := "/dashboard/trains/long"
	form = filledForm(t, b.get(path+"/edit").body)
	form.Set("description", longest(2000)+" ")
	require.Equal(t, http.StatusSeeOther, b.post(path, form).status)
	before := len(w.events())
	for field, text := range map[string]string{"train_name": longest(256), "description": longest(2001)} {
		form := url.Values{"_method": {"PUT"}, "train_name": {"kept"}, "description": {"kept"}}
		form.Set(field, text)
		for _, b := range []*browser{b, b.htmx()} {
			a := b.post(path, form)
			require.Equal(t, http.StatusUnprocessableEntity, a.status)
			require.Contains(t, a.body, "characters.")
			require.Contains(t, a.body, `id="`+field+`"`)
			require.Regexp(t, `name="`+field+`"[^>]* aria-invalid="true"`, a.body)
			require.Contains(t, a.body, text, "what was typed comes back")
		}
	}
	require.Len(t, w.events(), before)
}

func TestTrainIDIsCheckedWhileTyping(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addTrain("taken")
	b := w.login("Ann").htmx()
	check := func(id string) answered {
		return b.post("/dashboard/trains/validate", url.Values{"train_id": {id}})
	}
	require.Contains(t, check("taken").body, "already")
	require.Contains(t, check(" fresh ").body, "fresh is free")
	require.Contains(t, check("").body, "Give the train an id.")
	for _, id := range []string{"new", "validate", ".", ".."} {
		require.Contains(t, check(id).body, "address of the dashboard itself", id)
	}
	isEscaped(t, check(evil))
	require.NotContains(t, check("x").body, "<html")
}

// textareas matches what is in the text areas of a page.
var textareas = regexp.MustCompile(`(?s)<textarea [^>]*name="([^"]+)"[^>]*>(.*?)</textarea>`)

func TestEditTrain(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		_, err := w.store.CreateTrain(t.Context(), credstore.NewTrain{ID: "mine", Name: "Mine", Description: "one\ntwo"})
		require.NoError(t, err)
		b := w.login("Ann")
		filled := func() url.Values {
			page := b.get("/dashboard/trains/mine/edit").body
			form := filledForm(t, page)
			for _, area := range textareas.FindAllStringSubmatch(page, -1) {
				form.Set(area[1], strings.ReplaceAll(area[2], "\n", "\r\n"))
			}
			return form
		}
		form := filled()
		require.Equal(t, "Mine", form.Get("train_name"))
		before := len(w.events())
		require.Equal(t, "/dashboard/trains/mine", b.post("/dashboard/trains/mine", form).location())
		require.Len(t, w.events(), before, "saving what is there changes nothing")

		form.Set("train_name", "Renamed")
		require.Equal(t, "/dashboard/trains/mine", b.htmx().send(http.MethodPut, "/dashboard/trains/mine", form).location())
		require.JSONEq(t, `{"name":"Renamed"}`, string(w.lastEvent().After))

		form.Set("train_name", "Typed later")
		for _, b := range []*browser{b, b.htmx()} {
			stale := b.post("/dashboard/trains/mine", form)
			require.Equal(t, http.StatusConflict, stale.status, "that form was filled before")
			require.Contains(t, stale.body, "changed after you opened the form")
			require.Contains(t, stale.body, "Typed later")
			require.Contains(t, stale.body, "Renamed", "what is stored is beside it")
			fresh := filledForm(t, stale.body)
			require.NotEqual(t, form.Get("updated_at"), fresh.Get("updated_at"), "so that it can be saved now")
		}
		form = filled()
		form.Set("description", "")
		require.Equal(t, http.StatusSeeOther, b.post("/dashboard/trains/mine", form).status)
		require.Equal(t, http.StatusBadRequest, b.post("/dashboard/trains/mine", url.Values{"_method": {"PUT"}, "updated_at": {"x"}}).status)
		resumed := b.get("/dashboard/trains/mine/edit?train_name=Resumed&description=d")
		require.Contains(t, resumed.body, `value="Resumed"`)
	})
}

// A change of a train's keys, accounts or notices is one of the train: who was typing
// meanwhile is told so, loses nothing and can go on.
func TestEditTrainWhileItsKeysChange(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.addTrain("mine")
		w.addAccount("one")
		b, other := w.login("Ann"), w.login("Bob")
		for i, change := range []func() answered{
			func() answered {
				return other.post("/dashboard/trains/mine/keys", url.Values{"client_api_keys": {secret("k2")}})
			},
			func() answered {
				return other.post("/dashboard/trains/mine/accounts", url.Values{"account_id": {"one"}})
			},
			func() answered { return other.post("/dashboard/trains/mine/slack", url.Values{"_method": {"PUT"}}) },
		} {
			form := filledForm(t, b.get("/dashboard/trains/mine/edit").body)
			name := fmt.Sprint("Typed ", i)
			form.Set("train_name", name)
			form.Set("description", "first\r\n<second>")
			require.Equal(t, http.StatusSeeOther, change().status)
			a := b.htmx().send(http.MethodPut, "/dashboard/trains/mine", form)
			require.Equal(t, http.StatusConflict, a.status)
			require.Contains(t, a.body, "changed after you opened the form")
			require.Contains(t, a.body, `value="`+name+`"`)
			require.Contains(t, a.body, ">first\n&lt;second&gt;</textarea>")
			again := filledForm(t, a.body)
			again.Set("description", form.Get("description"))
			require.Equal(t, http.StatusNoContent, b.htmx().send(http.MethodPut, "/dashboard/trains/mine", again).status)
			train, err := w.store.GetTrain(t.Context(), "mine")
			require.NoError(t, err)
			require.Equal(t, name, train.Name)
		}
	})
}

func TestDeactivateTrain(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.addTrain("alpha")
		b := w.login("Ann")
		require.Contains(t, b.get("/dashboard/trains/alpha/delete").body, "Its client key stops working")
		_, err := w.store.AddClientKeys(t.Context(), "alpha", credstore.NewSecret(secret("k2")))
		require.NoError(t, err)
		confirm := b.htmx().get("/dashboard/trains/alpha/delete")
		require.Contains(t, confirm.body, "2 client keys")
		require.NotContains(t, confirm.body, "<html")

		require.Equal(t, "/dashboard/trains", b.post("/dashboard/trains/alpha", url.Values{"_method": {"DELETE"}}).location())
		require.ErrorIs(t, w.store.ValidateClientKey(t.Context(), "alpha", credstore.NewSecret(secret("k2"))), credstore.ErrUnauthorized)
		require.Contains(t, b.get("/dashboard/trains/alpha").body, "Out of service.")
		require.Equal(t, "/dashboard/trains/alpha", b.post("/dashboard/trains/alpha/reactivate", url.Values{}).location())
		require.NoError(t, w.store.ValidateClientKey(t.Context(), "alpha", credstore.NewSecret(secret("k2"))))
		require.Equal(t, "/dashboard/trains", b.htmx().send(http.MethodDelete, "/dashboard/trains/alpha", url.Values{}).location())
		require.Equal(t, http.StatusMethodNotAllowed, b.post("/dashboard/trains/alpha", url.Values{"_method": {"TRACE"}}).status)
	})
}

func TestListTrains(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.addAccount("used")
		w.addAccount("unused")
		w.addTrain("apple", "used")
		w.addTrain("banana")
		_, err := w.store.CreateTrain(t.Context(), credstore.NewTrain{ID: "cherry", Name: "Aardvark"})
		require.NoError(t, err)
		require.NoError(t, w.store.DeactivateTrain(t.Context(), "banana"))
		b := w.login("Ann")
		listed := func(query string) []string {
			a := b.htmx().get("/dashboard/trains?" + query)
			require.Equal(t, http.StatusOK, a.status, query)
			require.NotContains(t, a.body, "<html")
			return trainLinks(a)
		}
		require.Equal(t, []string{"apple", "banana", "cherry"}, listed(""))
		require.Equal(t, []string{"banana"}, listed("q=NAN"))
		require.Equal(t, []string{"cherry"}, listed("q=aard"))
		require.Equal(t, []string{"apple", "cherry"}, listed("status=active"))
		require.Equal(t, []string{"banana"}, listed("status=deactivated"))
		require.Equal(t, []string{"cherry"}, listed("status=no_keys"))
		require.Equal(t, []string{"apple"}, listed("account=used"))
		require.Empty(t, listed("account=unused"))
		require.Equal(t, []string{"cherry", "banana", "apple"}, listed("sort=id&dir=desc"))
		require.Equal(t, []string{"cherry", "banana", "apple"}, listed("sort=created&dir=desc"))
		require.Equal(t, []string{"cherry", "banana", "apple"}, listed("sort=name&dir=desc"))
		require.Equal(t, []string{"apple", "banana", "cherry"}, listed("sort=nonsense&status=nonsense&account=%2e%2e%2f&q=%00"))
		require.Contains(t, b.htmx().get("/dashboard/trains?q=none").body, "No train matches")
		require.Contains(t, b.get("/dashboard/trains?account=used").body, "Uses account used")
		require.Equal(t, "/dashboard/trains?q=a", b.get("/dashboard/trains?q=a&after=nonsense").location())
	})
}

func trainLinks(a answered) []string {
	var ids []string
	for _, found := range regexp.MustCompile(`train-id" href="/dashboard/trains/([^"]+)"`).FindAllStringSubmatch(a.body, -1) {
		ids = append(ids, found[1])
	}
	return ids
}

var pageLink = regexp.MustCompile(`rel="(prev|next)" href="([^"]+)"`)

// pages are the addresses around a page of a list.
func pagesAround(a answered) map[string]string {
	around := map[string]string{}
	for _, found := range pageLink.FindAllStringSubmatch(a.body, -1) {
		around[found[1]] = strings.ReplaceAll(strings.ReplaceAll(found[2], "&amp;", "&"), "#client-keys", "")
	}
	return around
}

func TestPagesOfTrains(t *testing.T) {
	w := startWorld(t, "sqlite")
	for i := range pageSize + 3 {
		_, err := w.store.CreateTrain(t.Context(), credstore.NewTrain{ID: fmt.Sprintf("t%03d", i)})
		require.NoError(t, err)
	}
	b := w.login("Ann")
	first := b.get("/dashboard/trains?q=t")
	require.Len(t, trainLinks(first), pageSize)
	require.Contains(t, first.body, "53 trains found")
	second := b.get(pagesAround(first)["next"])
	require.Len(t, trainLinks(second), 3)
	require.Equal(t, trainLinks(first), trainLinks(b.get(pagesAround(second)["prev"])))
}

// The page of a train says which accounts it may use.
func TestShowTrain(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.addAccount("one")
		w.addAccount("two")
		w.addTrain("free")
		w.addTrain("bound", "two")
		require.NoError(t, w.store.SetDefaultAccount(t.Context(), "bound", "one", false))
		require.NoError(t, w.store.DeactivateAccount(t.Context(), "two", false))
		b := w.login("Ann")
		require.Contains(t, b.get("/dashboard/trains/free").body, "it may use every active one")
		page := b.get("/dashboard/trains/bound").body
		require.Contains(t, page, `default: <a href="/dashboard/accounts/one">`)
		require.Contains(t, page, `<a href="/dashboard/accounts/two">two</a> <span class="quiet">priority 1</span> <span class="badge badge-off">Deactivated</span>`)
		require.Contains(t, page, `href="/dashboard/trains/bound/accounts"`)
		require.Contains(t, page, `href="/dashboard/trains/bound/slack"`)
		require.Contains(t, page, "mapping.default", "the history")
	})
}

// behind changes the database behind the store's back.
func behind(t *testing.T, w *world, statements ...string) {
	t.Helper()
	config, err := backend.ConfigFromEnv(w.getenv)
	require.NoError(t, err)
	db, _, err := backend.OpenDatabase(config)
	require.NoError(t, err)
	for _, statement := range statements {
		_, err = db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	require.NoError(t, db.Close())
}

func TestShowTrainOfManyAccounts(t *testing.T) {
	w := startWorld(t, "postgres")
	w.addTrain("alpha")
	behind(t, w, `INSERT INTO accounts (account_id, account_name, credential_type, api_key_encrypted)
		SELECT 'a' || i, 'a' || i, 'api_key', 'x' FROM generate_series(1, 23) i`,
		`INSERT INTO train_account_mappings (train_id, account_id, priority) SELECT 'alpha', account_id, 7 FROM accounts`)
	a := w.login("Ann").get("/dashboard/trains/alpha")
	require.Equal(t, shownMappings, strings.Count(a.body, "priority 7"))
	require.Contains(t, a.body, "and 3 others")
}

// What is stored of Slack may be beyond reading: the page says so.
func TestShowTrainWithDamagedSlack(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addTrain("alpha")
	behind(t, w, `UPDATE trains SET slack_config = '{"channel":{}}'`)
	a := w.login("Ann").get("/dashboard/trains/alpha")
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, "What is stored cannot be read.")
}

func TestTrainsThatAreNotThere(t *testing.T) {
	w := startWorld(t, "sqlite")
	b := w.login("Ann")
	hash := strings.Repeat("0", 64)
	before := len(w.events())
	for _, id := range []string{"none", url.PathEscape(evil), "%00", "..%5c"} {
		for path, method := range map[string]string{
			"": http.MethodGet, "/edit": http.MethodGet, "/delete": http.MethodGet, "/keys/" + hash + "/delete": http.MethodGet,
			"/reactivate": http.MethodPost, "/keys/generate": http.MethodPost, "/keys/" + hash: http.MethodDelete,
		} {
			a := b.htmx().send(method, "/dashboard/trains/"+id+path, url.Values{})
			require.Equal(t, http.StatusNotFound, a.status, method+" "+id+path)
			isEscaped(t, b.send(method, "/dashboard/trains/"+id+path, url.Values{}))
		}
		for _, method := range []string{"PUT", "DELETE"} {
			require.Equal(t, http.StatusNotFound, b.post("/dashboard/trains/"+id, url.Values{"_method": {method}}).status, method+" "+id)
		}
		require.Equal(t, http.StatusNotFound, b.post("/dashboard/trains/"+id+"/keys", url.Values{"client_api_keys": {secret("key")}}).status)
		require.Equal(t, http.StatusNotFound, b.post("/dashboard/trains/"+id+"/keys", url.Values{"client_api_keys": {""}}).status)
	}
	require.Len(t, w.events(), before)
}

// Every change needs the session's token.
func TestTrainChangesNeedTheToken(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addTrain("alpha")
	keys, err := w.store.ListClientKeys(t.Context(), "alpha", credstore.PageRequest{})
	require.NoError(t, err)
	b := w.login("Ann")
	before := len(w.events())
	for _, path := range []string{"", "/validate", "/alpha", "/alpha/reactivate", "/alpha/keys", "/alpha/keys/generate", "/alpha/keys/" + keys.Items[0].Hash} {
		for _, method := range []string{"PUT", "DELETE"} {
			a := b.with("Accept", "*/*").post("/dashboard/trains"+path, url.Values{"_csrf": {"wrong"}, "_method": {method}, "train_id": {"x"}, "client_api_keys": {secret("k")}})
			require.Equal(t, http.StatusForbidden, a.status, path)
			a = b.with("Sec-Fetch-Site", "cross-site").post("/dashboard/trains"+path, url.Values{"_method": {method}, "train_id": {"x"}, "client_api_keys": {secret("k")}})
			require.Equal(t, http.StatusForbidden, a.status, path)
		}
	}
	require.Len(t, w.events(), before)
}

func TestTrainFilesAreReadOnly(t *testing.T) {
	w := newWorld(t, "files")
	dir := filepath.Join(w.env["CREDENTIALS_DIR"], "train-client-keys")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "filed.client-keys.json"), []byte(`{"keys":["`+secret("one")+`"]}`), 0o600))
	w.start()
	b := w.login("Ann")
	for _, path := range []string{"/dashboard/trains", "/dashboard/trains/filed"} {
		a := b.get(path)
		require.Equal(t, http.StatusOK, a.status, path)
		require.Contains(t, a.body, "Read-only.", path)
		require.Contains(t, a.body, "filed")
		content := strings.ReplaceAll(a.body[strings.Index(a.body, "<main"):], `<button data-testid="filter">`, "") // that only looks
		for _, control := range []string{`class="button`, "<button data", "<textarea", `method="post"`} {
			require.NotContains(t, content, control, path)
		}
	}
	for path, method := range map[string]string{
		"": http.MethodPost, "/new": http.MethodGet, "/validate": http.MethodPost, "/filed/edit": http.MethodGet, "/filed/delete": http.MethodGet,
		"/filed": http.MethodPut, "/filed/reactivate": http.MethodPost, "/filed/keys": http.MethodPost, "/filed/keys/generate": http.MethodPost,
	} {
		require.Equal(t, http.StatusForbidden, b.send(method, "/dashboard/trains"+path, url.Values{}).status, path)
	}
}
