package server

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// readForm reads the request's form, within bounds of size and time, before anything is
// decided: or a request that was let in could wait with its body, and act long after its
// session has ended.
func (s *server) readForm(c *gin.Context) {
	if isRead(c.Request.Method) {
		return
	}
	if c.Request.ContentLength > s.limits.maxForm {
		s.fail(c, errTooLarge)
		return
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, s.limits.maxForm)
	connection := http.NewResponseController(c.Writer)
	_ = connection.SetReadDeadline(time.Now().Add(s.limits.reading)) // a connection of net/http has one
	form, err := parseForm(c)
	if err != nil {
		s.fail(c, formError(err))
		return
	}
	_ = connection.SetReadDeadline(time.Time{})
	c.Set(formKey, form)
}

const formKey = "form"

// formOf returns the fields of the form that readForm has read: of the body, and for
// DELETE of the query too; none for a request that only reads.
func formOf(c *gin.Context) url.Values {
	form, _ := c.Get(formKey)
	values, _ := form.(url.Values)
	return values
}

func formError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlowForm
	}
	return errBadForm
}

func parseForm(c *gin.Context) (url.Values, error) {
	if c.Request.Method == http.MethodDelete { // net/http reads no form there
		body, err := io.ReadAll(c.Request.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		for name, values := range c.Request.URL.Query() {
			form[name] = append(form[name], values...)
		}
		return form, err
	}
	if err := c.Request.ParseForm(); err != nil {
		return nil, err
	}
	if err := c.Request.ParseMultipartForm(1 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return nil, err
	}
	for _, values := range c.Request.PostForm {
		for i, value := range values { // a textarea's lines end in CRLF (HTML, 4.10.11)
			values[i] = strings.ToValidUTF8(strings.ReplaceAll(value, "\r\n", "\n"), "\uFFFD")
		}
	}
	return c.Request.PostForm, nil
}

// isHTMX tells whether htmx sent the request, and not to show a whole page again.
func isHTMX(c *gin.Context) bool {
	return c.GetHeader("HX-Request") == "true" && c.GetHeader("HX-History-Restore-Request") != "true"
}

// wantsPage tells a browser from a script.
func wantsPage(c *gin.Context) bool { return strings.Contains(c.GetHeader("Accept"), "text/html") }

// redirect sends the browser to a page after a change, whoever sent the request.
func (s *server) redirect(c *gin.Context, path string) {
	if isHTMX(c) {
		c.Header("HX-Redirect", path)
		c.Status(http.StatusNoContent)
		c.Writer.WriteHeaderNow()
		return
	}
	c.Redirect(http.StatusSeeOther, path)
}

// flashCookie carries one sentence to the next page.
const flashCookie = "signalbox_flash"

// setFlash says text on the next page that is shown. It must hold no secret.
func setFlash(c *gin.Context, text string) {
	setCookie(c.Writer, c.Request, flashCookie, base64.RawURLEncoding.EncodeToString([]byte(text)), 60)
}

// takeFlash returns what setFlash has left, once.
func takeFlash(c *gin.Context) string {
	cookie, err := c.Request.Cookie(flashCookie)
	if err != nil || cookie.Value == "" {
		return ""
	}
	setCookie(c.Writer, c.Request, flashCookie, "", -1)
	text, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return ""
	}
	return string(text)
}
