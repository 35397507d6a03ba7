package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

func (s *server) mappingRoutes(r *gin.RouterGroup) {
	r.GET("/:id/accounts", s.showMappings)
	r.GET("/:id/accounts/search", s.writing, s.searchAccounts)
	r.POST("/:id/accounts", s.writing, s.addMapping)
	r.PUT("/:id/accounts/order", s.writing, s.reorderMappings)
	r.POST("/:id/accounts/order", s.writing, s.byMethod(map[string]gin.HandlerFunc{"PUT": s.reorderMappings}))
	r.POST("/:id/accounts/reset", s.writing, s.resetMappings)
	r.POST("/:id/accounts/default", s.writing, s.setDefaultAccount)
	r.DELETE("/:id/accounts/:accountId", s.writing, s.removeMapping)
	r.POST("/:id/accounts/:accountId", s.writing, s.byMethod(map[string]gin.HandlerFunc{"DELETE": s.removeMapping}))
	r.POST("/:id/accounts/:accountId/move", s.writing, s.moveMapping)
	r.POST("/:id/accounts/:accountId/default", s.writing, s.setDefaultAccount)
	// Without JavaScript these show answers of POST, which people may reload.
	r.GET("/:id/accounts/:accountId", toMappings)
	r.GET("/:id/accounts/:accountId/move", toMappings)
	r.GET("/:id/accounts/:accountId/default", toMappings)
}

// mappingsPath is the address of a train's mappings.
func mappingsPath(trainID string) string { return trainPath(trainID) + "/accounts" }

func toMappings(c *gin.Context) { c.Redirect(http.StatusSeeOther, mappingsPath(c.Param("id"))) }

// What is said when a change was refused. The list comes with it as it is stored now.
const (
	reorderedMeanwhile = "Somebody else has changed these accounts meanwhile. Nothing of yours was saved: this is what is stored now."
	notMapped          = "This account is not mapped to the train, or no longer. This is what is stored now."
	wouldWiden         = "Nothing was changed: meanwhile this has become the last account of the train, and without any the train may use every active account. Confirm that below if it is meant."
)

// answerMapping answers a change of mappings: with the list as it is now, or with the
// page anew where there is no htmx.
func (s *server) answerMapping(c *gin.Context, done string, err error) {
	switch {
	case err == nil && isHTMX(c):
		s.renderMappings(c, http.StatusOK, mappingNote{Done: done}, accountPicker{})
	case err == nil:
		setFlash(c, done)
		s.redirect(c, mappingsPath(c.Param("id")))
	case errors.Is(err, credstore.ErrConflict):
		s.renderMappings(c, http.StatusConflict, mappingNote{Problem: reorderedMeanwhile, Changed: true}, accountPicker{})
	case errors.Is(err, credstore.ErrWouldWiden):
		s.renderMappings(c, http.StatusConflict, mappingNote{Problem: wouldWiden, Changed: true}, accountPicker{})
	case errors.Is(asNotFound(err), credstore.ErrNotFound): // if it is the train, that is told
		s.renderMappings(c, http.StatusNotFound, mappingNote{Problem: notMapped, Changed: true}, accountPicker{})
	default:
		s.fail(c, err)
	}
}

// reorderMappings saves an order that was made by hand.
func (s *server) reorderMappings(c *gin.Context) {
	form := formOf(c)
	s.saveOrder(c, form["seen"], form["order"], form.Get("moved"))
}

// moveMapping moves one account a place up or down: what the buttons do without
// JavaScript.
func (s *server) moveMapping(c *gin.Context) {
	form := formOf(c)
	by, known := map[string]int{"up": -1, "down": 1}[form.Get("direction")]
	if !known {
		s.fail(c, errBadForm)
		return
	}
	order := slices.Clone(form["seen"])
	from := slices.Index(order, c.Param("accountId"))
	if from < 0 {
		s.answerMapping(c, "", credstore.ErrNotFound)
		return
	}
	to := min(max(from+by, 0), len(order)-1)
	order[from], order[to] = order[to], order[from]
	s.saveOrder(c, form["seen"], order, c.Param("accountId"))
}

// saveOrder saves an order and says, if one was moved, where that is now.
func (s *server) saveOrder(c *gin.Context, seen, order []string, moved string) {
	ctx := c.Request.Context()
	seen, err := s.storedOrder(c, seen)
	if err == nil {
		err = s.admin.ReorderMappings(ctx, c.Param("id"), seen, order)
	}
	done := "Order saved."
	if place := slices.Index(order, moved); err == nil && place >= 0 {
		var account *credstore.Account
		if account, err = s.store.GetAccount(ctx, moved); err == nil {
			done = fmt.Sprintf("Saved: %s is now %d of %d.", account.Name, place+1, len(order))
		}
	}
	s.answerMapping(c, done, err)
}

