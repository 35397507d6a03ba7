package credstoretest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var routeTests = []test{
	{name: "ActiveAccounts", run: testActiveAccounts},
	{name: "Unrestricted", run: testUnrestrictedRoute},
	{name: "Refused", run: testRouteRefused},
	{name: "Order", run: testRouteOrder, requires: needs(admin, mappings)},
	{name: "Default", run: testRouteDefault, requires: needs(admin, mappings)},
	{name: "DeactivatedAccounts", run: testRouteOfDeactivatedAccounts, requires: needs(admin, mappings)},
	{name: "DeactivatedTrain", run: testRouteOfDeactivatedTrain, requires: needs(admin)},
}

// ref is an active account as a route shows it.
func ref(name string, kind credstore.CredentialType) credstore.AccountRef {
	return credstore.AccountRef{ID: "acc_" + name, Name: name, Type: kind, Active: true}
}

func testActiveAccounts(t *testing.T, f *Fixture) {
	accounts, err := f.Store.ActiveAccounts(t.Context())
	require.NoError(t, err)
	require.Empty(t, accounts)

	f.addAccounts(t, apiKeyAccount("b"), oauthAccount("B"), apiKeyAccount("a_1"), apiKeyAccount("a.1"), apiKeyAccount("a-1"))
	accounts, err = f.Store.ActiveAccounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, []credstore.AccountRef{
		ref("B", credstore.OAuth), ref("a-1", credstore.APIKey), ref("a.1", credstore.APIKey),
		ref("a_1", credstore.APIKey), ref("b", credstore.APIKey),
	}, accounts, "in byte order")
}

func testUnrestrictedRoute(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"))
	f.addTrain(t, train("main"))
	route, err := f.Store.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	require.Equal(t, "main", route.TrainID)
	require.True(t, route.Active)
	require.Nil(t, route.Default)
	require.Empty(t, route.Mappings)
	require.False(t, route.Restricted())
}

func testRouteRefused(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	for id, want := range map[string]error{
		"other": credstore.ErrNotFound, "MAIN": credstore.ErrNotFound,
		"": credstore.ErrInvalidID, "main/..": credstore.ErrInvalidID, "é": credstore.ErrInvalidID,
	} {
		_, err := f.Store.GetRoute(t.Context(), id)
		require.ErrorIs(t, err, want, "%q", id)
	}
}

func testRouteOrder(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	for name, priority := range map[string]int{"low": -5, "b": 3, "B": 3, "a": 3, "high": 100, "zero": 0} {
		f.addAccounts(t, apiKeyAccount(name))
		require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_"+name, priority))
	}
	route, err := f.Store.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	var names []string
	for _, mapping := range route.Mappings {
		require.Equal(t, ref(mapping.Account.Name, credstore.APIKey), mapping.Account)
		require.False(t, mapping.CreatedAt.IsZero())
		names = append(names, mapping.Account.Name)
	}
	require.Equal(t, []string{"high", "B", "a", "b", "zero", "low"}, names, "priority, then name by bytes")
	require.Equal(t, -5, route.Mappings[5].Priority)
	require.True(t, route.Restricted())
}

func testRouteDefault(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	f.addTrain(t, train("main"))
	require.NoError(t, f.Admin.SetDefaultAccount(t.Context(), "main", "acc_a", false))
	route, err := f.Store.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	require.Equal(t, ref("a", credstore.OAuth), *route.Default)
	require.Empty(t, route.Mappings)
	require.True(t, route.Restricted())

	require.NoError(t, f.Admin.SetDefaultAccount(t.Context(), "main", "", true))
	route, err = f.Store.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	require.False(t, route.Restricted())
}

// A train whose accounts are all deactivated still names them: it does not become
// one that may use every account.
func testRouteOfDeactivatedAccounts(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"), apiKeyAccount("b"), apiKeyAccount("c"))
	f.addTrain(t, train("main"))
	require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_a", 1))
	require.NoError(t, f.Admin.SetDefaultAccount(t.Context(), "main", "acc_b", false))
	_, err := f.Store.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_a", false))
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_b", false))

	route, err := f.Store.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	require.True(t, route.Restricted())
	require.False(t, route.Default.Usable())
	require.Len(t, route.Mappings, 1)
	require.False(t, route.Mappings[0].Account.Usable())
	accounts, err := f.Store.ActiveAccounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, []credstore.AccountRef{ref("c", credstore.APIKey)}, accounts)
}

func testRouteOfDeactivatedTrain(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	require.NoError(t, f.Admin.DeactivateTrain(t.Context(), "main"))
	route, err := f.Store.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	require.False(t, route.Active)
}
