package server

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListingKeepsWhatItKnows(t *testing.T) {
	query := url.Values{"q": {"a b", "c"}, "sort": {"name"}, "status": {""}, "after": {"x"}, "before": {"y"}, "format": {"csv"}, "account": {"z"}, "": {"e"}}
	l := newListing("/dashboard/accounts", query, 9, "first", "last")
	require.Equal(t, "/dashboard/accounts?before=first&q=a+b&sort=name", l.PrevPage)
	require.Equal(t, "/dashboard/accounts?after=last&q=a+b&sort=name", l.NextPage)
	require.Equal(t, "/dashboard/accounts?dir=desc&q=a+b&sort=name", l.SortBy("name", "name"))
	require.Equal(t, "/dashboard/accounts?q=a+b&sort=type", l.SortBy("type", "name"))
	require.True(t, l.Filtered())
	require.False(t, newListing("/dashboard/accounts", url.Values{"utm": {"x"}, "sort": {"type"}, "after": {"x"}}, 9, "", "").Filtered())
	require.Equal(t, "/dashboard/trains/a/accounts", newListing("/dashboard/trains/a/accounts", query, 9, "", "").address(nil))
}

// What no list knows is in none of its links.
func TestListsLeaveForeignFieldsOut(t *testing.T) {
	w := startWorld(t, "sqlite")
	for i := range pageSize + 1 {
		w.addTrain(fmt.Sprintf("t%03d", i))
	}
	b := w.login("Ann")
	for _, path := range []string{"/dashboard/accounts", "/dashboard/trains", "/dashboard/trains/t001", "/dashboard/trains/t001/accounts", "/dashboard/audit"} {
		for _, query := range []string{"?foreign=reflected", "?q=x&foreign=reflected&foreign=reflected", "?reflected"} {
			require.NotContains(t, b.get(path+query).body, "reflected", path+query)
		}
		require.NotContains(t, b.get(path+"?after=nonsense&foreign=reflected").location(), "reflected", path)
	}
	require.True(t, strings.Contains(pagesAround(b.get("/dashboard/trains?q=t&foreign=reflected"))["next"], "q=t"))
}
