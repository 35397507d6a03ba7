package server

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// pageSize is how many rows a page of a list shows.
const pageSize = 50

// A listing is what all lists share: what was asked for, and the addresses of the pages
// around.
type listing struct {
	Path     string
	Query    url.Values // what the list knows of the address, but for the page
	Total    int        // rows that pass the filter
	PrevPage string
	NextPage string
}

// listFields are what each list knows of its address, beside the page.
var listFields = map[string][]string{
	"/dashboard/accounts": {"q", "type", "status", "sort", "dir"},
	"/dashboard/trains":   {"q", "account", "status", "sort", "dir"},
	"/dashboard/audit":    {"actor", "session", "action", "object", "id", "since", "until"},
}

func newListing(path string, query url.Values, total int, prev, next string) listing {
	l := listing{Path: path, Query: url.Values{}, Total: total}
	for _, name := range listFields[path] {
		if value := query.Get(name); value != "" {
			l.Query.Set(name, value)
		}
	}
	if prev != "" {
		l.PrevPage = l.address(fields{"before": prev, "after": ""})
	}
	if next != "" {
		l.NextPage = l.address(fields{"after": next, "before": ""})
	}
	return l
}

// Get is a field of the address.
func (l listing) Get(name string) string { return l.Query.Get(name) }

// Filtered tells whether the list leaves something out.
func (l listing) Filtered() bool {
	for name := range l.Query {
		if name != "sort" && name != "dir" {
			return true
		}
	}
	return false
}

// SortBy is the address of the list in another order, the other way round if it is
// sorted so already.
func (l listing) SortBy(column, first string) string {
	dir := ""
	if l.sorted(column, first) && l.Get("dir") != "desc" {
		dir = "desc"
	}
	return l.address(fields{"sort": column, "dir": dir, "after": "", "before": ""})
}

// Sorted is what aria-sort says of a column: ascending, descending or none.
func (l listing) Sorted(column, first string) string {
	switch {
	case !l.sorted(column, first):
		return "none"
	case l.Get("dir") == "desc":
		return "descending"
	}
	return "ascending"
}

// sorted tells whether column is what the list is sorted by; first is that if nothing
// is said.
func (l listing) sorted(column, first string) bool {
	by := l.Get("sort")
	return by == column || by == "" && column == first
}

// fields are fields of an address.
type fields map[string]string

// address is the list with some fields set, and others removed that are set to "".
func (l listing) address(changes fields) string {
	query := url.Values{}
	maps.Copy(query, l.Query)
	for name, value := range changes {
		if query.Set(name, value); value == "" {
			query.Del(name)
		}
	}
	if len(query) == 0 {
		return l.Path
	}
	return l.Path + "?" + query.Encode()
}

func pageRequest(query url.Values) credstore.PageRequest {
	return credstore.PageRequest{After: query.Get("after"), Before: query.Get("before"), Limit: pageSize}
}

// searchText is what was typed into a search field.
func searchText(query url.Values) string { return fieldText(query, "q") }

// fieldText is what an address says of a field. NUL, which PostgreSQL's texts cannot
// hold, and broken UTF-8 are in no name: they are left out.
func fieldText(query url.Values, name string) string {
	return strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(query.Get(name), ""), "\x00", ""))
}

// failList shows the first page instead of one whose address is out of date, such as
// after another sorting.
func (s *server) failList(c *gin.Context, err error) {
	query := c.Request.URL.Query()
	if !errors.Is(err, credstore.ErrInvalid) || query.Get("after")+query.Get("before") == "" {
		s.fail(c, err)
		return
	}
	first := newListing(c.Request.URL.Path, query, 0, "", "")
	c.Redirect(http.StatusSeeOther, first.address(nil))
}
