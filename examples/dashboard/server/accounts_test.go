package server

import (
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

func secret(name string) string { return canary + "secret" + name }

func TestCreateAccount(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		b := w.login("Ann")
		require.Contains(t, b.get("/dashboard/accounts").body, "No accounts yet")
		a := b.post("/dashboard/accounts", url.Values{"account_name": {" key-account "}, "credential_type": {"api_key"}, "api_key": {secret("one") + "\n"}})
		require.Equal(t, http.StatusSeeOther, a.status)
		list := b.get(a.location())
		require.Contains(t, list.body, "key-account")
		require.Contains(t, list.body, "Account key-account created.")
		require.NotContains(t, b.get(a.location()).body, "created.", "that is said once")

		a = b.htmx().post("/dashboard/accounts", url.Values{
			"account_name": {"oauth-account"}, "credential_type": {"oauth"},
			"oauth_access_token": {secret("two")}, "oauth_refresh_token": {secret("three")}, "oauth_expires_at": {"2031-02-03T04:05"},
			"oauth_scopes": {"user:profile", "user:inference"}, "oauth_scopes_other": {" b  a "}, "oauth_is_max": {"true"},
		})
		require.Equal(t, http.StatusNoContent, a.status)
		require.Equal(t, "/dashboard/accounts?dir=desc&sort=created", a.location())

		account, err := w.store.GetAccountByName(t.Context(), "oauth-account")
		require.NoError(t, err)
		require.Equal(t, time.Date(2031, 2, 3, 4, 5, 0, 0, time.UTC), account.ExpiresAt)
		require.Equal(t, []string{"user:profile", "user:inference", "b", "a"}, account.Scopes)
		require.True(t, account.IsMax)
		credential, err := w.store.GetCredential(t.Context(), account.ID)
		require.NoError(t, err)
		require.True(t, credential.Tokens.Access.Equal(credstore.NewSecret(secret("two"))))
		require.Equal(t, "Ann", w.lastEvent().Actor.Name)
		require.Equal(t, []credstore.Action{credstore.ActionLogin, credstore.ActionAccountCreate, credstore.ActionAccountCreate}, actions(w))
	})
}

// A form that cannot be saved comes back with what was typed, but for secrets, and says
// what is wrong beside the field; nothing has changed.
func TestAccountFormMistakes(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addAccount("taken")
	b := w.login("Ann")
	before := len(w.events())
	good := func() url.Values {
		return url.Values{"account_name": {"fresh"}, "credential_type": {"oauth"}, "oauth_access_token": {secret("a")}, "oauth_refresh_token": {secret("b")}}
	}
	for name, c := range map[string]struct {
		field, value, want string
	}{
		"no name":        {"account_name", " ", "Give the account a name."},
		"bad name":       {"account_name", `<script>alert("x")</script>`, "letters, digits"},
		"taken name":     {"account_name", "taken", "There is an account of this name already."},
		"no type":        {"credential_type", "password", "Choose API key or OAuth."},
		"no token":       {"oauth_access_token", "", "This is needed."},
		"broken token":   {"oauth_refresh_token", secret("a") + " " + secret("b"), "white space"},
		"control":        {"oauth_refresh_token", secret("a") + "\x00", "white space"},
		"not ASCII":      {"oauth_refresh_token", secret("a") + "ключ", "no header can carry"},
		"bad expiry":     {"oauth_expires_at", "tomorrow", "date and time in UTC"},
		"year of no row": {"oauth_expires_at", "0001-01-01T00:00:00Z0", "date and time in UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			form := good()
			form.Set(c.field, c.value)
			for _, b := range []*browser{b, b.htmx()} {
				a := b.post("/dashboard/accounts", form)
				require.Equal(t, http.StatusUnprocessableEntity, a.status)
				require.Contains(t, a.body, c.want)
				require.NotContains(t, a.body, "<script>alert")
				require.Contains(t, a.body, "Secrets do not come back")
				require.Equal(t, 1, strings.Count(a.body, " autofocus"), "at what is wrong")
				require.Equal(t, b.header.Get("HX-Request") == "", strings.Contains(a.body, "<html"))
			}
		})
	}
	require.Len(t, w.events(), before)
}

