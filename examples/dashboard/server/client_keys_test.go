package server

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

func TestReadClientKeys(t *testing.T) {
	for name, c := range map[string]struct {
		text, problem string
		keys          []string
	}{
		"none":       {text: " \n\r\n\t"},
		"lines":      {text: " a \r\n\nb\na\n", keys: []string{"a", "b"}},
		"BOM":        {text: "\ufeffa\nb\u00a0", keys: []string{"a", "b"}},
		"all signs":  {text: `!"#$%&'()*+,-./:;<=>?@[\]^_{|}~`, keys: []string{`!"#$%&'()*+,-./:;<=>?@[\]^_{|}~`}},
		"a space":    {text: "a\nb c", problem: "Line 2 is not"},
		"not ASCII":  {text: "ä\nb\nc\x7fd", problem: "Lines 1 and 3 are not"},
		"not UTF-8":  {text: "\uFFFD", problem: "Line 1 is not"},
		"many bad":   {text: manyLines(12, "a b"), problem: "Lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more are not"},
		"as many":    {text: manyLines(maxNewClientKeys, "k"), keys: strings.Fields(manyLines(maxNewClientKeys, "k"))},
		"one beyond": {text: manyLines(maxNewClientKeys+1, "k"), problem: "These are 1,001 client keys. Add up to 1,000"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, problem := readClientKeys(c.text)
			if c.problem != "" {
				require.Contains(t, problem, c.problem)
				require.Nil(t, keys)
				return
			}
			require.Empty(t, problem)
			var read []string
			for _, key := range keys {
				read = append(read, key.Reveal())
			}
			require.Equal(t, c.keys, read)
		})
	}
}

// manyLines are n different lines.
func manyLines(n int, text string) string {
	var lines strings.Builder
	for i := range n {
		lines.WriteString(text + strings.Repeat("i", i%100) + strings.Repeat("j", i/100) + "\n")
	}
	return lines.String()
}

func TestAddClientKeys(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.addTrain("alpha")
		b := w.login("Ann")
		add := func(b *browser, text string) string {
			a := b.post("/dashboard/trains/alpha/keys", url.Values{"client_api_keys": {text}})
			require.Equal(t, "/dashboard/trains/alpha", a.location())
			return b.get(a.location()).body
		}
		require.Contains(t, add(b, secret("k1")+"\r\n"+secret("k2")+"\r\n"), "2 new client keys added.")
		require.Contains(t, b.htmx().post("/dashboard/trains/alpha/keys", url.Values{"client_api_keys": {secret("k3")}}).location(), "alpha")
		page := add(b, secret("k2")+"\n"+secret("k4")+"\n"+canary+"clientalpha")
		require.Contains(t, page, "1 new client key added. 2 were there already.")
		require.Contains(t, page, `data-testid="key-count">5<`)
		require.Contains(t, page, `title="`+credstore.HashClientKey(credstore.NewSecret(secret("k4")))+`"`)
		require.Contains(t, add(b, secret("k2")), "No client key is new.")
		require.NoError(t, w.store.ValidateClientKey(t.Context(), "alpha", credstore.NewSecret(secret("k1"))))

		before := len(w.events())
		for text, want := range map[string]string{
			"\n \n": "Enter at least one client key.", secret("k5") + "\n" + secret("k 6"): "Line 2 is not a client key",
		} {
			whole, part := b.post("/dashboard/trains/alpha/keys", url.Values{"client_api_keys": {text}}), b.htmx().post("/dashboard/trains/alpha/keys", url.Values{"client_api_keys": {text}})
			for _, a := range []answered{whole, part} {
				require.Equal(t, http.StatusUnprocessableEntity, a.status)
				require.Contains(t, a.body, want)
				require.Contains(t, a.body, `id="client-keys"`)
			}
			require.Contains(t, whole.body, "<html")
			require.NotContains(t, part.body, "<html")
		}
		require.Len(t, w.events(), before)
		require.Equal(t, "/dashboard/trains/alpha", b.get("/dashboard/trains/alpha/keys").location())
		noSecretsInAudit(t, w)
	})
}

var generatedKey = regexp.MustCompile(`data-secret>(cnp_[0-9a-f]{64})</code>`)

// A generated key is in the answer that made it, and nowhere else.
func TestGenerateClientKey(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.addTrain("alpha")
		b := w.login("Ann")
		made := map[string]bool{}
		for query, b := range map[string]*browser{"": b, "?": b.htmx(), "?after=nonsense": b, "?before=nonsense": b.htmx()} {
			a := b.post("/dashboard/trains/alpha/keys/generate"+query, url.Values{})
			require.Equal(t, http.StatusOK, a.status, query)
			require.Equal(t, "no-store", a.header.Get("Cache-Control"))
			require.Empty(t, a.header.Values("Set-Cookie"), "no flash")
			require.Equal(t, b.header.Get("HX-Request") == "", strings.Contains(a.body, "<html"))
			found := generatedKey.FindStringSubmatch(a.body)
			require.NotNil(t, found)
			require.Equal(t, 1, strings.Count(a.body, found[1]))
			require.NoError(t, w.store.ValidateClientKey(t.Context(), "alpha", credstore.NewSecret(found[1])))
			made[found[1]] = true
		}
		require.Len(t, made, 4)
		require.Equal(t, credstore.ActionClientKeyAdd, w.lastEvent().Action)
		require.Contains(t, b.get("/dashboard/trains/alpha").body, `data-testid="key-count">5<`)
		require.Equal(t, "/dashboard/trains/alpha", b.get("/dashboard/trains/alpha/keys/generate").location())
		for key := range made {
			require.NotContains(t, w.seen.String()+w.logs.String(), key)
			for _, event := range w.events() {
				require.NotContains(t, string(event.After), key)
			}
		}
	})
}

