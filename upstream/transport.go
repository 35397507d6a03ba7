package upstream

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/selection"
)

// CoolDowns knows which accounts to leave alone for a while. [selection.Selector]
// is one.
type CoolDowns interface {
	CoolDown(accountID string, until time.Time) // it is at its limit
	SetAside(accountID string, until time.Time) // its credential was refused
	CoolingUntil(accountID string) time.Time
}

// A Refuser is a credential source that can do something about a credential that the
// API answered with 401: refresh it, or read it again. oauth.Refresher is one. Where
// there is nothing better, Refused returns an error.
type Refuser interface {
	Refused(ctx context.Context, accountID string, refused *credstore.Credential) (*credstore.Credential, error)
}

// An Attempt is one request to the API, for measurements.
type Attempt struct {
	Account  credstore.AccountRef
	Status   int           // 0 when there was no answer
	Err      error         // why there was none
	Duration time.Duration // until the headers of the answer
}

// Options of a [Transport]. Nil is the same as the zero value.
type Options struct {
	// Base sends the requests; nil: [DefaultBase].
	Base http.RoundTripper
	// Timeout bounds each attempt, from its start to the headers of the answer: the
	// sending of the body counts, the streaming of the answer does not. 0: no bound.
	Timeout time.Duration
	// MaxBody is the largest request body in bytes; 0: [DefaultMaxBody].
	MaxBody int64
	// LastUsed is told which account served a request; a store's TouchLastUsed. It
	// must not wait. Nil: nobody is told.
	LastUsed func(accountID string, at time.Time)
	// Observe is called after each attempt, with the request's context. It must not
	// wait. Nil: nobody watches.
	Observe func(ctx context.Context, attempt Attempt)
	// Logger hears which account could not serve, and why; nil: [slog.Default].
	Logger *slog.Logger
}

// A Transport sends requests with the credential of the first candidate that can
// serve them; the package documentation says how. Requests need candidates in their
// context ([WithCandidates]) and the API's address as their URL. A Transport may be
// used concurrently.
type Transport struct {
	coolDowns CoolDowns
	source    selection.CredentialSource
	refuser   Refuser // nil: the source is none
	opts      Options
}

// New returns a Transport that takes credentials from source, which may be a
// [Refuser], and tells coolDowns which accounts are to rest.
func New(coolDowns CoolDowns, source selection.CredentialSource, opts *Options) *Transport {
	t := &Transport{coolDowns: coolDowns, source: source}
	if opts != nil {
		t.opts = *opts
	}
	t.refuser, _ = source.(Refuser)
	if t.opts.Base == nil {
		t.opts.Base = DefaultBase()
	}
	if t.opts.MaxBody == 0 {
		t.opts.MaxBody = DefaultMaxBody
	}
	if t.opts.Logger == nil {
		t.opts.Logger = slog.Default()
	}
	return t
}

// DefaultBase returns a transport for a gateway: the settings of [http.DefaultTransport],
// but compressed answers stay as they are, and connections to the one host that it
// talks to are kept.
func DefaultBase() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   512,
		DisableCompression:    true,
	}
}

// RoundTrip implements [http.RoundTripper]. Its errors: [ErrBodyTooLarge],
// [ErrRequestBody], [ErrTimeout]; [selection.ErrNoAccount] or, when the store could
// not be asked, [credstore.ErrUnavailable], if no candidate can serve;
// [*selection.CoolingError]; and what the base transport returns.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := newBody(r, t.opts.MaxBody)
	if err != nil {
		return nil, err
	}
	x := exchange{Transport: t, request: r, body: body}
	answer, err := x.run(candidatesFrom(r.Context())) //nolint:contextcheck // the exchange has the request, and so its context
	if err != nil {
		body.finish()
		return nil, err
	}
	body.answer()
	return answer, nil
}