func TestEditAccount(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		expiry := time.Now().Add(5 * time.Hour).UTC().Truncate(time.Millisecond).Add(123 * time.Millisecond)
		account, err := w.store.CreateAccount(t.Context(), credstore.NewAccount{Name: "mine", Type: credstore.OAuth, IsMax: true, Tokens: credstore.Tokens{
			Access: credstore.NewSecret(secret("one")), Refresh: credstore.NewSecret(secret("two")), ExpiresAt: expiry, Scopes: []string{"z", "user:profile"},
		}})
		require.NoError(t, err)
		b := w.login("Ann")
		path := "/dashboard/accounts/" + account.ID
		form := filledForm(t, b.get(path+"/edit").body)
		require.Equal(t, "mine", form.Get("account_name"))
		require.Empty(t, form.Get("oauth_access_token"))

		before := len(w.events())
		require.Equal(t, http.StatusSeeOther, b.send(http.MethodPost, path, form).status)
		require.Len(t, w.events(), before, "saving what is there changes nothing")

		form.Set("account_name", "renamed")
		a := b.htmx().send(http.MethodPut, path, form)
		require.Equal(t, path, a.location())
		require.Equal(t, credstore.ActionAccountUpdate, w.lastEvent().Action)
		require.JSONEq(t, `{"name":"renamed"}`, string(w.lastEvent().After))

		stale := b.htmx().send(http.MethodPut, path, form)
		require.Equal(t, http.StatusConflict, stale.status, "that form was filled before")
		require.Contains(t, stale.body, "Somebody else has changed this account")

		form = filledForm(t, b.get(path+"/edit").body)
		form.Set("oauth_access_token", secret("new"))
		a = b.post(path, form)
		require.Equal(t, path, a.location())
		require.Equal(t, credstore.ActionAccountRotate, w.lastEvent().Action)
		lease, err := w.store.AcquireLease(t.Context(), account.ID, "test", time.Minute)
		require.NoError(t, err)
		require.True(t, lease.Credential.Tokens.Access.Equal(credstore.NewSecret(secret("new"))))
		require.True(t, lease.Credential.Tokens.Refresh.Equal(credstore.NewSecret(secret("two"))), "what was left blank stays")
		require.Equal(t, expiry, lease.Credential.Tokens.ExpiresAt)
	})
}

// An account of another type needs the secrets of that type.
func TestChangeOfType(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addAccount("one")
	b := w.login("Ann")
	require.Contains(t, b.htmx().get("/dashboard/accounts/fields?credential_type=api_key&account_id=one").body, "leave blank to keep")
	require.NotContains(t, b.htmx().get("/dashboard/accounts/fields?credential_type=oauth&account_id=one").body, "leave blank to keep")
	form := url.Values{"_method": {"PUT"}, "account_name": {"one"}, "credential_type": {"oauth"}, "oauth_access_token": {secret("a")}}
	a := b.post("/dashboard/accounts/one", form)
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, "This is needed.")
	form.Set("oauth_refresh_token", secret("b"))
	require.Equal(t, http.StatusSeeOther, b.post("/dashboard/accounts/one", form).status)
	account, err := w.store.GetAccount(t.Context(), "one")
	require.NoError(t, err)
	require.Equal(t, credstore.OAuth, account.Type)
}

var (
	inputTag  = regexp.MustCompile(`<input [^>]*>`)
	attribute = regexp.MustCompile(`([a-z_-]+)(?:="([^"]*)")?`)
	selected  = regexp.MustCompile(`(?s)<select [^>]*name="([^"]+)".*?<option value="([^"]*)" selected`)
)

// Without htmx built in, which is so before make assets, what htmx does has to be done by
// plain forms, whether scripts run or not.
func TestFormsWithoutHTMX(t *testing.T) {
	sets := parsePages()
	for name, block := range map[string]string{"accounts": "filter-button", "trains": "filter-button", "audit": "filter-button", "account_form": "account-form"} {
		set := sets[name].Funcs(template.FuncMap{"has": func(string) bool { return false }})
		var out strings.Builder
		require.NoError(t, set.ExecuteTemplate(&out, block, page{Body: accountForm{Type: credstore.APIKey}}))
		require.NotContains(t, out.String(), "noscript")
		if block == "account-form" {
			require.Contains(t, out.String(), `data-testid="access-token"`)
			require.Equal(t, 1, strings.Count(out.String(), `data-testid="api-key"`))
		}
	}
}

