package server

import (
	"crypto/subtle"
	"net"

	"github.com/gin-gonic/gin"
)

// Where the session's token comes back: in the form, or from htmx in a header.
const (
	tokenField  = "_csrf"
	tokenHeader = "X-CSRF-Token" //nolint:gosec // a name
)

// checkOrigin refuses changes that another site's page sends, and pages that it asks for
// in the background: only links lead here from elsewhere.
func (s *server) checkOrigin(c *gin.Context) {
	header := c.Request.Header
	background := header.Get("Sec-Fetch-Site") == "cross-site" && header.Get("Sec-Fetch-Dest") != "document"
	if err := s.crossOrigin.Check(c.Request); err != nil || background {
		s.fail(c, errCrossOrigin)
	}
}

// checkToken refuses changes of a session without the session's token. Scripts have
// no session: their key is in a header that no other site's page can send.
func (s *server) checkToken(c *gin.Context) {
	v := visitorOf(c)
	if isRead(c.Request.Method) || v.script {
		return
	}
	token := c.GetHeader(tokenHeader)
	if token == "" {
		token = formOf(c).Get(tokenField)
	}
	if v.token == "" || subtle.ConstantTimeCompare([]byte(token), []byte(v.token)) != 1 {
		s.askAgain(c)
	}
}

// checkHost refuses, where nobody logs in, names that are not this machine's: a
// stranger's page could reach the port under a name of its own (DNS rebinding).
func (s *server) checkHost(c *gin.Context) {
	if !s.config.development {
		return
	}
	host := c.Request.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if !isLoopback(host) {
		s.fail(c, errForeignHost)
	}
}

// securityHeaders go with every answer. Pages are never stored: a secret may be in
// one. Everything a page loads or sends to is the dashboard itself.
func securityHeaders(c *gin.Context) {
	header := c.Writer.Header()
	for name, value := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"X-Frame-Options":              "DENY",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
		"Cache-Control":                "no-store",
	} {
		header.Set(name, value)
	}
	if isSecure(c.Request) {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
