package server

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/selection"
)

// A mappingPage is what mappings.html shows.
type mappingPage struct {
	listing
	Train     *credstore.Train
	Mappings  []mappingView // in the order in which they are tried, but for the default account
	Stored    []string      // their ids in the order in which they are stored
	Whole     bool          // all mappings are on the page, so that they can be dragged
	Orderable bool          // and they are more than one
	TooMany   bool          // to be put in order: they are shown in pages
	MaxOrder  int           // how many can be
	Default   *mappingView  // the default account where it is none of Mappings
	First     string        // the account that is tried first; empty: none is usable
	ByDefault bool          // it is that as the default account
	ByRank    string        // the account that the train's rank puts first
	Ties      bool          // some have the same priority
	Picker    accountPicker // to add one
	Note      mappingNote
	History   string // the address of the train's history
}

// A mappingView is a mapped account as the page shows it.
type mappingView struct {
	credstore.AccountRef
	Path        string // of the train's mappings
	Priority    int
	Place       int // in the order in which accounts are tried: 1 is first; 0: not tried
	First, Last bool
	IsDefault   bool
	Widens      bool // without it the train may use every active account
}

// A mappingNote says what came of the last change.
type mappingNote struct {
	Done    string
	Problem string
	Changed bool // by somebody else, which the history shows
}

// Unrestricted tells whether the train names no account and so may use every active one.
func (p *mappingPage) Unrestricted() bool {
	return p.Train.Mappings == 0 && p.Train.DefaultAccountID == ""
}

// OneAccount tells whether a single mapping, or the default account alone, is all that
// restricts the train.
func (p *mappingPage) OneAccount() bool {
	if p.Train.DefaultAccountID == "" {
		return p.Train.Mappings == 1
	}
	return p.Train.Mappings == 0
}

func (s *server) showMappings(c *gin.Context) {
	s.renderMappings(c, http.StatusOK, mappingNote{}, accountPicker{})
}

// renderMappings shows the mappings as they are stored now.
func (s *server) renderMappings(c *gin.Context, status int, note mappingNote, picker accountPicker) {
	view, err := s.mappingPage(c)
	if err == nil && s.admin != nil {
		view.Picker, err = s.fillPicker(c.Request.Context(), picker, view)
	}
	if err != nil {
		s.failList(c, asNotFound(err))
		return
	}
	view.Note = note
	s.renderPart(c, status, "mappings", "mappings-fragment", page{Title: "Accounts of " + view.Train.ID, Section: "trains", Body: view})
}

func (s *server) mappingPage(c *gin.Context) (*mappingPage, error) {
	ctx, query := c.Request.Context(), c.Request.URL.Query()
	train, err := s.store.GetTrain(ctx, c.Param("id"))
	if err != nil {
		return nil, err
	}
	request, tooMany := credstore.PageRequest{Limit: s.limits.order}, train.Mappings > s.limits.order
	if tooMany {
		request = pageRequest(query)
	}
	found, err := s.store.ListMappings(ctx, train.ID, request)
	if err != nil {
		return nil, err
	}
	view := &mappingPage{
		listing: newListing(mappingsPath(train.ID), query, train.Mappings, found.Prev, found.Next), Train: train,
		Whole: found.Prev == "" && found.Next == "", TooMany: tooMany, MaxOrder: s.limits.order,
		History: "/dashboard/audit?" + url.Values{"object": {string(credstore.ObjectTrain)}, "id": {train.ID}}.Encode(),
	}
	view.Orderable = view.Whole && len(found.Items) > 1
	view.add(found.Items)
	if err := s.addDefault(ctx, view); err != nil {
		return nil, err
	}
	view.judge()
	return view, nil
}

func (p *mappingPage) add(mappings []credstore.Mapping) {
	for i, m := range mappings {
		p.Stored = append(p.Stored, m.Account.ID)
		p.Mappings = append(p.Mappings, mappingView{
			AccountRef: m.Account, Path: p.Path, Priority: m.Priority,
			IsDefault: m.Account.ID == p.Train.DefaultAccountID,
			Widens:    p.OneAccount(),
		})
		p.Ties = p.Ties || i > 0 && m.Priority == mappings[i-1].Priority
	}
}

// addDefault adds the default account where it is not one of the mappings shown.
func (s *server) addDefault(ctx context.Context, p *mappingPage) error {
	if p.Train.DefaultAccountID == "" {
		return nil
	}
	for i := range p.Mappings {
		if p.Mappings[i].IsDefault {
			return nil
		}
	}
	a, err := s.store.GetAccount(ctx, p.Train.DefaultAccountID)
	if err != nil {
		return err
	}
	ref := credstore.AccountRef{ID: a.ID, Name: a.Name, Type: a.Type, Active: a.Active, NeedsReauth: a.NeedsReauth()}
	p.Default = &mappingView{AccountRef: ref, Path: p.Path, IsDefault: true, Widens: p.OneAccount()}
	return nil
}

// judge finds out in which order the accounts are tried, and which would be first if all
// had the same priority. It follows what package selection does, which also knows the
// accounts' limits.
func (p *mappingPage) judge() {
	var usable []*mappingView
	var names []string
	for i := range p.Mappings {
		if m := &p.Mappings[i]; m.Usable() {
			usable, names = append(usable, m), append(names, m.Name)
		}
	}
	rank := make(map[string]int, len(names))
	for i, name := range selection.Rank(p.Train.ID, names) {
		rank[name] = i
		if i == 0 {
			p.ByRank = name
		}
	}
	if p.Default != nil && p.Default.Usable() {
		usable = append(usable, p.Default)
	}
	slices.SortFunc(usable, func(a, b *mappingView) int {
		switch {
		case a.IsDefault:
			return -1
		case b.IsDefault:
			return 1
		}
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(rank[a.Name], rank[b.Name]))
	})
	for i, m := range usable {
		m.Place = i + 1
	}
	if len(usable) > 0 {
		p.First, p.ByDefault = usable[0].Name, usable[0].IsDefault
	}
	p.sort(rank)
}

// sort puts mappings of the same priority in the order in which they are tried; those that
// are not come last.
func (p *mappingPage) sort(rank map[string]int) {
	place := func(m mappingView) int {
		if at, usable := rank[m.Name]; usable {
			return at
		}
		return len(p.Mappings)
	}
	slices.SortStableFunc(p.Mappings, func(a, b mappingView) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(place(a), place(b)))
	})
	for i := range p.Mappings {
		p.Mappings[i].First, p.Mappings[i].Last = i == 0, i == len(p.Mappings)-1
	}
}
