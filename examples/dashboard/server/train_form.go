package server

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// A trainForm is what train_form.html shows: what was typed, but for client keys and
// the webhook.
type trainForm struct {
	ID          string // of the train that is edited; empty: a new one
	UpdatedAt   string // of the train when the form was filled
	TrainID     string
	Name        string
	Description string
	Slack       slackSettings
	LostSecrets bool              // client keys or a webhook were typed, and do not come back
	Stored      *credstore.Train  // what somebody else has stored meanwhile
	Errors      map[string]string // by field; "" for what concerns the whole form
}

// maxDescription is how long a description may be, in characters: a few paragraphs, which
// every page of the train shows.
const maxDescription = 2000

// SlackInputs is for the template.
func (f trainForm) SlackInputs() slackInputs { return slackInputs{f.Slack, false, f.Errors} }

func (f *trainForm) fail(field, message string) {
	if f.Errors == nil {
		f.Errors = make(map[string]string)
	}
	f.Errors[field] = message
}

// readTrainForm fills the form with what was sent. Secrets stay where they are.
func readTrainForm(values url.Values, id string) trainForm {
	f := trainForm{
		ID: id, UpdatedAt: values.Get("updated_at"), TrainID: credstore.TrimSpace(values.Get("train_id")),
		Name: strings.TrimSpace(values.Get("train_name")), Description: strings.TrimSpace(values.Get("description")),
	}
	if id == "" {
		f.checkTrainID()
		f.Slack = readSlackSettings(values, f.fail)
	}
	if problem := lineProblem(f.Name, credstore.MaxIDLength); problem != "" {
		f.fail("train_name", problem)
	}
	switch {
	case utf8.RuneCountInString(f.Description) > maxDescription:
		f.fail("description", upTo(maxDescription))
	case strings.ContainsRune(f.Description, 0):
		f.fail("description", "There is a NUL character inside.")
	}
	return f
}

func (f *trainForm) checkTrainID() {
	switch {
	case f.TrainID == "":
		f.fail("train_id", "Give the train an id.")
	case credstore.CheckID("train id", f.TrainID) != nil:
		f.fail("train_id", nameRule)
	case reservedTrainIDs[f.TrainID]:
		f.fail("train_id", "This id is an address of the dashboard itself. Choose another.")
	}
}

// readSlack is the Slack configuration that was typed; nil if nothing was.
func (f *trainForm) readSlack(values url.Values) *credstore.SlackConfig {
	if (f.Slack == slackSettings{Enabled: f.Slack.Enabled}) && credstore.TrimSpace(values.Get("webhook_url")) == "" {
		return nil
	}
	return f.Slack.config(readWebhook(values, f.Slack.Enabled, f.fail))
}

// newTrain shows an empty form, or one filled from the address.
func (s *server) newTrain(c *gin.Context) {
	query := c.Request.URL.Query()
	f := readTrainForm(query, "")
	f.Errors = nil
	f.Slack.Enabled = f.Slack.Enabled || !query.Has("train_id")
	s.renderTrainForm(c, http.StatusOK, f)
}

func (s *server) renderTrainForm(c *gin.Context, status int, f trainForm) {
	title := "New train"
	if f.ID != "" {
		title = "Edit train"
	}
	s.renderPart(c, status, "train_form", "train-form", page{Title: title, Section: "trains", Body: f})
}

func (s *server) createTrain(c *gin.Context) {
	values := formOf(c)
	f := readTrainForm(values, "")
	keys, problem := readClientKeys(values.Get("client_api_keys"))
	if problem != "" {
		f.fail("client_api_keys", problem)
	}
	slack := f.readSlack(values)
	f.LostSecrets = strings.TrimSpace(values.Get("client_api_keys")+values.Get("webhook_url")) != ""
	if len(f.Errors) > 0 {
		s.renderTrainForm(c, http.StatusUnprocessableEntity, f)
		return
	}
	created, err := s.admin.CreateTrain(c.Request.Context(), credstore.NewTrain{
		ID: f.TrainID, Name: f.Name, Description: f.Description, ClientKeys: keys, Slack: slack,
	})
	if err != nil {
		s.failTrainForm(c, f, err)
		return
	}
	text := "Train " + created.ID + " created, with " + plural(created.ClientKeys, "client key") + "."
	if created.ClientKeys == 0 {
		text = "Train " + created.ID + " created. Nobody can use it before it has a client key."
	}
	setFlash(c, text)
	s.redirect(c, "/dashboard/trains?dir=desc&sort=created") // it is the first there
}

