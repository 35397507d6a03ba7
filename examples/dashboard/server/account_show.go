package server

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// An accountPage is what account.html and account_delete.html show.
type accountPage struct {
	Account accountView
	Secrets []secretField
	Trains  []credstore.Train
	More    int // trains beyond those shown
	History []eventRow
	All     string // the address of the whole history
}

// A secretField is a secret that the account has and the page does not show.
type secretField struct{ Name, Label string }

func secretFields(t credstore.CredentialType) []secretField {
	if t == credstore.OAuth {
		return []secretField{{"access_token", "Access token"}, {"refresh_token", "Refresh token"}}
	}
	return []secretField{{"api_key", "API key"}}
}

// shownTrains is how many trains an account's pages name.
const shownTrains = 20

func (s *server) showAccount(c *gin.Context) {
	view, err := s.accountPage(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.render(c, http.StatusOK, "account", page{Title: view.Account.Name, Section: "accounts", Body: view})
}

func (s *server) accountPage(c *gin.Context) (*accountPage, error) {
	ctx := c.Request.Context()
	account, err := s.store.GetAccount(ctx, c.Param("id"))
	if err != nil {
		return nil, asNotFound(err)
	}
	view := &accountPage{Account: viewAccount(account), Secrets: secretFields(account.Type)}
	using := credstore.TrainFilter{AccountID: account.ID}
	trains, err := s.store.ListTrains(ctx, using, credstore.PageRequest{Limit: shownTrains})
	if err != nil {
		return nil, err
	}
	view.Trains = trains.Items
	if trains.Next != "" {
		total, err := s.store.CountTrains(ctx, using)
		if err != nil {
			return nil, err
		}
		view.More = total - len(trains.Items)
	}
	view.History, err = s.history(ctx, credstore.ObjectAccount, account.ID)
	view.All = "/dashboard/audit?" + url.Values{"object": {string(credstore.ObjectAccount)}, "id": {account.ID}}.Encode()
	return view, err
}

// confirmDeactivateAccount asks before an account is taken out of service, and names
// the trains that use it.
func (s *server) confirmDeactivateAccount(c *gin.Context) {
	view, err := s.accountPage(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.renderPart(c, http.StatusOK, "account_delete", "confirm", page{Title: "Deactivate " + view.Account.Name, Section: "accounts", Body: view})
}

func (s *server) deactivateAccount(c *gin.Context) {
	form := formOf(c)
	ctx := c.Request.Context()
	account, err := s.store.GetAccount(ctx, c.Param("id"))
	if err == nil {
		err = s.admin.DeactivateAccount(ctx, account.ID, form.Get("remove_mappings") != "")
	}
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	setFlash(c, "Account "+account.Name+" is out of service. No request uses it any more.")
	s.redirect(c, "/dashboard/accounts")
}

func (s *server) reactivateAccount(c *gin.Context) {
	if err := s.admin.ReactivateAccount(c.Request.Context(), c.Param("id")); err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	setFlash(c, "The account is back in service.")
	s.redirect(c, "/dashboard/accounts/"+c.Param("id"))
}
