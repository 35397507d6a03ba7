package server

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// The server's own errors.
var (
	errNoPage      = errors.New("no such page")
	errMethod      = errors.New("method not allowed")
	errTooMany     = errors.New("too many requests")
	errTooLarge    = errors.New("form too large")
	errSlowForm    = errors.New("form came too slowly")
	errBadForm     = errors.New("form cannot be read")
	errWrongKey    = errors.New("wrong dashboard key")
	errCrossOrigin = errors.New("sent by another site")
	errToken       = errors.New("no token of this session")
	errForeignHost = errors.New("not a name of this machine")
	errPanic       = errors.New("panic")
)

// An errorView is how an error is told to people: what error.html shows.
type errorView struct {
	Status  int
	Title   string
	Message string
	Back    string // the address of a form to try again with; empty: none
}

const readOnlyMessage = "Credentials are served from files here, which are changed by editing them: " +
	"there is no audit trail that could record a change. With USE_DATABASE_CREDENTIALS=true the dashboard can manage them."

// answers are tried in this order. What is told never depends on the text of an error,
// but for ErrInvalid, whose text names a rule.
var answers = []struct {
	err  error
	view errorView
}{
	{errNoPage, errorView{http.StatusNotFound, "Page not found", "There is no page at this address.", ""}},
	{errMethod, errorView{http.StatusMethodNotAllowed, "Not possible", "This page does not take that kind of request.", ""}},
	{errTooMany, errorView{http.StatusTooManyRequests, "Too many requests", "Wait ten seconds, then try again.", ""}},
	{errTooLarge, errorView{http.StatusRequestEntityTooLarge, "Too much at once", "The form is larger than 1 MB. Nothing was changed.", ""}},
	{errSlowForm, errorView{http.StatusRequestTimeout, "Too slow", "The form did not arrive in time. Nothing was changed: send it again.", ""}},
	{errBadForm, errorView{http.StatusBadRequest, "Form not understood", "What was sent is not a form of this dashboard. Nothing was changed.", ""}},
	{errWrongKey, errorView{http.StatusUnauthorized, "Wrong key", "This is not the dashboard key.", ""}},
	{errCrossOrigin, errorView{http.StatusForbidden, "Refused", "Another site's page sent this request. Nothing was changed.", ""}},
	{errToken, errorView{http.StatusForbidden, "Refused", "The form does not carry the token of your session: it may be from an earlier one. Nothing was changed.", ""}},
	{errForeignHost, errorView{http.StatusForbidden, "Refused", "In development mode the dashboard answers to localhost only.", ""}},
	{credstore.ErrTampered, errorView{http.StatusServiceUnavailable, "The audit trail is broken", "It was changed behind the store's back, so nothing can be recorded, and nothing is changed or shown. " +
		"On the server, “migrate audit verify” names the first bad event.", ""}},
	{credstore.ErrReadOnly, errorView{http.StatusForbidden, "Read-only", readOnlyMessage, ""}},
	{credstore.ErrNotFound, errorView{http.StatusNotFound, "Not found", "It does not exist, or no longer.", ""}},
	{credstore.ErrConflict, errorView{http.StatusConflict, "Changed meanwhile", "Somebody else has changed this since you opened it. Nothing was changed: look at what is there now, then decide again.", ""}},
	{credstore.ErrAlreadyExists, errorView{http.StatusConflict, "Already there", "That exists already. Nothing was changed.", ""}},
	{credstore.ErrDamaged, errorView{http.StatusInternalServerError, "Cannot be read", "What is stored does not open under this encryption key, or is damaged.", ""}},
	{credstore.ErrUnavailable, errorView{http.StatusServiceUnavailable, "The store does not answer", "Try again in a moment. Whether a change was made shows in the audit trail.", ""}},
}

// answerTo returns how err is told.
func answerTo(err error) errorView {
	for _, answer := range answers {
		if errors.Is(err, answer.err) {
			return answer.view
		}
	}
	if errors.Is(err, credstore.ErrInvalid) {
		return errorView{http.StatusBadRequest, "Not valid", err.Error(), ""}
	}
	return errorView{http.StatusInternalServerError, "Something went wrong", "The log says more, under the request's id.", ""}
}

// fail answers with err, and ends the request.
func (s *server) fail(c *gin.Context, err error) {
	view := answerTo(err)
	if view.Status >= http.StatusInternalServerError && c.Request.Context().Err() == nil {
		s.log.LogAttrs(c.Request.Context(), slog.LevelWarn, "request failed", slog.String("request_id", requestID(c)), slog.Any("error", err))
	}
	s.failWith(c, view)
}

func (s *server) failWith(c *gin.Context, view errorView) {
	c.Abort()
	if view.Status == http.StatusTooManyRequests {
		c.Header("Retry-After", "10")
	}
	if isHTMX(c) {
		c.Header("HX-Retarget", "#notice")
		c.Header("HX-Reswap", "innerHTML")
		s.renderBlock(c, view.Status, "error", "problem", page{Title: view.Title, Body: view})
		return
	}
	if !wantsPage(c) && c.GetHeader(keyHeader) != "" {
		c.String(view.Status, "%s: %s\n", view.Title, view.Message)
		return
	}
	s.render(c, view.Status, "error", page{Title: view.Title, Body: view})
}