// filledForm reads a page's form as a browser with JavaScript would send it.
func filledForm(t *testing.T, page string) url.Values {
	t.Helper()
	form := url.Values{}
	page = regexp.MustCompile(`(?s)<header.*?</header>|<noscript>.*?</noscript>`).ReplaceAllString(page, "")
	for _, tag := range inputTag.FindAllString(page, -1) {
		field := map[string]string{}
		for _, pair := range attribute.FindAllStringSubmatch(strings.TrimSuffix(strings.TrimPrefix(tag, "<input "), ">"), -1) {
			field[pair[1]] = pair[2]
		}
		_, checked := field["checked"]
		if box := field["type"] == "checkbox"; !box || checked {
			form.Add(field["name"], strings.ReplaceAll(field["value"], "&#43;", "+"))
		}
	}
	for _, choice := range selected.FindAllStringSubmatch(page, -1) {
		form.Set(choice[1], choice[2])
	}
	return form
}

func TestDeactivateAccount(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.addAccount("one")
		w.addAccount("two")
		w.addTrain("alpha", "one", "two")
		w.addTrain("only", "one")
		b := w.login("Ann")
		confirm := b.get("/dashboard/accounts/one/delete")
		require.Contains(t, confirm.body, "/dashboard/trains/alpha")
		require.Contains(t, confirm.body, "/dashboard/trains/only")
		require.NotContains(t, b.htmx().get("/dashboard/accounts/one/delete").body, "<html")

		a := b.post("/dashboard/accounts/one", url.Values{"_method": {"DELETE"}, "remove_mappings": {"true"}})
		require.Equal(t, "/dashboard/accounts", a.location())
		account, err := w.store.GetAccount(t.Context(), "one")
		require.NoError(t, err)
		require.False(t, account.Active)
		mappings, err := w.store.ListMappings(t.Context(), "alpha", credstore.PageRequest{})
		require.NoError(t, err)
		require.Len(t, mappings.Items, 1)

		a = b.post("/dashboard/accounts/one/reactivate", url.Values{})
		require.Equal(t, "/dashboard/accounts/one", a.location())
		require.Equal(t, credstore.ActionAccountReactivate, w.lastEvent().Action)
		require.Equal(t, "/dashboard/accounts", b.htmx().send(http.MethodDelete, "/dashboard/accounts/one", url.Values{}).location())
		require.Equal(t, http.StatusMethodNotAllowed, b.post("/dashboard/accounts/one", url.Values{"_method": {"TRACE"}}).status)
	})
}

// A secret is shown after its event is written, by a POST of its own, and only one.
func TestReveal(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.addAccount("one")
		b := w.login("Ann")
		require.Equal(t, http.StatusMethodNotAllowed, b.get("/dashboard/accounts/one/reveal").status)
		for _, b := range []*browser{b, b.htmx()} {
			before := len(w.events())
			a := b.post("/dashboard/accounts/one/reveal", url.Values{"secret": {"api_key"}})
			require.Equal(t, http.StatusOK, a.status)
			require.Contains(t, a.body, canary+"keyone")
			require.Equal(t, "no-store", a.header.Get("Cache-Control"))
			require.Equal(t, b.header.Get("HX-Request") == "", a.header.Get("Refresh") == "30;url=/dashboard/accounts/one", "hides without JavaScript too")
			require.Len(t, w.events(), before+1)
			require.Equal(t, credstore.ActionAccountReveal, w.lastEvent().Action)
			require.JSONEq(t, `{"secret":"api_key"}`, string(w.lastEvent().After))
			require.NotEmpty(t, w.lastEvent().Actor.Session)
		}
		before := len(w.events())
		for _, wrong := range []string{"refresh_token", "name", ""} {
			require.Equal(t, http.StatusBadRequest, b.post("/dashboard/accounts/one/reveal", url.Values{"secret": {wrong}}).status)
		}
		require.Len(t, w.events(), before, "nothing was seen")
		require.Equal(t, http.StatusNotFound, b.post("/dashboard/accounts/none/reveal", url.Values{"secret": {"api_key"}}).status)
		require.Equal(t, http.StatusForbidden, b.post("/dashboard/accounts/one/reveal", url.Values{"secret": {"api_key"}, "_csrf": {"x"}}).status)
	})
}

