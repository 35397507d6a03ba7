package server

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// A visitor is who sends a request.
type visitor struct {
	actor  credstore.Actor
	token  string // what the forms of the session carry; empty: a script, without a session
	cookie string // the session's secret
}

const visitorKey = "visitor"

// visitorOf returns who sends the request; nobody's before authenticate.
func visitorOf(c *gin.Context) *visitor {
	if v, ok := c.Get(visitorKey); ok {
		return v.(*visitor)
	}
	return new(visitor)
}

// The headers of scripts.
const (
	keyHeader      = "X-Dashboard-Key"
	operatorHeader = "X-Dashboard-Operator" // who the script acts for, as claimed
)

// authenticate finds out who sends the request, or asks for a login. From here on the
// context's actor is the visitor.
func (s *server) authenticate(c *gin.Context) {
	v, err := s.identify(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	if v == nil {
		s.askForLogin(c)
		return
	}
	v.actor.Address = c.ClientIP()
	c.Set(visitorKey, v)
	c.Request = c.Request.WithContext(credstore.WithActor(c.Request.Context(), v.actor))
}

// identify returns nil for somebody unknown.
func (s *server) identify(c *gin.Context) (*visitor, error) {
	if key := c.GetHeader(keyHeader); key != "" {
		return s.identifyScript(c, credstore.NewSecret(key))
	}
	v, err := s.sessions.find(c.Request.Context(), s.sessionCookie(c))
	if err != nil {
		return nil, err
	}
	name, verified := s.knownAnyway(c)
	if name == "" || v != nil && v.actor.Name == name && v.actor.Verified == verified {
		return v, nil
	}
	return s.openSession(c, name, verified)
}

func (s *server) sessionCookie(c *gin.Context) string {
	cookie, err := c.Request.Cookie(cookieName(c.Request))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// knownAnyway returns who it is without a login: whom single sign-on names, or the
// developer.
func (s *server) knownAnyway(c *gin.Context) (name string, verified bool) {
	if s.config.ssoHeader != "" && s.fromProxy(c.Request) {
		if values := c.Request.Header.Values(s.config.ssoHeader); len(values) == 1 {
			if name, ok := operatorName(values[0]); ok {
				return name, true
			}
		}
	}
	if s.config.development && s.config.key.IsZero() {
		return "developer", false
	}
	return "", false
}

// identifyScript checks a key that comes with the request itself.
func (s *server) identifyScript(c *gin.Context, key credstore.Secret) (*visitor, error) {
	if err := s.checkKey(c, key); err != nil {
		return nil, err
	}
	name, ok := operatorName(c.GetHeader(operatorHeader))
	if !ok {
		name = "script"
	}
	return &visitor{actor: credstore.Actor{Kind: credstore.ActorOperator, Name: name}}, nil
}

// checkKey compares a key, in constant time. Who has guessed wrong too often is not
// even compared: or throttling would not slow the guessing.
func (s *server) checkKey(c *gin.Context, key credstore.Secret) error {
	address := c.ClientIP()
	if s.guesses.spent(address) {
		return errTooMany
	}
	if s.config.key.IsZero() || !s.config.key.Equal(key) {
		s.guesses.allow(address)
		return errWrongKey
	}
	return nil
}

// operatorName returns the name a person gave, trimmed, and whether it is one: 1 to
// 100 characters, all of them printable.
func operatorName(text string) (name string, ok bool) {
	name = strings.TrimSpace(text)
	valid := utf8.ValidString(name) && name != "" && utf8.RuneCountInString(name) <= 100
	return name, valid && strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// openSession starts the session of somebody who is known, and records it.
func (s *server) openSession(c *gin.Context, name string, verified bool) (*visitor, error) {
	v, token, err := s.sessions.open(c.Request.Context(), name, verified)
	if err != nil {
		return nil, err
	}
	v.cookie, v.actor.Address = token, c.ClientIP()
	ctx := credstore.WithActor(c.Request.Context(), v.actor)
	if err := s.recordSession(ctx, credstore.ActionLogin, v.actor.Session); err != nil {
		_ = s.sessions.end(ctx, token) // nobody gets in without the event
		return nil, err
	}
	setCookie(c.Writer, c.Request, cookieName(c.Request), token, 0)
	return v, nil
}

// recordSession writes an event about a login; on files there is no audit trail.
func (s *server) recordSession(ctx context.Context, action credstore.Action, id string) error {
	if s.admin == nil {
		return nil
	}
	return s.admin.AppendAudit(ctx, credstore.AuditEvent{Action: action, ObjectType: credstore.ObjectSession, ObjectID: id})
}

// fromProxy tells whether the connection comes from a trusted proxy.
func (s *server) fromProxy(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, prefix := range s.config.proxies {
		if prefix.Contains(address.Unmap()) {
			return true
		}
	}
	return false
}

// distrust drops what only a trusted proxy may say.
func (s *server) distrust(c *gin.Context) {
	if s.fromProxy(c.Request) {
		return
	}
	c.Request.Header.Del("X-Forwarded-Proto")
	if s.config.ssoHeader != "" {
		c.Request.Header.Del(s.config.ssoHeader)
	}
}

func (c *config) proxyTexts() []string {
	texts := make([]string, len(c.proxies))
	for i, prefix := range c.proxies {
		texts[i] = prefix.String()
	}
	return texts
}
