package server

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/selection"
)

// order is the train's mapped accounts, first is preferred, with their priorities.
func (w *world) order(train string) (order []string) {
	w.t.Helper()
	found, err := w.store.ListMappings(w.t.Context(), train, credstore.PageRequest{Limit: 1000})
	require.NoError(w.t, err)
	for _, m := range found.Items {
		order = append(order, fmt.Sprintf("%s %d", m.Account.ID, m.Priority))
	}
	return order
}

// addAccounts adds account-000 and so on; no key opens their secrets, as it would take
// long to seal them.
func (w *world) addAccounts(n int) {
	w.t.Helper()
	rows := make([]sqlstore.AccountRow, n)
	for i := range rows {
		name := fmt.Sprintf("account-%03d", i)
		rows[i] = sqlstore.AccountRow{ID: name, Name: name, Type: credstore.APIKey, APIKey: "sealed", Active: true}
	}
	store, ctx := w.store.(*sqlstore.Store), w.t.Context()
	require.NoError(w.t, store.RunInTx(ctx, func(tx *sqlstore.Tx) error { return tx.InsertAccounts(ctx, rows...) }))
}

var shownItem = regexp.MustCompile(`class="account-item[^"]*" data-account-id="([^"]+)"`)

// shownOrder is the order that a page shows.
func shownOrder(a answered) (order []string) {
	for _, found := range shownItem.FindAllStringSubmatch(a.body, -1) {
		order = append(order, found[1])
	}
	return order
}

var shownPlace = regexp.MustCompile(`data-testid="place">.*?</span>(?:<span aria-hidden="true">)?([^<]+)<`)

// shownPlaces are the numbers beside the accounts that a page shows.
func shownPlaces(a answered) (places []string) {
	for _, found := range shownPlace.FindAllStringSubmatch(a.body, -1) {
		places = append(places, found[1])
	}
	return places
}

// isMappings checks that an answer of htmx is the list alone.
func isMappings(t *testing.T, a answered, status int) {
	t.Helper()
	require.Equal(t, status, a.status, a.body)
	require.Contains(t, a.body, `<div id="account-mappings"`)
	require.Contains(t, a.body, `id="mapping-status"`)
	require.NotContains(t, a.body, "<html")
}

// isSaved checks that an answer of a plain form leads back to the list, which says so.
func isSaved(t *testing.T, b *browser, a answered, path, said string) {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, a.status, a.body)
	require.Equal(t, path, a.location())
	require.Contains(t, b.get(path).body, said)
}

func TestShowMappings(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		for _, name := range []string{"a", "b", "c", "d"} {
			w.addAccount(name)
		}
		w.addTrain("mine", "a", "b", "c")
		require.NoError(t, w.store.SetDefaultAccount(t.Context(), "mine", "b", false))
		require.NoError(t, w.store.DeactivateAccount(t.Context(), "c", false))
		b := w.login("Ann")
		a := b.get("/dashboard/trains/mine/accounts")
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, []string{"a", "b", "c"}, shownOrder(a))
		require.Contains(t, a.body, `data-account-id="a" data-priority="3" data-testid="account-item" draggable="true"`)
		require.Contains(t, a.body, `hx-delete="/dashboard/trains/mine/accounts/a"`)
		require.Contains(t, a.body, "Deactivated")
		require.Contains(t, a.body, ">b</strong> first, its default.")
		require.Equal(t, []string{"2", "1", "–"}, shownPlaces(a), "c is deactivated")
		require.Equal(t, 1, strings.Count(a.body, `data-testid="default-badge"`))
		require.Contains(t, a.body, `<select id="account_id" name="account_id"`)
		require.Equal(t, 1, strings.Count(a.body, `name="account_id"`), "the name says which field is meant")
		require.Contains(t, a.body, `<option value="d">d</option>`)
		require.NotContains(t, a.body, `<option value="a">`, "it is mapped already")
		isMappings(t, b.htmx().get("/dashboard/trains/mine/accounts"), http.StatusOK)

		// Pages that show the answer to a POST may be reloaded.
		for _, path := range []string{"/order", "/reset", "/default", "/a", "/a/move", "/a/default"} {
			require.Equal(t, "/dashboard/trains/mine/accounts", b.get("/dashboard/trains/mine/accounts"+path).location())
		}
		require.Equal(t, http.StatusNotFound, b.get("/dashboard/trains/none/accounts").status)
	})
}

