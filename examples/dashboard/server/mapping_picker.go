package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// An accountPicker is the form that adds an account to a train: a list of those that can
// be added while that is short, otherwise a field to type a name or an id in, and the
// accounts that match.
type accountPicker struct {
	Path     string              // of the train's mappings
	Accounts int                 // how many there are in all
	Options  []credstore.Account // of the list; nil: search
	Search   bool
	Text     string // what was typed or chosen
	Searched bool   // Matches is the answer to Text
	Matches  []credstore.Account
	More     bool // there may be more of them
	Problem  string
}

const (
	maxOptions = 100 // of a list
	maxMatches = 20  // of a search
)

// fillPicker finds what can be added to the train.
func (s *server) fillPicker(ctx context.Context, picker accountPicker, p *mappingPage) (accountPicker, error) {
	total, err := s.store.CountAccounts(ctx, credstore.AccountFilter{})
	if err != nil {
		return picker, err
	}
	picker.Path, picker.Accounts = p.Path, total
	mapped := make(map[string]bool, len(p.Mappings))
	for i := range p.Mappings {
		mapped[p.Mappings[i].ID] = true
	}
	if picker.Search = p.TooMany || total-p.Train.Mappings > maxOptions; !picker.Search {
		picker.Options, err = s.unmapped(ctx, "", mapped, maxOptions)
		return picker, err
	}
	if picker.Problem != "" { // so that without JavaScript one can search too
		err = s.match(ctx, &picker, mapped)
	}
	return picker, err
}

// searchAccounts answers while somebody types.
func (s *server) searchAccounts(c *gin.Context) {
	ctx := c.Request.Context()
	train, err := s.store.GetTrain(ctx, c.Param("id"))
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	picker := accountPicker{Path: mappingsPath(train.ID), Text: fieldText(c.Request.URL.Query(), "account_id")}
	mapped, err := s.mappedAccounts(ctx, train)
	if err == nil {
		err = s.match(ctx, &picker, mapped)
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	s.renderBlock(c, http.StatusOK, "mappings", "matches-fragment", page{Body: picker})
}

// mappedAccounts are the ids of the accounts that the train has, the first page
// of them.
func (s *server) mappedAccounts(ctx context.Context, train *credstore.Train) (map[string]bool, error) {
	if train.Mappings == 0 {
		return nil, nil
	}
	found, err := s.store.ListMappings(ctx, train.ID, credstore.PageRequest{Limit: credstore.MaxPageSize})
	mapped := make(map[string]bool, len(found.Items))
	for i := range found.Items {
		mapped[found.Items[i].Account.ID] = true
	}
	return mapped, err
}

// match finds the accounts that have the text in their name or id: the one that it names
// exactly, then the others by name.
func (s *server) match(ctx context.Context, picker *accountPicker, mapped map[string]bool) error {
	if picker.Text == "" {
		return nil
	}
	picker.Searched = true
	exact, err := s.findAccount(ctx, picker.Text)
	if err != nil && !errors.Is(err, credstore.ErrNotFound) {
		return err
	}
	if err == nil && !mapped[exact.ID] {
		picker.Matches = append(picker.Matches, *exact)
	}
	others, err := s.unmapped(ctx, picker.Text, mapped, maxMatches)
	for _, account := range others {
		if len(picker.Matches) < maxMatches && (exact == nil || account.ID != exact.ID) {
			picker.Matches = append(picker.Matches, account)
		}
	}
	picker.More = len(picker.Matches) == maxMatches
	return err
}

// unmapped returns the first accounts by name that have the text in their name or id and
// are not in mapped, at most limit.
func (s *server) unmapped(ctx context.Context, text string, mapped map[string]bool, limit int) ([]credstore.Account, error) {
	var accounts []credstore.Account
	request := credstore.PageRequest{Limit: limit + len(mapped)}
	for {
		found, err := s.store.ListAccounts(ctx, credstore.AccountFilter{Search: text}, request)
		if err != nil {
			return nil, err
		}
		for _, account := range found.Items {
			if !mapped[account.ID] && len(accounts) < limit {
				accounts = append(accounts, account)
			}
		}
		if request.After = found.Next; request.After == "" || len(accounts) == limit {
			return accounts, nil
		}
	}
}