// failTrainForm shows the form again with what the store had against it.
func (s *server) failTrainForm(c *gin.Context, f trainForm, err error) {
	switch {
	case errors.Is(err, credstore.ErrAlreadyExists):
		f.fail("train_id", "There is a train of this id already.")
	case errors.Is(err, credstore.ErrConflict):
		s.conflictingTrain(c, f)
		return
	case errors.Is(err, credstore.ErrInvalid):
		f.fail("", err.Error())
	default:
		s.fail(c, err)
		return
	}
	s.renderTrainForm(c, http.StatusUnprocessableEntity, f)
}

// conflictingTrain shows the form again when somebody else has changed the train
// meanwhile: what is stored now, beside what was typed.
func (s *server) conflictingTrain(c *gin.Context, f trainForm) {
	stored, err := s.store.GetTrain(c.Request.Context(), f.ID)
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	f.UpdatedAt, f.Stored = stored.UpdatedAt.Format(time.RFC3339Nano), stored
	f.fail("", "This train, or its client keys, accounts or Slack settings, changed after you opened the form. "+
		"Nothing of yours was saved yet; what you typed is below. Saving again sets name and description to it. The train's history shows what changed.")
	s.renderTrainForm(c, http.StatusConflict, f)
}

// editTrain shows the form with what is stored. What the address says, after a login in
// between, comes before it.
func (s *server) editTrain(c *gin.Context) {
	train, err := s.store.GetTrain(c.Request.Context(), c.Param("id"))
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	f := trainForm{ID: train.ID, TrainID: train.ID, Name: train.Name, Description: train.Description}
	if typed := c.Request.URL.Query(); typed.Has("train_name") {
		f = readTrainForm(typed, train.ID)
		f.Errors = nil
	}
	f.UpdatedAt = train.UpdatedAt.Format(time.RFC3339Nano)
	s.renderTrainForm(c, http.StatusOK, f)
}

func (s *server) updateTrain(c *gin.Context) {
	f := readTrainForm(formOf(c), c.Param("id"))
	update := credstore.TrainUpdate{Name: &f.Name, Description: &f.Description}
	var err error
	update.IfUpdatedAt, err = time.Parse(time.RFC3339Nano, f.UpdatedAt)
	if err != nil && f.UpdatedAt != "" {
		s.fail(c, errBadForm)
		return
	}
	if len(f.Errors) > 0 {
		s.renderTrainForm(c, http.StatusUnprocessableEntity, f)
		return
	}
	updated, err := s.admin.UpdateTrain(c.Request.Context(), f.ID, update)
	if err != nil {
		s.failTrainForm(c, f, asNotFound(err))
		return
	}
	setFlash(c, "Train "+updated.ID+" saved.")
	s.redirect(c, trainPath(updated.ID))
}

// validateTrainID says while typing whether an id can be had.
func (s *server) validateTrainID(c *gin.Context) {
	values := formOf(c)
	f := trainForm{TrainID: credstore.TrimSpace(values.Get("train_id"))}
	f.checkTrainID()
	view := nameCheck{Problem: f.Errors["train_id"], Name: f.TrainID}
	if view.Problem == "" {
		_, err := s.store.GetTrain(c.Request.Context(), f.TrainID)
		switch {
		case err == nil:
			view.Problem = "There is a train of this id already."
		case !errors.Is(err, credstore.ErrNotFound):
			s.fail(c, err)
			return
		}
	}
	s.renderBlock(c, http.StatusOK, "train_form", "name-validation", page{Body: view})
}
