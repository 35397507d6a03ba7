package server

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

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
	Channel    string
	Username   string
	IconEmoji  string
	Enabled    bool
	Test       slackOutcome
	Errors     map[string]string // by field; "" for what concerns the whole form

	stored *credstore.SlackConfig // with the webhook; nil: none
}

// A slackText is what the template "slack-text" takes: a field of the form.
type slackText struct{ Name, TestID, Label, Value, Help, Problem string }

// Field is for the template.
func (f *slackForm) Field(name, testID, label, value, help string) slackText {
	return slackText{name, testID, label, value, help, f.Errors[name]}
}

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
		f.read(typed)
		f.Errors = nil
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
	f := &slackForm{TrainID: train.ID, Active: train.Active, Enabled: true}
	slack, err := s.store.GetSlackConfig(c.Request.Context(), train.ID)
	switch {
	case errors.Is(err, credstore.ErrDamaged):
		f.Stored, f.Damaged = true, true
	case err != nil:
		return nil, asNotFound(err)
	case slack != nil:
		f.stored, f.Stored, f.HasWebhook, f.Enabled = slack, true, !slack.WebhookURL.IsZero(), slack.Enabled
		f.Channel, f.Username, f.IconEmoji = slack.Channel, slack.Username, slack.IconEmoji
	}
	return f, nil
}

// Bounds of what is typed, in characters. Slack's channel names have up to 80 (its API
// reference, conversations.create); an id or a name with # is no longer than this.
const (
	maxWebhook   = 2048
	maxSlackText = 255
)

// read fills the form with what was sent, but for the webhook, and finds mistakes.
func (f *slackForm) read(values url.Values) {
	text := func(field string) string {
		value := strings.TrimSpace(values.Get(field))
		switch {
		case utf8.RuneCountInString(value) > maxSlackText:
			f.fail(field, "Up to 255 characters.")
		case strings.IndexFunc(value, unicode.IsControl) >= 0:
			f.fail(field, "There is a control character inside.")
		}
		return value
	}
	f.Channel, f.Username, f.IconEmoji = text("channel"), text("username"), text("icon_emoji")
	f.Enabled = values.Get("enabled") != ""
}

// webhook reads the webhook; none: the stored one stays.
func (f *slackForm) webhook(values url.Values) credstore.Secret {
	text := credstore.TrimSpace(values.Get("webhook_url"))
	if text == "" {
		if f.Enabled && !f.HasWebhook {
			f.fail("webhook_url", "This is needed while notices are on.")
		}
		return credstore.Secret{}
	}
	if problem := webhookProblem(text); problem != "" {
		f.fail("webhook_url", problem)
	}
	return credstore.NewSecret(text)
}

// webhookProblem says, without quoting it, what is wrong with the address of a webhook.
func webhookProblem(text string) string {
	if utf8.RuneCountInString(text) > maxWebhook {
		return "Up to 2048 characters."
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return "There is white space or a control character inside."
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "Give the whole address, which begins with https:// or http://."
	}
	return ""
}

func (s *server) updateSlack(c *gin.Context) {
	values, err := formOf(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	f, err := s.storedSlack(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	f.read(values)
	webhook := f.webhook(values)
	if len(f.Errors) == 0 {
		err = s.admin.SetSlackConfig(c.Request.Context(), f.TrainID, &credstore.SlackConfig{
			WebhookURL: webhook, Channel: f.Channel, Username: f.Username, IconEmoji: f.IconEmoji, Enabled: f.Enabled,
		})
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
