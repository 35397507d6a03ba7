package credstoretest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var accountTests = []test{
	{name: "Get", run: testGetAccount},
	{name: "GetRefused", run: testGetAccountRefused},
	{name: "ListNames", run: testListAccountNames},
	{name: "ListIsGet", run: testListAccountsIsGet},
	{name: "Order", run: testAccountOrder},
	{name: "OrderByLastUsed", run: testAccountOrderByLastUsed, requires: needs(lastUsed)},
	{name: "PagingWithInserts", run: testAccountPagingWithInserts},
	{name: "BadPage", run: testAccountBadPage},
	{name: "Search", run: testAccountSearch},
	{name: "Filter", run: testAccountFilter},
	{name: "FilterExpiry", run: testAccountFilterExpiry},
	{name: "FilterUnused", run: testAccountFilterUnused},
	{name: "FilterUnusedByUse", run: testAccountFilterUnusedByUse, requires: needs(lastUsed)},
	{name: "FilterActive", run: testAccountFilterActive, requires: needs(admin)},
}

func testGetAccount(t *testing.T, f *Fixture) {
	unknown := oauthAccount("unknown")
	unknown.Tokens.ExpiresAt, unknown.Tokens.Scopes, unknown.IsMax = time.Time{}, nil, false
	f.addAccounts(t, oauthAccount("a"), apiKeyAccount("key"), unknown)

	account := f.account(t, "acc_a")
	require.WithinDuration(t, time.Now(), account.CreatedAt, 10*time.Minute)
	require.WithinDuration(t, time.Now(), account.UpdatedAt, 10*time.Minute)
	for _, at := range []time.Time{account.CreatedAt, account.UpdatedAt} {
		require.Equal(t, time.UTC, at.Location())
		require.Equal(t, at.Truncate(time.Microsecond), at)
	}
	require.Equal(t, &credstore.Account{
		ID: "acc_a", Name: "a", Type: credstore.OAuth, ExpiresAt: expiry, Scopes: tokens("a").Scopes, IsMax: true, Active: true,
		CreatedAt: account.CreatedAt, UpdatedAt: account.UpdatedAt,
	}, account)

	account = f.account(t, "acc_unknown")
	require.True(t, account.ExpiresAt.IsZero())
	require.Nil(t, account.Scopes)
	require.False(t, account.IsMax)
	byName, err := f.Store.GetAccountByName(t.Context(), "key")
	require.NoError(t, err)
	require.Equal(t, f.account(t, "acc_key"), byName)
	require.Equal(t, credstore.APIKey, byName.Type)
}

func testGetAccountRefused(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"))
	for id, want := range map[string]error{
		"acc_b": credstore.ErrNotFound, "ACC_A": credstore.ErrNotFound,
		"": credstore.ErrInvalidID, "a b": credstore.ErrInvalidID, "a'--": credstore.ErrInvalidID, strings.Repeat("a", 256): credstore.ErrInvalidID,
	} {
		_, err := f.Store.GetAccount(t.Context(), id)
		require.ErrorIs(t, err, want, "%q", id)
		_, err = f.Store.GetAccountByName(t.Context(), id)
		require.ErrorIs(t, err, want, "%q", id)
	}
	_, err := f.Store.GetAccountByName(t.Context(), "A")
	require.ErrorIs(t, err, credstore.ErrNotFound)
}

// mixedNames are names whose order depends on the collation, in byte order.
var mixedNames = []string{"1", "10", "2", "A", "Ab", "B", "Z.1", "Z_1", "a", "a-b", "a.b", "a:b", "aB", "a_b", "ab", "b"}

// otherNames begin names that come before, between and behind the mixed ones.
const otherNames = "0M_Zaz"

// addMixed adds an account of each of the mixed names, out of order.
func (f *Fixture) addMixed(t testing.TB) {
	t.Helper()
	for i := range mixedNames {
		name := mixedNames[(i*7+3)%len(mixedNames)]
		account := apiKeyAccount(name)
		if i%2 == 0 {
			account = oauthAccount(name)
		}
		f.addAccounts(t, account)
	}
}