// storedOrder is what the store calls the order that a page showed: mappings of the same
// priority stand there in the order in which they are tried. An order that the page would
// not show now is left as it is, and the store refuses it.
func (s *server) storedOrder(c *gin.Context, seen []string) ([]string, error) {
	now, err := s.mappingPage(c)
	if err != nil {
		return nil, err
	}
	shown := make([]string, len(now.Mappings))
	for i := range now.Mappings {
		shown[i] = now.Mappings[i].ID
	}
	if slices.Equal(seen, shown) {
		return now.Stored, nil
	}
	return seen, nil
}

func (s *server) resetMappings(c *gin.Context) {
	seen, err := s.storedOrder(c, formOf(c)["seen"])
	if err == nil {
		err = s.admin.ResetMappings(c.Request.Context(), c.Param("id"), seen)
	}
	s.answerMapping(c, "Order taken away: every account has priority 0 now.", err)
}

// setDefaultAccount sets the account that the train tries first: the one of the path, or
// the one that the form names, or none.
func (s *server) setDefaultAccount(c *gin.Context) {
	ctx := c.Request.Context()
	form := formOf(c)
	accountID, done := "", "The train has no default account now."
	if wanted := cmp.Or(c.Param("accountId"), form.Get("account_id")); wanted != "" {
		account, err := s.findAccount(ctx, wanted)
		if err != nil {
			s.answerMapping(c, "", err)
			return
		}
		accountID, done = account.ID, account.Name+" is the default account now: it is tried first."
	}
	err := s.admin.SetDefaultAccount(ctx, c.Param("id"), accountID, mayWiden(form))
	s.answerMapping(c, done, err)
}

func (s *server) removeMapping(c *gin.Context) {
	ctx := c.Request.Context()
	form := formOf(c)
	account, err := s.findAccount(ctx, c.Param("accountId"))
	if err != nil {
		s.answerMapping(c, "", err)
		return
	}
	err = s.admin.RemoveMapping(ctx, c.Param("id"), account.ID, mayWiden(form))
	s.answerMapping(c, account.Name+" is removed from the train.", err)
}

// mayWiden tells whether a change may leave the train without any account, which widens
// it to all: not where the page that it was sent from did not warn of that. Then another
// operator has taken the others away since.
func mayWiden(form url.Values) bool { return form.Get("stays_restricted") == "" }

// addMapping maps the account that the form names by id or name.
func (s *server) addMapping(c *gin.Context) {
	ctx := c.Request.Context()
	form := formOf(c)
	picker := accountPicker{Text: fieldText(form, "account_id")}
	if picker.Text == "" {
		picker.Problem = "Choose an account."
		s.renderMappings(c, http.StatusUnprocessableEntity, mappingNote{}, picker)
		return
	}
	account, err := s.findAccount(ctx, picker.Text)
	if errors.Is(err, credstore.ErrNotFound) {
		picker.Problem = "There is no account of this name or id."
		s.renderMappings(c, http.StatusUnprocessableEntity, mappingNote{}, picker)
		return
	}
	var priority int
	if err == nil {
		priority, err = s.nextPriority(ctx, c.Param("id"))
	}
	if err == nil {
		err = s.admin.AddMapping(ctx, c.Param("id"), account.ID, priority)
	}
	if errors.Is(err, credstore.ErrAlreadyExists) {
		picker.Problem = account.Name + " is mapped to this train already."
		s.renderMappings(c, http.StatusUnprocessableEntity, mappingNote{}, picker)
		return
	}
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	s.answerMapping(c, account.Name+" is added to the train.", nil)
}

// nextPriority is the priority of an account that is added: it comes last. Where nobody
// has given an order it gets no place in one either, but 0 as the others have.
func (s *server) nextPriority(ctx context.Context, trainID string) (int, error) {
	lowest, ordered := 0, false
	for request := (credstore.PageRequest{Limit: credstore.MaxPageSize}); ; {
		found, err := s.store.ListMappings(ctx, trainID, request)
		if err != nil {
			return 0, err
		}
		for i := range found.Items { // highest first
			lowest = found.Items[i].Priority
			ordered = ordered || lowest != 0
		}
		if request.After = found.Next; request.After == "" {
			break
		}
	}
	if !ordered {
		return 0, nil
	}
	return max(lowest-1, math.MinInt32), nil
}

// findAccount returns the account of that id or else of that name.
func (s *server) findAccount(ctx context.Context, idOrName string) (*credstore.Account, error) {
	account, err := s.store.GetAccount(ctx, idOrName)
	if errors.Is(err, credstore.ErrNotFound) {
		account, err = s.store.GetAccountByName(ctx, idOrName)
	}
	return account, asNotFound(err)
}