// What the page says of a train: whether it is restricted, and whether it can be served.
func TestWhatAMappingPageWarnsOf(t *testing.T) {
	w := startWorld(t, "sqlite")
	b := w.login("Ann")
	w.addTrain("free")
	body := b.get("/dashboard/trains/free/accounts").body
	require.Contains(t, body, `data-testid="unrestricted"`)
	require.Contains(t, body, "There are no accounts yet")

	w.addAccount("off")
	w.addAccount("on")
	w.addTrain("stuck", "off")
	require.NoError(t, w.store.DeactivateAccount(t.Context(), "off", false))
	body = b.get("/dashboard/trains/stuck/accounts").body
	require.Contains(t, body, `data-testid="none-usable"`)
	require.NotContains(t, body, `data-testid="unrestricted"`)

	require.NoError(t, w.store.SetDefaultAccount(t.Context(), "stuck", "on", false))
	body = b.get("/dashboard/trains/stuck/accounts").body
	require.NotContains(t, body, `data-testid="none-usable"`)
	require.Contains(t, body, `data-testid="default-account"`)
	require.Contains(t, body, ">on</strong> first")

	w.addTrain("all", "off", "on")
	require.Contains(t, b.get("/dashboard/trains/all/accounts").body, "Every account is mapped")
}

func TestAddMapping(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		for _, name := range []string{"a", "b", "c", "d"} {
			w.addAccount(name)
		}
		named, err := w.store.CreateAccount(t.Context(), credstore.NewAccount{Name: "by-name", Type: credstore.APIKey, APIKey: credstore.NewSecret(secret("x"))})
		require.NoError(t, err)
		w.addTrain("mine")
		b, path := w.login("Ann"), "/dashboard/trains/mine/accounts"
		isSaved(t, b, b.post(path, url.Values{"account_id": {"b"}}), path, "b is added to the train.")
		isMappings(t, b.htmx().post(path, url.Values{"account_id": {"a"}}), http.StatusOK)
		require.Equal(t, []string{"a 0", "b 0"}, w.order("mine"), "nobody has given an order")

		require.NoError(t, w.store.ReorderMappings(t.Context(), "mine", []string{"a", "b"}, []string{"b", "a"}))
		for _, idOrName := range []string{" by-name ", "c", "d"} {
			isMappings(t, b.htmx().post(path, url.Values{"account_id": {idOrName}}), http.StatusOK)
		}
		require.Equal(t, []string{"b 2", "a 1", named.ID + " 0", "c -1", "d -2"}, w.order("mine"), "in an order it comes last")
		require.Equal(t, credstore.ActionMappingAdd, w.lastEvent().Action)
		require.Equal(t, "Ann", w.lastEvent().Actor.Name)

		before := len(w.events())
		for text, want := range map[string]string{
			"": "Choose an account.", "nobody": "no account of this name or id", "a": "a is mapped to this train already.",
			"<script>alert(1)</script>": "no account of this name or id", "\x00'; DROP TABLE accounts": "no account of this name or id", "..": "no account",
		} {
			a := b.htmx().post(path, url.Values{"account_id": {text}})
			isMappings(t, a, http.StatusUnprocessableEntity)
			require.Contains(t, a.body, want)
			isEscaped(t, a)
			a = b.post(path, url.Values{"account_id": {text}})
			require.Equal(t, http.StatusUnprocessableEntity, a.status)
			require.Contains(t, a.body, "<html")
		}
		require.Equal(t, http.StatusNotFound, b.post("/dashboard/trains/none/accounts", url.Values{"account_id": {"a"}}).status)
		require.Len(t, w.events(), before)
	})
}

