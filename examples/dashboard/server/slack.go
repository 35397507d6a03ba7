package server

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

func (s *server) slackRoutes(r *gin.RouterGroup) {
	r.GET("/:id/slack", s.showSlack)
	r.PUT("/:id/slack", s.writing, s.updateSlack)
	r.DELETE("/:id/slack", s.writing, s.removeSlack)
	r.POST("/:id/slack", s.writing, s.byMethod(map[string]gin.HandlerFunc{"PUT": s.updateSlack, "DELETE": s.removeSlack}))
	r.POST("/:id/slack/test", s.writing, s.limitOutside, s.testSlack)
	// Without JavaScript this shows the answer of POST, which people may reload.
	r.GET("/:id/slack/test", func(c *gin.Context) { c.Redirect(http.StatusSeeOther, slackPath(c.Param("id"))) })
}

// slackPath is the address of a train's Slack editor.
func slackPath(trainID string) string { return trainPath(trainID) + "/slack" }

// A slackForm is what slack.html shows: never the webhook.
type slackForm struct {
	TrainID    string
	Active     bool // the train is
	Stored     bool // there is a configuration
	HasWebhook bool // with a webhook
	Damaged    bool // what is stored cannot be read
	Settings   slackSettings
	Test       slackOutcome
	Errors     map[string]string // by field; "" for what concerns the whole form

	stored *credstore.SlackConfig // with the webhook; nil: none
}

// Inputs is for the template.
func (f *slackForm) Inputs() slackInputs { return slackInputs{f.Settings, f.HasWebhook, f.Errors} }

// Path is the address of the form.
func (f *slackForm) Path() string { return slackPath(f.TrainID) }

func (f *slackForm) fail(field, message string) {
	if f.Errors == nil {
		f.Errors = make(map[string]string)
	}
	f.Errors[field] = message
}

func (s *server) showSlack(c *gin.Context) {
	f, err := s.storedSlack(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	if typed := c.Request.URL.Query(); typed.Has("channel") { // comes back after a login in between
		f.Settings = readSlackSettings(typed, func(string, string) {})
	}
	s.renderSlack(c, http.StatusOK, f)
}

func (s *server) renderSlack(c *gin.Context, status int, f *slackForm) {
	s.renderPart(c, status, "slack", "slack-form", page{Title: "Slack of " + f.TrainID, Section: "trains", Body: f})
}

// storedSlack is the form filled with what is stored. The train's notices are on unless
// somebody turns them off.
func (s *server) storedSlack(c *gin.Context) (*slackForm, error) {
	train, err := s.store.GetTrain(c.Request.Context(), c.Param("id"))
	if err != nil {
		return nil, asNotFound(err)
	}
	f := &slackForm{TrainID: train.ID, Active: train.Active, Settings: slackSettings{Enabled: true}}
	slack, err := s.store.GetSlackConfig(c.Request.Context(), train.ID)
	switch {
	case errors.Is(err, credstore.ErrDamaged):
		f.Stored, f.Damaged = true, true
	case err != nil:
		return nil, asNotFound(err)
	case slack != nil:
		f.stored, f.Stored, f.HasWebhook = slack, true, !slack.WebhookURL.IsZero()
		f.Settings = slackSettings{slack.Channel, slack.Username, slack.IconEmoji, slack.Enabled}
	}
	return f, nil
}

func (s *server) updateSlack(c *gin.Context) {
	values := formOf(c)
	f, err := s.storedSlack(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	f.Settings = readSlackSettings(values, f.fail)
	webhook := readWebhook(values, f.Settings.Enabled && !f.HasWebhook, f.fail)
	if len(f.Errors) == 0 {
		err = s.admin.SetSlackConfig(c.Request.Context(), f.TrainID, f.Settings.config(webhook))
	}
	if errors.Is(err, credstore.ErrInvalid) && !errors.Is(err, credstore.ErrInvalidID) {
		f.fail("", "The store takes no such text. Nothing was saved.")
		err = nil
	}
	switch {
	case err != nil:
		s.fail(c, asNotFound(err))
	case len(f.Errors) > 0:
		s.renderSlack(c, http.StatusUnprocessableEntity, f)
	default:
		setFlash(c, "Slack configuration saved.")
		s.redirect(c, f.Path())
	}
}

func (s *server) removeSlack(c *gin.Context) {
	if err := s.admin.SetSlackConfig(c.Request.Context(), c.Param("id"), nil); err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	setFlash(c, "Slack configuration removed: the train sends no notices.")
	s.redirect(c, slackPath(c.Param("id")))
}
