package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// The defaults of [ClientOptions].
const (
	// DefaultTokenURL is Anthropic's token endpoint. The older one at
	// console.anthropic.com has answered 404 since June 2026.
	DefaultTokenURL = "https://platform.claude.com/v1/oauth/token" //nolint:gosec // an address, no credential

	// DefaultClientID is the client id of Claude Code, which existing deployments
	// have built in. It names a public client (RFC 6749, section 2.1): it is in
	// every copy of that program and is no secret. Refresh tokens are bound to
	// the client they were issued to.
	DefaultClientID = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"

	// DefaultTimeout bounds a whole exchange with the token endpoint, which takes
	// well under a second as a rule. Giving up early is costly, because the answer
	// that is lost may hold the only refresh token that works.
	DefaultTimeout = 15 * time.Second
)

// BetaHeader is the value of anthropic-beta that the token endpoint and the API
// ask for with OAuth tokens.
const BetaHeader = "oauth-2025-04-20"

// maxAnswer bounds what is read of an answer. Tokens are about a hundred bytes
// long, a JWT a few thousand; 64 KiB is ample for both of them and the rest, and
// nothing in memory.
const maxAnswer = 64 << 10

// maxRetryAfter bounds [Error.RetryAfter], against dates far off.
const maxRetryAfter = 24 * time.Hour

// ClientOptions are the choices of [NewClient]; nil and the zero value are good.
type ClientOptions struct {
	TokenURL string // empty: DefaultTokenURL
	ClientID string // empty: DefaultClientID
	// Timeout bounds the whole exchange; zero: DefaultTimeout.
	Timeout time.Duration
	// Transport carries the request. Nil: one made for it, HTTP/1.1 with a
	// connection of its own for each request, proxies from the environment.
	Transport http.RoundTripper
}

// A Client speaks with the token endpoint. It sends each request once, and the
// caller decides about another:
//
//   - It does not follow redirects.
//   - Go's http.Transport sends a request again by itself in some cases: over
//     HTTP/1, a POST of which nothing was written yet when a connection from
//     earlier turned out to be closed; over HTTP/2, also one that the server
//     says it has not processed. It needs Request.GetBody for that, which the
//     Client does not give, so that no transport can.
//   - Its own transport speaks HTTP/1.1 and uses no connection twice. So there
//     are no connections from earlier, and no request fails because of one: such
//     a failure would leave it open whether the token was spent.
//
// A Client is safe for concurrent use.
type Client struct {
	tokenURL string
	clientID string
	timeout  time.Duration
	http     *http.Client
}

// NewClient makes a client; opts may be nil.
func NewClient(opts *ClientOptions) *Client {
	if opts == nil {
		opts = &ClientOptions{}
	}
	c := &Client{tokenURL: opts.TokenURL, clientID: opts.ClientID, timeout: opts.Timeout}
	if c.tokenURL == "" {
		c.tokenURL = DefaultTokenURL
	}
	if c.clientID == "" {
		c.clientID = DefaultClientID
	}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
	}
	transport := opts.Transport
	if transport == nil {
		transport = newTransport()
	}
	c.http = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

func newTransport() http.RoundTripper {
	t := &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		DisableKeepAlives: true,
		Protocols:         new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	return t
}

// Refresh spends the refresh token and returns what it was changed for. The
// refresh token stays the same when the answer has none (RFC 6749, section 6).
// When the answer does not say how long the access token lives, it is taken to
// be [DefaultLifetime]; a scope that is absent leaves Scopes nil.
//
// Every error is an [*Error]; [Permanent] tells which of them are final.
func (c *Client) Refresh(ctx context.Context, refresh credstore.Secret) (credstore.Tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	asked := time.Now()
	request, err := c.request(ctx, refresh)
	if err != nil {
		// The URL does not parse; the error would quote it.
		return credstore.Tokens{}, &Error{reason: "the token URL is not valid"}
	}
	response, err := c.http.Do(request)
	if err != nil {
		return credstore.Tokens{}, &Error{cause: safeCause(err)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if response.StatusCode/100 != 2 {
		return credstore.Tokens{}, &Error{
			StatusCode: response.StatusCode,
			Code:       errorCode(body),
			RetryAfter: retryAfter(response.Header.Get("Retry-After"), time.Now()),
		}
	}
	// An answer that broke off may be whole all the same, with only its end
	// mark lost; its tokens are too dear to be thrown away.
	tokens, reason := parseTokens(body, refresh, asked)
	switch {
	case reason == "":
		return tokens, nil
	case err != nil:
		return credstore.Tokens{}, &Error{StatusCode: response.StatusCode, reason: "the answer broke off", cause: safeCause(err)}
	}
	return credstore.Tokens{}, &Error{StatusCode: response.StatusCode, reason: reason}
}

// request builds the POST. The body is hidden behind io.NopCloser, or
// http.NewRequest would set GetBody.
func (c *Client) request(ctx context.Context, refresh credstore.Secret) (*http.Request, error) {
	body, err := json.Marshal(map[string]string{
		"grant_type":    "refresh_token",
		"refresh_token": refresh.Reveal(),
		"client_id":     c.clientID,
	})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.tokenURL, io.NopCloser(bytes.NewReader(body)))
	if err != nil {
		return nil, err
	}
	request.ContentLength = int64(len(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "signalbox")
	request.Header.Set("Anthropic-Beta", BetaHeader)
	return request, nil
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3): seconds,
// or a date. What is neither, or past, is 0.
func retryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(header); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
