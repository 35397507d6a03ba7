package credstoretest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var pagingTests = []test{
	{name: "AccountNames", run: testPagesOfNames},
	{name: "Accounts", run: testPagesOfAccounts},
	{name: "Trains", run: testPagesOfTrains},
	{name: "ClientKeys", run: testPagesOfClientKeys},
	{name: "Mappings", run: testPagesOfMappings, requires: needs(admin, mappings)},
	{name: "Audit", run: testPagesOfAudit, requires: needs(admin)},
	{name: "Empty", run: testPagesOfNothing},
	{name: "AccountsGone", run: testPagesOfGoneAccounts},
	{name: "ClientKeysGone", run: testPagesOfGoneClientKeys, requires: needs(admin)},
	{name: "MappingsGone", run: testPagesOfGoneMappings, requires: needs(admin, mappings)},
}

// A lister is a listing with all but the page chosen.
type lister[T any] func(credstore.PageRequest) (credstore.Page[T], error)

func (list lister[T]) get(t testing.TB, request credstore.PageRequest) credstore.Page[T] {
	t.Helper()
	page, err := list(request)
	require.NoError(t, err)
	return page
}

// pages reads the listing to its end.
func (list lister[T]) pages(t testing.TB, limit int) []credstore.Page[T] {
	t.Helper()
	var pages []credstore.Page[T]
	walk(t, limit, func(request credstore.PageRequest) (credstore.Page[T], error) {
		page, err := list(request)
		pages = append(pages, page)
		return page, err
	})
	return pages
}

// walkBack reads the listing backwards, from the cursor to its beginning, and
// returns the items in their order.
func (list lister[T]) walkBack(t testing.TB, limit int, cursor string) []T {
	t.Helper()
	var items []T
	for cursor != "" {
		page := list.get(t, credstore.PageRequest{Before: cursor, Limit: limit})
		items = append(slices.Clone(page.Items), items...)
		if cursor = page.Prev; cursor != "" {
			require.Len(t, page.Items, limit, "only the first page is short")
		}
	}
	return items
}

// requireBothWays walks a listing that stays as it is, forwards and backwards, and
// tries what every listing refuses.
func (list lister[T]) requireBothWays(t testing.TB, what string) {
	t.Helper()
	all := list.get(t, credstore.PageRequest{})
	require.Empty(t, all.Next+all.Prev, "%s: one page has no neighbours", what)
	total := len(all.Items)
	require.Greater(t, total, 5, what)
	for _, limit := range []int{1, 3, total - 1, total, total + 1} {
		pages := list.pages(t, limit)
		require.Len(t, pages, (total+limit-1)/limit)
		require.Empty(t, pages[0].Prev)
		for i := len(pages) - 1; i > 0; i-- {
			before := list.get(t, credstore.PageRequest{Before: pages[i].Prev, Limit: limit})
			require.Equal(t, pages[i-1], before, "%s: page %d of %d items, from behind", what, i-1, limit)
		}
	}
	pages := list.pages(t, 3)
	last := pages[len(pages)-1]
	for _, other := range []int{1, 4, 100} {
		require.Equal(t, all.Items, append(list.walkBack(t, other, last.Prev), last.Items...), what)
	}
	_, err := list(credstore.PageRequest{After: last.Prev, Before: last.Prev})
	require.ErrorIs(t, err, credstore.ErrInvalid, what)
	list.requireRefused(t, what)
}

// requireRefused tries what is no cursor.
func (list lister[T]) requireRefused(t testing.TB, what string) {
	t.Helper()
	for _, bad := range append([]string{".", "..", ".x"}, badCursors...) {
		_, err := list(credstore.PageRequest{Before: bad})
		require.ErrorIs(t, err, credstore.ErrInvalid, "%s before %q", what, bad)
		_, err = list(credstore.PageRequest{After: bad})
		require.ErrorIs(t, err, credstore.ErrInvalid, "%s after %q", what, bad)
	}
	_, err := list(credstore.PageRequest{After: "x", Before: "x"})
	require.ErrorIs(t, err, credstore.ErrInvalid, what)
}

func (f *Fixture) listAccounts(t testing.TB, filter credstore.AccountFilter) lister[credstore.Account] {
	return func(page credstore.PageRequest) (credstore.Page[credstore.Account], error) {
		return f.Store.ListAccounts(t.Context(), filter, page)
	}
}