func testListAccountNames(t *testing.T, f *Fixture) {
	f.addMixed(t)
	for _, limit := range []int{0, 1, 3, len(mixedNames), 1000} {
		names := walk(t, limit, func(page credstore.PageRequest) (credstore.Page[string], error) {
			return f.Store.ListAccountNames(t.Context(), page)
		})
		require.Equal(t, mixedNames, names, "pages of %d", limit)
	}
}

// accounts walks the listing.
func (f *Fixture) accounts(t testing.TB, filter credstore.AccountFilter, limit int) []credstore.Account {
	t.Helper()
	return walk(t, limit, func(page credstore.PageRequest) (credstore.Page[credstore.Account], error) {
		return f.Store.ListAccounts(t.Context(), filter, page)
	})
}

func (f *Fixture) accountNames(t testing.TB, filter credstore.AccountFilter) []string {
	t.Helper()
	names := []string{}
	for _, account := range f.accounts(t, filter, 0) {
		names = append(names, account.Name)
	}
	count, err := f.Store.CountAccounts(t.Context(), filter)
	require.NoError(t, err)
	require.Len(t, names, count)
	return names
}

func testListAccountsIsGet(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"), apiKeyAccount("b"))
	for _, account := range f.accounts(t, credstore.AccountFilter{}, 0) {
		require.Equal(t, f.account(t, account.ID), &account)
	}
}

// accountSorts are the orders, and what each sorts by before the name.
var accountSorts = map[credstore.AccountSort]func(a, b credstore.Account) int{
	"":                           func(_, _ credstore.Account) int { return 0 },
	credstore.SortAccountName:    func(_, _ credstore.Account) int { return 0 },
	credstore.SortAccountCreated: func(a, b credstore.Account) int { return a.CreatedAt.Compare(b.CreatedAt) },
	credstore.SortAccountLastUsed: func(a, b credstore.Account) int {
		return a.LastUsedAt.Compare(b.LastUsedAt)
	},
	credstore.SortAccountType: func(a, b credstore.Account) int { return cmp.Compare(a.Type, b.Type) },
}

// accountOrder is the whole of an order: ties are broken by name.
func (f *Fixture) accountOrder(t testing.TB, sort credstore.AccountSort, descending bool) func(a, b credstore.Account) int {
	t.Helper()
	names := f.collation(f.accountNames(t, credstore.AccountFilter{}))
	return func(a, b credstore.Account) int {
		order := cmp.Or(accountSorts[sort](a, b), names(a.Name, b.Name))
		if descending {
			return -order
		}
		return order
	}
}

// collation compares texts as the backend does: by bytes or, where it has an order
// of its own, by their places in sorted.
func (f *Fixture) collation(sorted []string) func(a, b string) int {
	if f.byteOrder {
		return cmp.Compare[string]
	}
	return func(a, b string) int { return cmp.Compare(slices.Index(sorted, a), slices.Index(sorted, b)) }
}

// requireAccountOrder walks every order with pages of every size.
func (f *Fixture) requireAccountOrder(t testing.TB, total int) {
	t.Helper()
	for sort := range accountSorts {
		for _, limit := range []int{1, 3, 100} {
			up := f.accounts(t, credstore.AccountFilter{Sort: sort}, limit)
			require.Len(t, up, total)
			require.True(t, slices.IsSortedFunc(up, f.accountOrder(t, sort, false)), "order %q", sort)
			down := f.accounts(t, credstore.AccountFilter{Sort: sort, Descending: true}, limit)
			slices.Reverse(down)
			require.Equal(t, up, down, "descending is the whole order reversed")
		}
	}
}

func testAccountOrder(t *testing.T, f *Fixture) {
	f.addMixed(t)
	f.requireAccountOrder(t, len(mixedNames))
}

func testAccountOrderByLastUsed(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"), apiKeyAccount("b"), apiKeyAccount("c"), apiKeyAccount("d"))
	now := time.Now().UTC().Truncate(time.Microsecond)
	f.Store.TouchLastUsed("acc_b", now.Add(-time.Hour))
	f.Store.TouchLastUsed("acc_a", now.Add(-time.Minute))
	f.awaitLastUsed(t, "acc_b", now.Add(-time.Hour))
	f.awaitLastUsed(t, "acc_a", now.Add(-time.Minute))
	names := f.accountNames(t, credstore.AccountFilter{Sort: credstore.SortAccountLastUsed})
	require.Equal(t, []string{"c", "d", "b", "a"}, names, "never used comes first")
	f.requireAccountOrder(t, 4)
}

