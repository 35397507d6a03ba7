package server

import (
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// An accountList is what accounts.html shows.
type accountList struct {
	listing
	Accounts []accountView
	Trains   int
}

var accountSorts = map[string]credstore.AccountSort{
	"name": credstore.SortAccountName, "type": credstore.SortAccountType,
	"last_used": credstore.SortAccountLastUsed, "created": credstore.SortAccountCreated,
}

// accountStatuses are the choices of the status filter.
var accountStatuses = map[string]func(*credstore.AccountFilter, time.Time){
	"active":      func(f *credstore.AccountFilter, _ time.Time) { f.Active = new(true) },
	"deactivated": func(f *credstore.AccountFilter, _ time.Time) { f.Active = new(false) },
	"reauth":      func(f *credstore.AccountFilter, _ time.Time) { f.Active, f.Reauth = new(true), new(true) },
	"expiring":    func(f *credstore.AccountFilter, now time.Time) { f.Active, f.ExpiresBefore = new(true), now.Add(soon) },
	"unused": func(f *credstore.AccountFilter, now time.Time) {
		f.Active, f.UnusedSince = new(true), now.Add(-unusedAfter)
	},
}

// accountFilter reads the filter from an address. What it does not know counts as not
// set: an address that was typed wrong still shows a list.
func accountFilter(query url.Values, now time.Time) credstore.AccountFilter {
	filter := credstore.AccountFilter{Search: searchText(query), Sort: accountSorts[query.Get("sort")], Descending: query.Get("dir") == "desc"}
	if t := credstore.CredentialType(query.Get("type")); credstore.CheckCredentialType(t) == nil {
		filter.Type = t
	}
	if set := accountStatuses[query.Get("status")]; set != nil {
		set(&filter, now)
	}
	return filter
}

func (s *server) listAccounts(c *gin.Context) {
	ctx, query := c.Request.Context(), c.Request.URL.Query()
	filter := accountFilter(query, time.Now())
	found, err := s.store.ListAccounts(ctx, filter, pageRequest(query))
	if err != nil {
		s.failList(c, err)
		return
	}
	total, err := s.store.CountAccounts(ctx, filter)
	if err != nil {
		s.fail(c, err)
		return
	}
	view := accountList{listing: newListing("/dashboard/accounts", query, total, found.Prev, found.Next)}
	for i := range found.Items {
		view.Accounts = append(view.Accounts, viewAccount(&found.Items[i]))
	}
	s.renderPart(c, http.StatusOK, "accounts", "accounts-table", page{Title: "Accounts", Section: "accounts", Body: view})
}