// With many accounts one searches; without JavaScript, by sending what was typed.
func TestSearchAccountToAdd(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		w.addAccounts(103)
		w.addTrain("mine", "account-011")
		b, path := w.login("Ann"), "/dashboard/trains/mine/accounts"
		page := b.get(path).body
		require.NotContains(t, page, "<select")
		require.Contains(t, page, `<input type="search" id="account_id" name="account_id"`)
		matches := func(text string) (names []string) {
			a := b.htmx().get(path + "/search?" + url.Values{"account_id": {text}}.Encode())
			require.Equal(t, http.StatusOK, a.status)
			require.NotContains(t, a.body, "<html")
			isEscaped(t, a)
			for _, found := range regexp.MustCompile(`name="account_id" value="([^"]+)"`).FindAllStringSubmatch(a.body, -1) {
				names = append(names, found[1])
			}
			return names
		}
		require.Equal(t, []string{"account-010", "account-012", "account-013", "account-014", "account-015", "account-016", "account-017", "account-018", "account-019"}, matches("ACCOUNT-01"), "but for the one that is mapped")
		require.Equal(t, []string{"account-102"}, matches(" account-102\x00"))
		require.Len(t, matches("account"), maxMatches)
		for _, text := range []string{"", "nothing", "account-011", "%", "_", `\`, "<script>alert(1)</script>", "\xff"} {
			require.Empty(t, matches(text), text)
		}
		require.Equal(t, http.StatusNotFound, b.get("/dashboard/trains/none/accounts/search?account_id=a").status)

		a := b.post(path, url.Values{"account_id": {"count-05"}})
		require.Equal(t, http.StatusUnprocessableEntity, a.status)
		require.Contains(t, a.body, `value="count-05"`)
		require.Equal(t, 10, strings.Count(a.body, `data-testid="account-match"`))

		w.addTrain("most", "account-000", "account-001", "account-002")
		require.Contains(t, b.get("/dashboard/trains/most/accounts").body, "<select", "a hundred are left")
	})
}

func TestReorderMappings(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		for _, name := range []string{"a", "b", "c"} {
			w.addAccount(name)
		}
		w.addTrain("mine", "a", "b", "c")
		b, path := w.login("Ann"), "/dashboard/trains/mine/accounts"
		form := func(seen, order, moved string) url.Values {
			return url.Values{"seen": strings.Fields(seen), "order": strings.Fields(order), "moved": {moved}}
		}
		a := b.htmx().send(http.MethodPut, path+"/order", form("a b c", "c a b", "c"))
		isMappings(t, a, http.StatusOK)
		require.Equal(t, []string{"c", "a", "b"}, shownOrder(a))
		require.Contains(t, a.body, "Saved: c is now 1 of 3.")
		require.Equal(t, []string{"c 3", "a 2", "b 1"}, w.order("mine"))

		plain := form("c a b", "a b c", "")
		plain.Set("_method", "PUT")
		isSaved(t, b, b.post(path+"/order", plain), path, "Order saved.")
		require.Equal(t, []string{"a 3", "b 2", "c 1"}, w.order("mine"))
		require.Equal(t, credstore.ActionMappingReorder, w.lastEvent().Action)

		before := len(w.events())
		isMappings(t, b.htmx().send(http.MethodPut, path+"/order", form("a b c", "a b c", "x<y")), http.StatusOK)
		for _, wrong := range []string{"a b", "a b c d", "a b a", "", "a b c c"} {
			require.Equal(t, http.StatusBadRequest, b.htmx().send(http.MethodPut, path+"/order", form("a b c", wrong, "")).status, wrong)
		}
		require.Equal(t, http.StatusMethodNotAllowed, b.post(path+"/order", form("a b c", "c b a", "")).status)
		require.Equal(t, http.StatusNotFound, b.send(http.MethodPut, "/dashboard/trains/none/accounts/order", form("a", "a", "")).status)
		require.Len(t, w.events(), before)
	})
}

func TestMoveMapping(t *testing.T) {
	w := startWorld(t, "sqlite")
	for _, name := range []string{"a", "b", "c"} {
		w.addAccount(name)
	}
	w.addTrain("mine", "a", "b", "c")
	b, path := w.login("Ann"), "/dashboard/trains/mine/accounts"
	move := func(b *browser, account, direction string) answered {
		return b.post(path+"/"+account+"/move", url.Values{"seen": shownOrder(b.get(path)), "direction": {direction}})
	}
	isSaved(t, b, move(b, "c", "up"), path, "Saved: c is now 2 of 3.")
	require.Equal(t, []string{"a 3", "c 2", "b 1"}, w.order("mine"))
	isMappings(t, move(b.htmx(), "a", "down"), http.StatusOK)
	require.Equal(t, []string{"c 3", "a 2", "b 1"}, w.order("mine"))

	before := len(w.events())
	isSaved(t, b, move(b, "c", "up"), path, "Saved: c is now 1 of 3.")
	isSaved(t, b, move(b, "b", "down"), path, "Saved: b is now 3 of 3.")
	require.Len(t, w.events(), before, "at the ends nothing moves")
	require.Equal(t, http.StatusBadRequest, move(b, "c", "sideways").status)
	require.Equal(t, http.StatusNotFound, move(b, "none", "up").status)
	require.Equal(t, http.StatusBadRequest, b.post("/dashboard/trains/none/accounts/a/move", url.Values{}).status)

	body := b.get(path).body
	require.Regexp(t, `id="up-c"[^>]* disabled`, body)
	require.Regexp(t, `id="down-b"[^>]* disabled`, body)
	require.Equal(t, 2, strings.Count(body, " disabled>"))
}

// Of two operators who change the order at once, the second is told, and nothing that
// the first did is lost.
func TestTwoOperatorsReorderAtOnce(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		for _, name := range []string{"a", "b", "c", "d"} {
			w.addAccount(name)
		}
		w.addTrain("mine", "a", "b", "c")
		ann, ben, path := w.login("Ann"), w.login("Ben"), "/dashboard/trains/mine/accounts"
		seen := shownOrder(ben.get(path))
		isMappings(t, ann.htmx().send(http.MethodPut, path+"/order", url.Values{"seen": seen, "order": {"b", "a", "c"}}), http.StatusOK)
		before := len(w.events())
		for name, send := range map[string]func(b *browser) answered{
			"order": func(b *browser) answered {
				return b.post(path+"/order", url.Values{"_method": {"PUT"}, "seen": seen, "order": {"c", "b", "a"}})
			},
			"move": func(b *browser) answered {
				return b.post(path+"/c/move", url.Values{"seen": seen, "direction": {"up"}})
			},
			"reset": func(b *browser) answered { return b.post(path+"/reset", url.Values{"seen": seen}) },
		} {
			t.Run(name, func(t *testing.T) {
				a := send(ben.htmx())
				isMappings(t, a, http.StatusConflict)
				require.Equal(t, []string{"b", "a", "c"}, shownOrder(a), "as it is now")
				require.Contains(t, a.body, "Somebody else has changed")
				require.Contains(t, a.body, "Not saved")
				a = send(ben)
				require.Equal(t, http.StatusConflict, a.status)
				require.Contains(t, a.body, "<html")
				require.Equal(t, []string{"b", "a", "c"}, shownOrder(a))
			})
		}
		require.Equal(t, []string{"b 3", "a 2", "c 1"}, w.order("mine"))
		require.Len(t, w.events(), before)

		// An account that has come or gone is a change too.
		require.Equal(t, http.StatusSeeOther, ann.post(path, url.Values{"account_id": {"d"}}).status)
		isMappings(t, ben.htmx().send(http.MethodPut, path+"/order", url.Values{"seen": {"b", "a", "c"}, "order": {"c", "b", "a"}}), http.StatusConflict)
	})
}

func TestResetMappings(t *testing.T) {
	w := startWorld(t, "sqlite")
	names := []string{"a", "b", "c", "d", "e"}
	for _, name := range names {
		w.addAccount(name)
	}
	w.addTrain("mine", names...)
	first := selection.Rank("mine", names)[0]
	b, path := w.login("Ann"), "/dashboard/trains/mine/accounts"
	body := b.get(path).body
	require.Contains(t, body, ">"+first+"</strong> would be first")
	require.NotContains(t, body, "Where priorities are equal")
	isSaved(t, b, b.post(path+"/reset", url.Values{"seen": names}), path, "every account has priority 0 now")
	require.Equal(t, []string{"a 0", "b 0", "c 0", "d 0", "e 0"}, w.order("mine"))
	require.Contains(t, b.get(path).body, ">"+first+"</strong> first. Where priorities are equal")
	isMappings(t, b.htmx().post(path+"/reset", url.Values{"seen": names}), http.StatusOK)

	isMappings(t, b.htmx().send(http.MethodPut, path+"/order", url.Values{"seen": names, "order": names}), http.StatusOK)
	require.Equal(t, []string{"a 5", "b 4", "c 3", "d 2", "e 1"}, w.order("mine"), "the order that is shown can be saved as one")
}

func TestDefaultAccount(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		for _, name := range []string{"a", "b"} {
			w.addAccount(name)
		}
		w.addTrain("mine", "a")
		b, path := w.login("Ann"), "/dashboard/trains/mine/accounts"
		standard := func() string {
			train, err := w.store.GetTrain(t.Context(), "mine")
			require.NoError(t, err)
			return train.DefaultAccountID
		}
		isSaved(t, b, b.post(path+"/default", url.Values{"account_id": {"a"}}), path, "a is the default account now")
		require.Equal(t, "a", standard())
		isMappings(t, b.htmx().post(path+"/default", url.Values{"account_id": {"b"}}), http.StatusOK)
		require.Equal(t, "b", standard())
		isMappings(t, b.htmx().post(path+"/a/default", url.Values{}), http.StatusOK) // what the button does
		require.Equal(t, "a", standard())
		isSaved(t, b, b.post(path+"/b/default", url.Values{}), path, "b is the default account now")
		isMappings(t, b.htmx().post(path+"/default", url.Values{"account_id": {"none"}}), http.StatusNotFound)
		require.Equal(t, http.StatusNotFound, b.post(path+"/default", url.Values{"account_id": {"../x"}}).status)
		require.Equal(t, "b", standard())
		isSaved(t, b, b.post(path+"/default", url.Values{"account_id": {""}, "stays_restricted": {"true"}}), path, "no default account now")
		require.Empty(t, standard())
		require.Equal(t, credstore.ActionMappingDefault, w.lastEvent().Action)
	})
}

func TestRemoveMapping(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		for _, name := range []string{"a", "b", "c"} {
			w.addAccount(name)
		}
		named, err := w.store.CreateAccount(t.Context(), credstore.NewAccount{Name: "by-name", Type: credstore.APIKey, APIKey: credstore.NewSecret(secret("x"))})
		require.NoError(t, err)
		w.addTrain("mine", "a", "b", "c", named.ID)
		b, path := w.login("Ann"), "/dashboard/trains/mine/accounts"
		isSaved(t, b, b.post(path+"/a", url.Values{"_method": {"DELETE"}, "stays_restricted": {"true"}}), path, "a is removed from the train.")
		a := b.htmx().send(http.MethodDelete, path+"/b", url.Values{"stays_restricted": {"true"}})
		isMappings(t, a, http.StatusOK)
		require.Equal(t, []string{"c", named.ID}, shownOrder(a))
		isMappings(t, b.htmx().send(http.MethodDelete, path+"/by-name", nil), http.StatusOK)
		require.Equal(t, []string{"c 2"}, w.order("mine"))
		require.Equal(t, credstore.ActionMappingRemove, w.lastEvent().Action)

		before := len(w.events())
		for _, gone := range []string{"a", "none", "%3Cscript%3E"} {
			isMappings(t, b.htmx().send(http.MethodDelete, path+"/"+gone, nil), http.StatusNotFound)
			require.Equal(t, http.StatusNotFound, b.post(path+"/"+gone, url.Values{"_method": {"DELETE"}}).status)
		}
		require.Equal(t, http.StatusMethodNotAllowed, b.post(path+"/c", url.Values{"_method": {"PATCH"}}).status)
		require.Len(t, w.events(), before)
	})
}

// A train without any account may use all: that is asked for, and does not happen unseen
// when two operators take away one each.
func TestTheLastAccountOfATrain(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		for _, name := range []string{"a", "b"} {
			w.addAccount(name)
		}
		w.addTrain("mine", "a", "b")
		ann, ben, path := w.login("Ann"), w.login("Ben"), "/dashboard/trains/mine/accounts"
		page := ben.get(path).body
		require.NotContains(t, page, `data-testid="confirm-widen"`)
		require.Contains(t, page, `name="stays_restricted"`)
		isMappings(t, ann.htmx().send(http.MethodDelete, path+"/a", url.Values{"stays_restricted": {"true"}}), http.StatusOK)

		for _, b := range []*browser{ben, ben.htmx()} {
			a := b.send(http.MethodDelete, path+"/b", url.Values{"stays_restricted": {"true"}})
			require.Equal(t, http.StatusConflict, a.status)
			require.Contains(t, a.body, "last account of the train")
			require.Contains(t, a.body, `data-testid="confirm-widen"`)
			require.NotContains(t, a.body, `name="stays_restricted"`, "with this form it can be confirmed")
		}
		require.Equal(t, []string{"b 1"}, w.order("mine"))
		require.NoError(t, w.store.SetDefaultAccount(t.Context(), "mine", "a", false))
		require.NotContains(t, ben.get(path).body, `data-testid="confirm-widen"`, "the default account is left")
		require.Contains(t, ben.htmx().send(http.MethodDelete, path+"/b", nil).body, `data-testid="confirm-widen"`)

		isMappings(t, ben.htmx().post(path+"/default", url.Values{"account_id": {""}, "stays_restricted": {"true"}}), http.StatusConflict)
		a := ben.htmx().post(path+"/default", url.Values{"account_id": {""}})
		isMappings(t, a, http.StatusOK)
		require.Contains(t, a.body, `data-testid="unrestricted"`)
	})
}

// Of many who each take away another account at once, one is told that it is the last.
func TestTheLastAccountOfATrainAtOnce(t *testing.T) {
	onDatabases(t, func(t *testing.T, w *world) {
		names := []string{"a", "b", "c", "d", "e", "f"}
		for _, name := range names {
			w.addAccount(name)
		}
		w.addTrain("mine", names...)
		b := w.login("Ann").htmx()
		statuses := make([]int, len(names))
		var group sync.WaitGroup
		for i, name := range names {
			group.Go(func() {
				statuses[i] = b.send(http.MethodDelete, "/dashboard/trains/mine/accounts/"+name, url.Values{"stays_restricted": {"true"}}).status
			})
		}
		group.Wait()
		slices.Sort(statuses)
		require.Equal(t, append(slices.Repeat([]int{http.StatusOK}, len(names)-1), http.StatusConflict), statuses)
		require.Len(t, w.order("mine"), 1)
	})
}

// More mappings than can be put in order are shown in pages.
func TestManyMappings(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.limits.order = 120
	w.start().addAccounts(w.limits.order)
	w.addTrain("mine")
	for i := range w.limits.order {
		require.NoError(t, w.store.AddMapping(t.Context(), "mine", fmt.Sprintf("account-%03d", i), 0))
	}
	b, path := w.login("Ann"), "/dashboard/trains/mine/accounts"
	order := shownOrder(b.get(path))
	require.Len(t, order, w.limits.order)
	slices.Reverse(order)
	a := b.htmx().send(http.MethodPut, path+"/order", url.Values{"seen": shownOrder(b.get(path)), "order": order})
	isMappings(t, a, http.StatusOK)
	require.Equal(t, order, shownOrder(a))

	w.addAccount("one-more")
	require.Equal(t, http.StatusSeeOther, b.post(path, url.Values{"account_id": {"one-more"}}).status)
	page := b.get(path)
	require.Len(t, shownOrder(page), pageSize)
	require.Contains(t, page.body, `data-testid="too-many"`)
	require.NotContains(t, page.body, `draggable="true"`)
	require.NotContains(t, page.body, `data-testid="move-up"`)
	require.NotContains(t, page.body, `data-testid="save-order"`)
	next := regexp.MustCompile(`href="([^"]+)" data-testid="next-page"`).FindStringSubmatch(page.body)
	require.NotNil(t, next)
	require.Equal(t, order[pageSize:2*pageSize], shownOrder(b.get(strings.ReplaceAll(next[1], "&amp;", "&"))))
	require.Equal(t, path, b.get(path+"?after=nonsense").location(), "an address that is out of date leads to the first page")
	isMappings(t, b.htmx().send(http.MethodDelete, path+"/"+order[7], nil), http.StatusOK)
}