func (f *Fixture) listTrains(t testing.TB, filter credstore.TrainFilter) lister[credstore.Train] {
	return func(page credstore.PageRequest) (credstore.Page[credstore.Train], error) {
		return f.Store.ListTrains(t.Context(), filter, page)
	}
}

func (f *Fixture) listNames(t testing.TB) lister[string] {
	return func(page credstore.PageRequest) (credstore.Page[string], error) {
		return f.Store.ListAccountNames(t.Context(), page)
	}
}

func (f *Fixture) listClientKeys(t testing.TB) lister[credstore.ClientKey] {
	return func(page credstore.PageRequest) (credstore.Page[credstore.ClientKey], error) {
		return f.Store.ListClientKeys(t.Context(), "main", page)
	}
}

func (f *Fixture) listMappings(t testing.TB) lister[credstore.Mapping] {
	return func(page credstore.PageRequest) (credstore.Page[credstore.Mapping], error) {
		return f.Store.ListMappings(t.Context(), "main", page)
	}
}

func (f *Fixture) listAudit(t testing.TB, filter credstore.AuditFilter) lister[credstore.AuditEvent] {
	return func(page credstore.PageRequest) (credstore.Page[credstore.AuditEvent], error) {
		return f.Admin.ListAudit(t.Context(), filter, page)
	}
}

func testPagesOfNames(t *testing.T, f *Fixture) {
	f.addMixed(t)
	f.listNames(t).requireBothWays(t, "names")
}

func testPagesOfAccounts(t *testing.T, f *Fixture) {
	f.addMixed(t)
	for sort := range accountSorts {
		for _, descending := range []bool{false, true} {
			filter := credstore.AccountFilter{Sort: sort, Descending: descending}
			f.listAccounts(t, filter).requireBothWays(t, fmt.Sprintf("accounts by %q, descending %t", sort, descending))
		}
	}
	f.listAccounts(t, credstore.AccountFilter{Search: "b", Sort: credstore.SortAccountType}).requireBothWays(t, "some accounts")
}

func testPagesOfTrains(t *testing.T, f *Fixture) {
	f.addMixedTrains(t)
	for sort := range trainSorts {
		for _, descending := range []bool{false, true} {
			filter := credstore.TrainFilter{Sort: sort, Descending: descending}
			f.listTrains(t, filter).requireBothWays(t, fmt.Sprintf("trains by %q, descending %t", sort, descending))
		}
	}
}

// addNineKeys adds a train with client keys.
func (f *Fixture) addNineKeys(t testing.TB) {
	t.Helper()
	var keys []credstore.Secret
	for i := range 9 {
		keys = append(keys, secret(fmt.Sprint("key ", i)))
	}
	f.addTrain(t, credstore.NewTrain{ID: "main", ClientKeys: keys})
}

func testPagesOfClientKeys(t *testing.T, f *Fixture) {
	f.addNineKeys(t)
	f.listClientKeys(t).requireBothWays(t, "client keys")
}

// addNineMappings adds a train with mappings, three of each priority.
func (f *Fixture) addNineMappings(t testing.TB) {
	t.Helper()
	f.addTrain(t, train("main"))
	for i, name := range mixedNames[:9] {
		f.addAccounts(t, apiKeyAccount(name))
		require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_"+name, i%3-1))
	}
}

func testPagesOfMappings(t *testing.T, f *Fixture) {
	f.addNineMappings(t)
	f.listMappings(t).requireBothWays(t, "mappings")
}

func testPagesOfAudit(t *testing.T, f *Fixture) {
	for i := range 9 {
		event := credstore.AuditEvent{Action: credstore.ActionLogin, ObjectType: credstore.ObjectSession, ObjectID: fmt.Sprint(i % 2)}
		ctx := credstore.WithActor(t.Context(), credstore.Actor{Name: fmt.Sprint(i % 3 / 2)})
		require.NoError(t, f.Admin.AppendAudit(ctx, event))
	}
	f.listAudit(t, credstore.AuditFilter{}).requireBothWays(t, "audit events")
	f.listAudit(t, credstore.AuditFilter{ActorName: "0", Action: "session."}).requireBothWays(t, "audit events of one")
}

