package oauthtest

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// DefaultLifetime is how long access tokens live: eight hours, as Anthropic's do.
const DefaultLifetime = 8 * time.Hour

// Options are the choices of [NewProvider]; nil and the zero value are good.
type Options struct {
	// Lifetime is how long access tokens live; zero: DefaultLifetime.
	Lifetime time.Duration
	// ReuseGrace is how long a spent refresh token is answered once more with
	// the tokens it was changed for, as some providers do for clients that lost
	// an answer; zero: reuse revokes at once.
	ReuseGrace time.Duration
	// Scope is the scope string of answers; empty: "user:inference user:profile".
	Scope string
}

// A Provider is a fake token endpoint. It is safe for concurrent use.
type Provider struct {
	opts Options

	mu        sync.Mutex
	logins    map[string]*login // by account
	refreshes map[string]*grant // by refresh token
	always    Behaviour
	next      []Behaviour
	malformed []string
	unknown   int
}

// A login is a family of tokens.
type login struct {
	account   string
	access    string // the newest
	expiresAt time.Time
	revoked   bool
	counts    Counts
}

// A grant is what became of one refresh token.
type grant struct {
	login   *login
	spentAt time.Time // zero: it still works
	answer  tokens    // what it was changed for
}

// Counts tells what happened to one account.
type Counts struct {
	Requests  int // well-formed requests with one of its refresh tokens
	Rotations int // requests that changed a refresh token for another
	Reuses    int // requests with a refresh token that was spent before
}

// NewProvider makes a provider that knows no account; opts may be nil.
func NewProvider(opts *Options) *Provider {
	p := &Provider{logins: map[string]*login{}, refreshes: map[string]*grant{}}
	if opts != nil {
		p.opts = *opts
	}
	if p.opts.Lifetime == 0 {
		p.opts.Lifetime = DefaultLifetime
	}
	if p.opts.Scope == "" {
		p.opts.Scope = "user:inference user:profile"
	}
	return p
}

// Login issues a new pair of tokens for an account, as if a person had logged
// in. Earlier tokens of the account stop counting.
func (p *Provider) Login(account string) credstore.Tokens {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &login{account: account}
	p.logins[account] = l
	t := p.issue(l)
	return credstore.Tokens{
		Access:    credstore.NewSecret(t.Access),
		Refresh:   credstore.NewSecret(t.Refresh),
		ExpiresAt: l.expiresAt.UTC().Truncate(time.Millisecond),
	}
}

// Behave makes every request from now on meet behaviour b; the zero Behaviour is
// a provider in good health.
func (p *Provider) Behave(b Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.always = b
}

// Next makes the next requests meet one behaviour each, in this order, before
// what Behave says applies again.
func (p *Provider) Next(b ...Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = append(p.next, b...)
}

// Counts tells what happened to the account's newest login so far.
func (p *Provider) Counts(account string) Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.logins[account]; l != nil {
		return l.counts
	}
	return Counts{}
}

// Revoked tells whether the account's tokens were revoked.
func (p *Provider) Revoked(account string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.logins[account]
	return l != nil && l.revoked
}

// Revoke revokes the account's tokens, as when a person logs out everywhere.
func (p *Provider) Revoke(account string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.logins[account]; l != nil {
		l.revoked = true
	}
}

// Valid tells whether access is the newest access token of an account and still
// good: what the API would accept.
func (p *Provider) Valid(access credstore.Secret) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.logins {
		if l.access == access.Reveal() {
			return !l.revoked && time.Now().Before(l.expiresAt)
		}
	}
	return false
}

// Alive tells whether refresh is a refresh token that still works.
func (p *Provider) Alive(refresh credstore.Secret) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.refreshes[refresh.Reveal()]
	return g != nil && g.spentAt.IsZero() && !g.login.revoked
}

// Complaints lists what was wrong with requests, without their content: every
// one that was not exactly of the form that the endpoint expects, and tokens
// that nobody issued. A test of a client should find it empty.
func (p *Provider) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	complaints := slices.Clone(p.malformed)
	if p.unknown > 0 {
		complaints = append(complaints, fmt.Sprintf("%d requests with a refresh token that was never issued", p.unknown))
	}
	return complaints
}

// Transport returns an http.RoundTripper that hands requests to the provider
// directly, without a network. CutAfter is then the same as DropAfter.
func (p *Provider) Transport() http.RoundTripper { return handlerTransport{p} }

type handlerTransport struct{ handler http.Handler }

func (t handlerTransport) RoundTrip(request *http.Request) (response *http.Response, err error) {
	defer func() {
		switch aborted := recover(); aborted {
		case nil:
		case http.ErrAbortHandler:
			response, err = nil, io.ErrUnexpectedEOF
		default:
			panic(aborted)
		}
	}()
	recorder := httptest.NewRecorder()
	t.handler.ServeHTTP(recorder, request)
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

// issue makes a new pair of tokens; p.mu is held.
func (p *Provider) issue(l *login) tokens {
	t := tokens{
		TokenType: "Bearer",
		Access:    "sk-ant-oat01-" + rand.Text(),
		Refresh:   "sk-ant-ort01-" + rand.Text(),
		ExpiresIn: int(p.opts.Lifetime.Seconds()),
		Scope:     p.opts.Scope,
	}
	l.access, l.expiresAt = t.Access, time.Now().Add(p.opts.Lifetime)
	p.refreshes[t.Refresh] = &grant{login: l}
	return t
}