func TestRevokeClientKey(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.addTrain("alpha")
		_, err := w.store.AddClientKeys(t.Context(), "alpha", credstore.NewSecret(secret("k2")))
		require.NoError(t, err)
		b := w.login("Ann")
		first, second := credstore.HashClientKey(credstore.NewSecret(canary+"clientalpha")), credstore.HashClientKey(credstore.NewSecret(secret("k2")))
		path := func(hash string) string { return "/dashboard/trains/alpha/keys/" + hash }
		confirm := b.get(path(first) + "/delete")
		require.Contains(t, confirm.body, first)
		require.Contains(t, confirm.body, "within a second")
		require.NotContains(t, confirm.body, "the train's only one")
		require.NotContains(t, b.htmx().get(path(first)+"/delete").body, "<html")

		a := b.post(path(first), url.Values{"_method": {"DELETE"}})
		require.Equal(t, "/dashboard/trains/alpha", a.location())
		require.Contains(t, b.get(a.location()).body, "Client key "+first[:12]+"… is revoked.")
		require.ErrorIs(t, w.store.ValidateClientKey(t.Context(), "alpha", credstore.NewSecret(canary+"clientalpha")), credstore.ErrUnauthorized)
		require.Contains(t, b.get(path(second)+"/delete").body, "the train's only one")
		require.Equal(t, "/dashboard/trains/alpha", b.htmx().send(http.MethodDelete, path(second), url.Values{}).location())
		require.Contains(t, b.get("/dashboard/trains/alpha").body, "Nobody can use it.")

		require.Equal(t, http.StatusNotFound, b.post(path(first), url.Values{"_method": {"DELETE"}}).status, "it has gone")
		require.Equal(t, http.StatusNotFound, b.get(path(first)+"/delete").status)
		require.Equal(t, http.StatusNotFound, b.post(path("nonsense"), url.Values{"_method": {"DELETE"}}).status)
		require.Equal(t, http.StatusMethodNotAllowed, b.post(path(first), url.Values{}).status)
	})
}

// Who puts a key where its hash belongs does not read it on the page that says so.
func TestKeyInPlaceOfItsHash(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.addTrain("alpha")
		b := w.login("Ann")
		const key = "cnp_plainkeyinanaddress"
		_, err := w.store.AddClientKeys(t.Context(), "alpha", credstore.NewSecret(key))
		require.NoError(t, err)
		path := "/dashboard/trains/alpha/keys/" + key
		for _, b := range []*browser{b, b.htmx(), b.with("Accept", "*/*")} {
			for _, a := range []answered{
				b.get(path + "/delete"), b.get(path), b.send(http.MethodDelete, path, url.Values{}), b.post(path, url.Values{"_method": {"DELETE"}}),
				b.post(path, url.Values{}), b.post(path, url.Values{"_csrf": {"wrong"}, "_method": {"DELETE"}}), b.post(path+"/delete", url.Values{}),
			} {
				require.GreaterOrEqual(t, a.status, http.StatusBadRequest)
				require.NotContains(t, a.body, key)
				require.NotContains(t, a.location(), key)
			}
		}
		require.NoError(t, w.store.ValidateClientKey(t.Context(), "alpha", credstore.NewSecret(key)))
	})
}

func TestPagesOfClientKeys(t *testing.T) {
	w := startWorld(t, "sqlite")
	w.addTrain("alpha")
	b := w.login("Ann")
	require.Equal(t, http.StatusSeeOther, b.post("/dashboard/trains/alpha/keys", url.Values{"client_api_keys": {manyLines(pageSize+1, secret("k"))}}).status)
	first := b.get("/dashboard/trains/alpha")
	require.Equal(t, pageSize, strings.Count(first.body, `data-testid="client-key"`))
	second := b.get(pagesAround(first)["next"])
	require.Equal(t, 2, strings.Count(second.body, `data-testid="client-key"`))
	require.Equal(t, pageSize, strings.Count(b.get(pagesAround(second)["prev"]).body, `data-testid="client-key"`))
	require.Equal(t, "/dashboard/trains/alpha", b.get("/dashboard/trains/alpha?after=nonsense").location())
	last := credstore.HashClientKey(credstore.NewSecret(strings.Fields(manyLines(pageSize+1, secret("k")))[pageSize]))
	require.Equal(t, http.StatusOK, b.get("/dashboard/trains/alpha/keys/"+last+"/delete").status)
}