func testPagesOfNothing(t *testing.T, f *Fixture) {
	f.addTrain(t, credstore.NewTrain{ID: "main"})
	nothing := credstore.Page[credstore.Account]{Items: []credstore.Account{}}
	require.Equal(t, nothing, f.listAccounts(t, credstore.AccountFilter{}).get(t, credstore.PageRequest{}))
	f.listNames(t).requireRefused(t, "names")
	f.listAccounts(t, credstore.AccountFilter{}).requireRefused(t, "accounts")
	f.listTrains(t, credstore.TrainFilter{}).requireRefused(t, "trains")
	f.listClientKeys(t).requireRefused(t, "client keys")
	f.listMappings(t).requireRefused(t, "mappings")
}

// requireGoneBefore removes from a listing of nine what three pages begin and end
// with: none of what is left is passed over.
func (list lister[T]) requireGoneBefore(t testing.TB, remove func(T)) {
	t.Helper()
	pages := list.pages(t, 3)
	require.Len(t, pages, 3)
	all := slices.Concat(pages[0].Items, pages[1].Items, pages[2].Items)
	remove(all[5])
	require.Equal(t, all[6:], list.get(t, credstore.PageRequest{After: pages[1].Next, Limit: 3}).Items)
	before := list.get(t, credstore.PageRequest{Before: pages[2].Prev, Limit: 3})
	require.Equal(t, all[2:5], before.Items)
	first := list.get(t, credstore.PageRequest{Before: before.Prev, Limit: 3})
	require.Equal(t, all[:2], first.Items)
	require.Empty(t, first.Prev)
	require.Equal(t, before.Items, list.get(t, credstore.PageRequest{After: first.Next, Limit: 3}).Items)

	for _, item := range all[:5] {
		remove(item)
	}
	empty := list.get(t, credstore.PageRequest{Before: pages[2].Prev, Limit: 3})
	require.Empty(t, empty.Items)
	require.Empty(t, empty.Prev)
	require.Equal(t, all[6:], list.get(t, credstore.PageRequest{After: empty.Next, Limit: 3}).Items)
}

// requireGoneBehind removes all that comes after the first page of a listing.
func (list lister[T]) requireGoneBehind(t testing.TB, remove func(T)) {
	t.Helper()
	first := list.get(t, credstore.PageRequest{Limit: 2})
	for _, item := range list.get(t, credstore.PageRequest{After: first.Next}).Items {
		remove(item)
	}
	empty := list.get(t, credstore.PageRequest{After: first.Next, Limit: 2})
	require.Empty(t, empty.Items)
	require.Empty(t, empty.Next)
	require.Equal(t, first.Items, list.get(t, credstore.PageRequest{Before: empty.Prev, Limit: 2}).Items)
}

func testPagesOfGoneAccounts(t *testing.T, f *Fixture) {
	for i, name := range mixedNames[:9] {
		account := apiKeyAccount(name)
		if i%2 == 0 {
			account = oauthAccount(name)
		}
		f.addAccounts(t, account)
	}
	active := true
	list := f.listAccounts(t, credstore.AccountFilter{Active: &active, Sort: credstore.SortAccountType, Descending: true})
	remove := func(account credstore.Account) { f.removeAccount(t, account.ID) }
	list.requireGoneBefore(t, remove)
	list.requireGoneBehind(t, remove)
}

func testPagesOfGoneClientKeys(t *testing.T, f *Fixture) {
	f.addNineKeys(t)
	remove := func(key credstore.ClientKey) {
		require.NoError(t, f.Admin.RevokeClientKey(t.Context(), "main", key.Hash))
	}
	f.listClientKeys(t).requireGoneBefore(t, remove)
	f.listClientKeys(t).requireGoneBehind(t, remove)
}

func testPagesOfGoneMappings(t *testing.T, f *Fixture) {
	f.addNineMappings(t)
	remove := func(mapping credstore.Mapping) {
		require.NoError(t, f.Admin.RemoveMapping(t.Context(), "main", mapping.Account.ID, true))
	}
	f.listMappings(t).requireGoneBefore(t, remove)
	f.listMappings(t).requireGoneBehind(t, remove)
}