// With credential files there is nothing to change, and no train has mappings.
func TestMappingsOfFilesAreReadOnly(t *testing.T) {
	w := newWorld(t, "files")
	dir := filepath.Join(w.env["CREDENTIALS_DIR"], "train-client-keys")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.client-keys.json"), []byte(`{"keys":["`+secret("one")+`"]}`), 0o600))
	b := w.start().login("Ann")
	for _, path := range []string{"/accounts", "/slack"} {
		a := b.get("/dashboard/trains/mine" + path)
		require.Equal(t, http.StatusOK, a.status)
		content := a.body[strings.Index(a.body, "<main"):]
		require.NotContains(t, content, "<button")
		require.NotContains(t, content, "<form")
	}
	for method, paths := range map[string][]string{
		http.MethodPut:    {"/accounts/order", "/slack"},
		http.MethodDelete: {"/accounts/a", "/slack"},
		http.MethodPost:   {"/accounts", "/accounts/reset", "/accounts/default", "/accounts/a/move", "/accounts/a", "/slack", "/slack/test"},
		http.MethodGet:    {"/accounts/search?account_id=a"},
	} {
		for _, path := range paths {
			require.Equal(t, http.StatusForbidden, b.send(method, "/dashboard/trains/mine"+path, url.Values{"_method": {"PUT"}}).status, path)
		}
	}
}
