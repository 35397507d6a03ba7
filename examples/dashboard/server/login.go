package server

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// loginView is what login.html shows.
type loginView struct {
	Next     string
	Operator string
	Resumes  bool // a session ended in the middle of something
	Message  string
	Errors   map[string]string
}

func (s *server) loginPage(c *gin.Context) {
	next := localPath(c.Query("next"))
	s.renderLogin(c, http.StatusOK, loginView{Next: next, Resumes: c.Query("ended") != ""})
}

func (s *server) renderLogin(c *gin.Context, status int, view loginView) {
	s.render(c, status, "login", page{Title: "Log in", Body: view})
}

// login checks the key and opens a session. A wrong key is recorded with the name that
// came with it.
func (s *server) login(c *gin.Context) {
	form := formOf(c)
	view := loginView{Next: localPath(form.Get("next")), Operator: strings.TrimSpace(form.Get("operator")), Errors: map[string]string{}}
	name, ok := s.operatorName(view.Operator)
	if !ok {
		view.Operator = "" // it may be the key
		view.Errors["operator"] = "Enter your name, up to 100 characters. It is recorded with what you change."
	}
	if form.Get("key") == "" {
		view.Errors["key"] = "Enter the dashboard key."
	}
	if len(view.Errors) > 0 {
		s.renderLogin(c, http.StatusUnprocessableEntity, view)
		return
	}
	if err := s.checkKey(c, name, credstore.NewSecret(form.Get("key"))); err != nil {
		s.refuseLogin(c, view, err)
		return
	}
	if _, err := s.openSession(c, name, false); err != nil {
		s.fail(c, err)
		return
	}
	if view.Next == "" {
		view.Next = "/dashboard"
	}
	s.redirect(c, view.Next)
}

func (s *server) refuseLogin(c *gin.Context, view loginView, err error) {
	switch {
	case errors.Is(err, errTooMany):
		c.Header("Retry-After", "10")
		view.Message = "Too many wrong keys came from your address. Wait ten seconds, then try again."
		s.renderLogin(c, http.StatusTooManyRequests, view)
	case errors.Is(err, errWrongKey):
		view.Errors["key"] = "This is not the dashboard key."
		s.renderLogin(c, http.StatusUnauthorized, view)
	default:
		s.fail(c, err)
	}
}

func (s *server) logout(c *gin.Context) {
	v := visitorOf(c)
	ctx := c.Request.Context()
	err := s.sessions.end(ctx, v.cookie)
	if err == nil {
		err = s.recordSession(ctx, credstore.ActionLogout, v.sessionID())
	}
	s.leave(c, err)
}

// logoutAll ends all sessions of the visitor's name, on every machine.
func (s *server) logoutAll(c *gin.Context) {
	v := visitorOf(c)
	ctx := c.Request.Context()
	ended, err := s.sessions.endAll(ctx, v.actor.Name)
	if err == nil {
		err = s.recordSession(ctx, credstore.ActionLogoutAll, v.sessionID())
		setFlash(c, "Logged out everywhere: "+plural(ended, "session")+" ended.")
	}
	s.leave(c, err)
}

func (s *server) leave(c *gin.Context, err error) {
	if err != nil {
		s.fail(c, err)
		return
	}
	setCookie(c.Writer, c.Request, cookieName(c.Request), "", -1)
	s.redirect(c, "/dashboard/login")
}

func (v *visitor) sessionID() string {
	if v.actor.Session == "" {
		return noSession
	}
	return v.actor.Session
}

// askForLogin sends somebody unknown to the login page and from there back to what
// was asked for. What a form held comes back with it, but for secrets. A request that
// only helps to fill a form leaves the form alone: saving it leads to the login.
func (s *server) askForLogin(c *gin.Context) {
	c.Abort()
	if path := c.Request.URL.Path; isHTMX(c) && (strings.HasSuffix(path, "/validate") || strings.HasSuffix(path, "/fields")) {
		s.renderBlock(c, http.StatusUnauthorized, "login", "ended", page{})
		return
	}
	query := url.Values{}
	if s.sessionCookie(c) != "" {
		query.Set("ended", "1")
		setCookie(c.Writer, c.Request, cookieName(c.Request), "", -1)
	}
	if next := s.resumeAt(c); next != "/dashboard" {
		query.Set("next", next)
	}
	target := "/dashboard/login"
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	switch {
	case isHTMX(c):
		c.Header("HX-Redirect", target)
		c.String(http.StatusUnauthorized, "Log in first.")
	case wantsPage(c):
		c.Redirect(http.StatusSeeOther, target)
	default:
		c.String(http.StatusUnauthorized, "Log in at /dashboard/login, or send the key as X-Dashboard-Key.\n")
	}
}

// askAgain refuses a form without the token of this session, such as one of an earlier
// session: a link leads back to it, filled as it was but for secrets.
func (s *server) askAgain(c *gin.Context) {
	view := answerTo(errToken)
	view.Back = s.resumeAt(c)
	s.failWith(c, view)
}

// resumeAt is the page from which the request was sent, with what its form held in the
// query; the page itself for a GET.
func (s *server) resumeAt(c *gin.Context) string {
	if c.Request.Method == http.MethodGet && !isHTMX(c) {
		return c.Request.URL.RequestURI()
	}
	from := c.GetHeader("HX-Current-URL")
	if from == "" {
		from = c.GetHeader("Referer")
	}
	page, err := url.Parse(from)
	if err != nil || page.Host != c.Request.Host || localPath(page.Path) == "" {
		return "/dashboard"
	}
	if c.Request.Method == http.MethodGet && c.Request.URL.Path == page.Path {
		return c.Request.URL.RequestURI() // another search of the same list
	}
	query := page.Query()
	for name, values := range formOf(c) {
		if keptFields[name] && len(strings.Join(values, "")) <= maxKept {
			query[name] = values
		}
	}
	resume := url.URL{Path: page.Path, RawQuery: query.Encode()}
	return resume.RequestURI()
}

// maxKept is how long a field may be, in bytes, to be kept: addresses have an end.
const maxKept = 2000

// keptFields are what forms are filled with again after a login. A secret must never be
// here: they travel in the address.
var keptFields = map[string]bool{
	"account_name": true, "credential_type": true, "oauth_expires_at": true, "oauth_scopes": true, "oauth_scopes_other": true, "oauth_is_max": true,
	"train_id": true, "train_name": true, "description": true,
	"channel": true, "username": true, "icon_emoji": true, "enabled": true,
}

// localPath returns text if it is a page of the dashboard, and nothing otherwise: who
// logs in is not sent elsewhere.
func localPath(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.IsAbs() || u.Host != "" || strings.ContainsAny(text, "\\\r\n\t") {
		return ""
	}
	if path.Clean(u.Path) != u.Path {
		return ""
	}
	if u.Path != "/dashboard" && !strings.HasPrefix(u.Path, "/dashboard/") || strings.HasPrefix(u.Path, "/dashboard/login") {
		return ""
	}
	return u.RequestURI()
}