// What was there when the walk began comes once, in order, whatever is added.
func testAccountPagingWithInserts(t *testing.T, f *Fixture) {
	f.addMixed(t)
	for sort := range accountSorts {
		for _, descending := range []bool{false, true} {
			filter := credstore.AccountFilter{Sort: sort, Descending: descending}
			before := f.accounts(t, filter, 0)
			added := 0
			seen := walk(t, 5, func(page credstore.PageRequest) (credstore.Page[credstore.Account], error) {
				result, err := f.Store.ListAccounts(t.Context(), filter, page)
				added++
				f.addAccounts(t, apiKeyAccount(fmt.Sprintf("%c-%s-%t-%d", otherNames[added%len(otherNames)], sort, descending, added)))
				return result, err
			})
			require.True(t, slices.IsSortedFunc(seen, f.accountOrder(t, sort, descending)))
			old := slices.DeleteFunc(seen, func(a credstore.Account) bool { return !slices.ContainsFunc(before, hasID(a.ID)) })
			require.Equal(t, before, old, "order %q, descending %t", sort, descending)
		}
	}
}

func hasID(id string) func(credstore.Account) bool {
	return func(a credstore.Account) bool { return a.ID == id }
}

// badCursors are no cursors of any listing.
var badCursors = []string{"x", "!!!", "0", "eyJ9", "WyJhY2NvdW50cyJd", strings.Repeat("A", 10_000), "\x00", "W10"}

func testAccountBadPage(t *testing.T, f *Fixture) {
	f.addMixed(t)
	for _, cursor := range badCursors {
		page := credstore.PageRequest{After: cursor}
		_, err := f.Store.ListAccounts(t.Context(), credstore.AccountFilter{}, page)
		require.ErrorIs(t, err, credstore.ErrInvalid, "%q", cursor)
		_, err = f.Store.ListAccounts(t.Context(), credstore.AccountFilter{Sort: credstore.SortAccountCreated}, page)
		require.ErrorIs(t, err, credstore.ErrInvalid, "%q", cursor)
		_, err = f.Store.ListAccountNames(t.Context(), page)
		require.ErrorIs(t, err, credstore.ErrInvalid, "%q", cursor)
	}
	first, err := f.Store.ListAccounts(t.Context(), credstore.AccountFilter{}, credstore.PageRequest{Limit: 2})
	require.NoError(t, err)
	for sort := range accountSorts {
		_, err = f.Store.ListAccounts(t.Context(), credstore.AccountFilter{Sort: sort, Descending: true}, credstore.PageRequest{After: first.Next})
		if err != nil {
			require.ErrorIs(t, err, credstore.ErrInvalid, "a cursor of another order is refused or goes on")
		}
	}
	_, err = f.Store.ListAccounts(t.Context(), credstore.AccountFilter{Sort: "name; DROP TABLE accounts"}, credstore.PageRequest{})
	require.ErrorIs(t, err, credstore.ErrInvalid)
	negative, err := f.Store.ListAccountNames(t.Context(), credstore.PageRequest{Limit: -1})
	require.NoError(t, err)
	require.Len(t, negative.Items, len(mixedNames))
}

