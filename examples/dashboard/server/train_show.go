package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// A trainPage is what train.html and train_delete.html show.
type trainPage struct {
	Train    trainView
	Keys     clientKeyList
	Accounts trainAccounts
	Slack    slackSummary
	History  []eventRow
	All      string // the address of the whole history
}

// trainAccounts are the accounts that a train names.
type trainAccounts struct {
	Default  *credstore.Account // nil: none
	Mappings []credstore.Mapping
	More     int // mappings beyond those shown
}

// A slackSummary is a train's Slack configuration without its webhook.
type slackSummary struct {
	Exists, Damaged              bool
	Enabled, HasWebhook          bool
	Channel, Username, IconEmoji string
}

// shownMappings is how many mapped accounts a train's page names.
const shownMappings = 20

func (s *server) showTrain(c *gin.Context) {
	view, err := s.trainPage(c.Request.Context(), c.Param("id"), pageRequest(c.Request.URL.Query()))
	if err != nil {
		s.failList(c, err)
		return
	}
	s.renderTrain(c, http.StatusOK, view)
}

// answerKeys shows the page of a train, with its first client keys whatever the address
// says, after change has put into the part about client keys what a request about them
// has to say: htmx gets that part alone.
func (s *server) answerKeys(c *gin.Context, status int, change func(*clientKeyList)) {
	view, err := s.trainPage(c.Request.Context(), c.Param("id"), credstore.PageRequest{Limit: pageSize})
	if err != nil {
		s.fail(c, err)
		return
	}
	change(&view.Keys)
	s.renderTrain(c, status, view)
}

func (s *server) renderTrain(c *gin.Context, status int, view *trainPage) {
	s.renderPart(c, status, "train", "client-keys", page{Title: view.Train.ID, Section: "trains", Body: view})
}

func (s *server) trainPage(ctx context.Context, id string, keys credstore.PageRequest) (*trainPage, error) {
	train, err := s.store.GetTrain(ctx, id)
	if err != nil {
		return nil, asNotFound(err)
	}
	view := &trainPage{Train: trainView{*train}}
	view.All = "/dashboard/audit?" + url.Values{"object": {string(credstore.ObjectTrain)}, "id": {train.ID}}.Encode()
	if view.Keys, err = s.clientKeys(ctx, train, keys); err != nil {
		return nil, err
	}
	if view.Accounts, err = s.accountsOf(ctx, train); err != nil {
		return nil, err
	}
	if view.Slack, err = s.slackOf(ctx, train); err != nil {
		return nil, err
	}
	view.History, err = s.history(ctx, credstore.ObjectTrain, train.ID)
	return view, err
}

func (s *server) accountsOf(ctx context.Context, train *credstore.Train) (accounts trainAccounts, err error) {
	found, err := s.store.ListMappings(ctx, train.ID, credstore.PageRequest{Limit: shownMappings})
	if err != nil {
		return accounts, err
	}
	accounts.Mappings, accounts.More = found.Items, max(0, train.Mappings-len(found.Items))
	if train.DefaultAccountID != "" {
		accounts.Default, err = s.store.GetAccount(ctx, train.DefaultAccountID)
	}
	return accounts, err
}

func (s *server) slackOf(ctx context.Context, train *credstore.Train) (slackSummary, error) {
	slack, err := s.store.GetSlackConfig(ctx, train.ID)
	if errors.Is(err, credstore.ErrDamaged) {
		return slackSummary{Exists: true, Damaged: true}, nil
	}
	if err != nil || slack == nil {
		return slackSummary{}, err
	}
	return slackSummary{
		Exists: true, Enabled: slack.Enabled, HasWebhook: !slack.WebhookURL.IsZero(),
		Channel: slack.Channel, Username: slack.Username, IconEmoji: slack.IconEmoji,
	}, nil
}

// confirmDeactivateTrain asks before a train is taken out of service, and tells how
// many client keys that stops.
func (s *server) confirmDeactivateTrain(c *gin.Context) {
	train, err := s.store.GetTrain(c.Request.Context(), c.Param("id"))
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	view := trainPage{Train: trainView{*train}}
	s.renderPart(c, http.StatusOK, "train_delete", "confirm", page{Title: "Deactivate " + train.ID, Section: "trains", Body: view})
}

func (s *server) deactivateTrain(c *gin.Context) {
	id := c.Param("id")
	if err := s.admin.DeactivateTrain(c.Request.Context(), id); err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	setFlash(c, "Train "+id+" is out of service. Its client keys open nothing any more.")
	s.redirect(c, "/dashboard/trains")
}

func (s *server) reactivateTrain(c *gin.Context) {
	id := c.Param("id")
	if err := s.admin.ReactivateTrain(c.Request.Context(), id); err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	setFlash(c, "Train "+id+" is back in service. Its client keys work again.")
	s.redirect(c, trainPath(id))
}
