package server

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// A trainList is what trains.html shows.
type trainList struct {
	listing
	Trains      []trainView
	AccountName string // of the account that the filter names
}

var trainSorts = map[string]credstore.TrainSort{
	"id": credstore.SortTrainID, "name": credstore.SortTrainName, "created": credstore.SortTrainCreated,
}

// trainStatuses are the choices of the status filter. A deactivated train misses no
// client keys.
var trainStatuses = map[string]func(*credstore.TrainFilter){
	"active":      func(f *credstore.TrainFilter) { f.Active = new(true) },
	"deactivated": func(f *credstore.TrainFilter) { f.Active = new(false) },
	"no_keys":     func(f *credstore.TrainFilter) { f.Active, f.WithoutClientKeys = new(true), true },
}

// trainFilter reads the filter from an address. What it does not know counts as not
// set, as for accounts.
func trainFilter(query url.Values) credstore.TrainFilter {
	filter := credstore.TrainFilter{Search: searchText(query), Sort: trainSorts[query.Get("sort")], Descending: query.Get("dir") == "desc"}
	if id := query.Get("account"); credstore.CheckID("account id", id) == nil {
		filter.AccountID = id
	}
	if set := trainStatuses[query.Get("status")]; set != nil {
		set(&filter)
	}
	return filter
}

func (s *server) listTrains(c *gin.Context) {
	ctx, query := c.Request.Context(), c.Request.URL.Query()
	filter := trainFilter(query)
	found, err := s.store.ListTrains(ctx, filter, pageRequest(query))
	if err != nil {
		s.failList(c, err)
		return
	}
	total, err := s.store.CountTrains(ctx, filter)
	if err != nil {
		s.fail(c, err)
		return
	}
	view := trainList{listing: newListing("/dashboard/trains", query, total, found.Prev, found.Next), AccountName: filter.AccountID}
	for _, train := range found.Items {
		view.Trains = append(view.Trains, trainView{train})
	}
	if filter.AccountID != "" {
		if account, err := s.store.GetAccount(ctx, filter.AccountID); err == nil {
			view.AccountName = account.Name
		}
	}
	s.renderPart(c, http.StatusOK, "trains", "trains-table", page{Title: "Trains", Section: "trains", Body: view})
}

// AnyAccount is the address of the list without the filter by account.
func (l trainList) AnyAccount() string {
	return l.address(fields{"account": "", "after": "", "before": ""})
}