func testAccountSearch(t *testing.T, f *Fixture) {
	f.addMixed(t)
	for search, want := range map[string][]string{
		"":      mixedNames,
		"A_B":   {"a_b"},
		"_":     mixedNames, // in every id: acc_…
		"b":     {"Ab", "B", "a-b", "a.b", "a:b", "aB", "a_b", "ab", "b"},
		"acc_a": {"A", "Ab", "a", "a-b", "a.b", "a:b", "aB", "a_b", "ab"},
		"z_":    {"Z_1"},
		"%":     {}, `\`: {}, "a%b": {}, "*": {}, "'": {}, "é": {}, "[ab]": {},
	} {
		require.ElementsMatch(t, want, f.accountNames(t, credstore.AccountFilter{Search: search}), "%q", search)
	}
	_, err := f.Store.ListAccounts(t.Context(), credstore.AccountFilter{Search: "a\x00"}, credstore.PageRequest{})
	require.ErrorIs(t, err, credstore.ErrInvalid)
}

func testAccountFilter(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("o1"), oauthAccount("o2"), apiKeyAccount("k1"))
	require.NoError(t, f.Store.MarkNeedsReauth(t.Context(), "acc_o2", tokens("o2").Refresh, "invalid_grant"))
	yes, no := true, false
	require.Equal(t, []string{"o1", "o2"}, f.accountNames(t, credstore.AccountFilter{Type: credstore.OAuth}))
	require.Equal(t, []string{"k1"}, f.accountNames(t, credstore.AccountFilter{Type: credstore.APIKey}))
	require.Equal(t, []string{"o2"}, f.accountNames(t, credstore.AccountFilter{Reauth: &yes}))
	require.Equal(t, []string{"k1", "o1"}, f.accountNames(t, credstore.AccountFilter{Reauth: &no}))
	require.Equal(t, []string{"k1", "o1", "o2"}, f.accountNames(t, credstore.AccountFilter{Active: &yes}))
	require.Empty(t, f.accountNames(t, credstore.AccountFilter{Active: &no}))
	require.Equal(t, []string{"o1"}, f.accountNames(t, credstore.AccountFilter{Search: "O", Type: credstore.OAuth, Reauth: &no}))
}

func testAccountFilterExpiry(t *testing.T, f *Fixture) {
	unknown, past := oauthAccount("unknown"), oauthAccount("past")
	unknown.Tokens.ExpiresAt, past.Tokens.ExpiresAt = time.Time{}, expiry.AddDate(-10, 0, 0)
	f.addAccounts(t, oauthAccount("a"), unknown, past, apiKeyAccount("key"))
	for before, want := range map[time.Time][]string{
		{}:                                  {"a", "key", "past", "unknown"},
		expiry:                              {"past"},
		expiry.Add(time.Microsecond):        {"a", "past"},
		expiry.AddDate(1, 0, 0):             {"a", "past"},
		past.Tokens.ExpiresAt:               {},
		time.UnixMilli(1):                   {},
		expiry.In(time.FixedZone("", 3600)): {"past"},
	} {
		require.Equal(t, want, f.accountNames(t, credstore.AccountFilter{ExpiresBefore: before}), "before %v", before)
	}
	filter := credstore.AccountFilter{ExpiresBefore: expiry.AddDate(1, 0, 0), Search: "A", Descending: true}
	require.Equal(t, []string{"past", "a"}, f.accountNames(t, filter))
}

// Nobody used them, but not all were there to be used.
func testAccountFilterUnused(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"), oauthAccount("b"))
	created := f.account(t, "acc_a").CreatedAt
	require.Empty(t, f.accountNames(t, credstore.AccountFilter{UnusedSince: created}))
	require.Contains(t, f.accountNames(t, credstore.AccountFilter{UnusedSince: created.Add(time.Microsecond)}), "a")
	later := credstore.AccountFilter{UnusedSince: created.Add(time.Hour)}
	require.Equal(t, []string{"a", "b"}, f.accountNames(t, later))
	later.Type = credstore.OAuth
	require.Equal(t, []string{"b"}, f.accountNames(t, later))
}

func testAccountFilterUnusedByUse(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"), apiKeyAccount("b"))
	used := time.Now().UTC().Truncate(time.Microsecond)
	f.Store.TouchLastUsed("acc_a", used)
	f.awaitLastUsed(t, "acc_a", used)
	require.Equal(t, []string{"b"}, f.accountNames(t, credstore.AccountFilter{UnusedSince: used}))
	require.Equal(t, []string{"a", "b"}, f.accountNames(t, credstore.AccountFilter{UnusedSince: used.Add(time.Microsecond)}))
}

func testAccountFilterActive(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"), apiKeyAccount("b"))
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_a", false))
	yes, no := true, false
	require.Equal(t, []string{"a"}, f.accountNames(t, credstore.AccountFilter{Active: &no}))
	require.Equal(t, []string{"b"}, f.accountNames(t, credstore.AccountFilter{Active: &yes}))
	names, err := f.Store.ListAccountNames(t.Context(), credstore.PageRequest{})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, names.Items, "names of all accounts")
}