func TestNameIsCheckedWhileTyping(t *testing.T) {
	w := startWorld(t, "sqlite")
	account := w.addAccount("taken")
	b := w.login("Ann").htmx()
	check := func(form url.Values) string { return b.post("/dashboard/accounts/validate", form).body }
	require.Contains(t, check(url.Values{"account_name": {"taken"}}), "already")
	require.Contains(t, check(url.Values{"account_name": {"taken"}, "account_id": {account.ID}}), "is free", "its own name")
	require.Contains(t, check(url.Values{"account_name": {"fresh"}}), "is free")
	require.Contains(t, check(url.Values{"account_name": {"<b>"}}), "letters")
	require.Contains(t, b.get("/dashboard/accounts/fields?credential_type=oauth").body, `name="oauth_access_token"`)
	require.Contains(t, b.get("/dashboard/accounts/fields?credential_type=api_key").body, `name="api_key"`)
	require.Equal(t, http.StatusBadRequest, b.get("/dashboard/accounts/fields?credential_type=x").status)
}

func TestListAccounts(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		for _, name := range []string{"apple", "banana", "cherry"} {
			w.addAccount(name)
		}
		require.NoError(t, w.store.DeactivateAccount(t.Context(), "banana", false))
		b := w.login("Ann")
		listed := func(query string) []string {
			a := b.htmx().get("/dashboard/accounts?" + query)
			require.Equal(t, http.StatusOK, a.status, query)
			require.NotContains(t, a.body, "<html")
			var names []string
			for _, found := range regexp.MustCompile(`account-name" href="/dashboard/accounts/(\w+)"`).FindAllStringSubmatch(a.body, -1) {
				names = append(names, found[1])
			}
			return names
		}
		require.Equal(t, []string{"apple", "banana", "cherry"}, listed(""))
		require.Equal(t, []string{"banana"}, listed("q=NAN"))
		require.Equal(t, []string{"apple", "cherry"}, listed("status=active"))
		require.Equal(t, []string{"banana"}, listed("status=deactivated"))
		require.Empty(t, listed("type=oauth"))
		require.Empty(t, listed("status=unused"), "they are new")
		require.Equal(t, []string{"cherry", "banana", "apple"}, listed("sort=name&dir=desc"))
		require.Equal(t, []string{"apple", "banana", "cherry"}, listed("sort=nonsense&type=nonsense&status=nonsense"))
		require.Contains(t, b.htmx().get("/dashboard/accounts?q=none").body, "No account matches")
		require.Contains(t, b.htmx().with("HX-History-Restore-Request", "true").get("/dashboard/accounts").body, "<html")
		require.Equal(t, "/dashboard/accounts?q=a", b.get("/dashboard/accounts?q=a&after=nonsense").location())
	})
}

// On files everything can be looked at and nothing changed.
func TestFilesAreReadOnly(t *testing.T) {
	w := newWorld(t, "files")
	writeAccountFile(t, w.env["CREDENTIALS_DIR"], "filed", secret("filed"))
	w.start()
	b := w.login("Ann")
	for _, path := range []string{"/dashboard", "/dashboard/accounts", "/dashboard/accounts/acc_filed"} {
		a := b.get(path)
		require.Equal(t, http.StatusOK, a.status, path)
		require.Contains(t, a.body, "Read-only.", path)
	}
	require.Contains(t, b.get("/dashboard/accounts").body, "filed")
	for method, path := range map[string]string{
		http.MethodPost: "/dashboard/accounts", http.MethodPut: "/dashboard/accounts/acc_filed", http.MethodDelete: "/dashboard/accounts/acc_filed",
		http.MethodGet: "/dashboard/accounts/new",
	} {
		require.Equal(t, http.StatusForbidden, b.send(method, path, url.Values{}).status, path)
	}
	require.Equal(t, http.StatusForbidden, b.post("/dashboard/accounts/acc_filed/reveal", url.Values{"secret": {"api_key"}}).status)
}
