package server

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// A visitor is who sends a request.
type visitor struct {
	actor  credstore.Actor
	script bool   // it came with a key of its own, and has no session
	token  string // what the forms of the session carry
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
	v.actor.Address = addressOf(c).String()
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
	switch {
	case v != nil && v.actor.Verified && !verified:
		return nil, nil // verified is who single sign-on vouches for now
	case name == "" || v != nil && v.actor.Name == name && v.actor.Verified == verified:
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
	if s.config.ssoHeader != "" { // of trusted proxies only: see locate
		// With a comma it is a list: a proxy has added to what the client sent.
		if values := c.Request.Header.Values(s.config.ssoHeader); len(values) == 1 && !strings.Contains(values[0], ",") {
			if name, ok := s.operatorName(values[0]); ok {
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
	name, ok := s.operatorName(c.GetHeader(operatorHeader))
	if !ok {
		name = "script"
	}
	if err := s.checkKey(c, name, key); err != nil {
		return nil, err
	}
	return &visitor{script: true, actor: credstore.Actor{Kind: credstore.ActorOperator, Name: name}}, nil
}

// checkKey compares a key, in constant time, and records a wrong one with the name that
// came with it. Who has guessed wrong too often is not even compared: or throttling would
// not slow the guessing.
func (s *server) checkKey(c *gin.Context, name string, key credstore.Secret) error {
	address := throttleKey(addressOf(c))
	throttled := s.guesses.spent(address)
	if !throttled && !s.config.key.IsZero() && s.config.key.Equal(key) {
		return nil
	}
	s.log.LogAttrs(c.Request.Context(), slog.LevelWarn, "login refused", slog.String("request_id", requestID(c)),
		slog.String("address", addressOf(c).String()), slog.Bool("throttled", throttled))
	if throttled {
		return errTooMany
	}
	s.guesses.allow(address)
	if !s.recorded.allow("everybody") { // guessing from everywhere must not fill the audit trail
		return errWrongKey
	}
	ctx := credstore.WithActor(c.Request.Context(), credstore.Actor{Kind: credstore.ActorOperator, Name: name, Address: addressOf(c).String()})
	if err := s.recordSession(ctx, credstore.ActionLoginFailed, noSession); err != nil {
		return err
	}
	return errWrongKey
}

// noSession is the object of events about a session that there is none of.
const noSession = "none"

// operatorName returns the name a person gave, trimmed, and whether it is one: 1 to
// 100 characters, all of them printable, and not the key, typed into the wrong field.
func (s *server) operatorName(text string) (name string, ok bool) {
	name = strings.TrimSpace(text)
	valid := utf8.ValidString(name) && name != "" && utf8.RuneCountInString(name) <= 100 && !s.holdsKey(name)
	return name, valid && strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// holdsKey tells whether the dashboard's key is in text, comparing at each place in
// constant time.
func (s *server) holdsKey(text string) bool {
	key, found := s.config.key.Reveal(), 0
	for at := 0; key != "" && at+len(key) <= len(text); at++ {
		found |= subtle.ConstantTimeCompare([]byte(text[at:at+len(key)]), []byte(key))
	}
	return found == 1
}

// openSession starts the session of somebody who is known, and records it. The browser's
// session before, if any, ends.
func (s *server) openSession(c *gin.Context, name string, verified bool) (*visitor, error) {
	if earlier := s.sessionCookie(c); earlier != "" {
		if err := s.sessions.end(c.Request.Context(), earlier); err != nil {
			return nil, err
		}
	}
	v, token, err := s.sessions.open(c.Request.Context(), name, verified)
	if err != nil {
		return nil, err
	}
	v.cookie, v.actor.Address = token, addressOf(c).String()
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
