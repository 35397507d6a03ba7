package upstream_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/selection"
	"github.com/signalbox-go/signalbox/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A source gives credentials by account id. Its secrets are canaries.
type source struct {
	credentials map[string]*credstore.Credential
	errors      map[string]error
	better      map[string]*credstore.Credential // after a 401

	mu      sync.Mutex
	refused []string
}

func (s *source) Credential(_ context.Context, accountID string) (*credstore.Credential, error) {
	return s.credentials[accountID], s.errors[accountID]
}

func (s *source) Refused(_ context.Context, accountID string, _ *credstore.Credential) (*credstore.Credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = append(s.refused, accountID)
	if better := s.better[accountID]; better != nil {
		return better, nil
	}
	return nil, credstore.ErrNeedsReauth
}

func apiKey(account, key string) *credstore.Credential {
	return &credstore.Credential{AccountID: account, AccountName: account, Type: credstore.APIKey, APIKey: credstore.NewSecret(key)}
}

func oauthToken(account, token string) *credstore.Credential {
	return &credstore.Credential{AccountID: account, AccountName: account, Type: credstore.OAuth,
		Tokens: credstore.Tokens{Access: credstore.NewSecret(token), Refresh: credstore.NewSecret("refresh")}}
}

// A gateway is a Transport between a client and a stub of the API. Accounts a and b
// hold the API keys key-a and key-b.
type gateway struct {
	*httptest.Server
	source   *source
	selector *selection.Selector

	mu       sync.Mutex
	err      error              // of the latest exchange
	attempts []upstream.Attempt // all
	used     []string           // account ids
	log      strings.Builder
}

func newGateway(t *testing.T, api http.HandlerFunc, opts upstream.Options, candidates ...string) *gateway {
	t.Helper()
	stub := httptest.NewServer(api)
	t.Cleanup(stub.Close)
	target, err := url.Parse(stub.URL)
	require.NoError(t, err)
	g := &gateway{selector: selection.New(nil, nil), source: &source{
		credentials: map[string]*credstore.Credential{"a": apiKey("a", "key-a"), "b": apiKey("b", "key-b")},
		errors:      map[string]error{}, better: map[string]*credstore.Credential{},
	}}
	base := upstream.DefaultBase()
	t.Cleanup(base.CloseIdleConnections)
	opts.Base = base
	opts.Logger = slog.New(slog.NewTextHandler(&g.log, nil))
	opts.Observe = func(_ context.Context, a upstream.Attempt) { g.locked(func() { g.attempts = append(g.attempts, a) }) }
	opts.LastUsed = func(id string, _ time.Time) { g.locked(func() { g.used = append(g.used, id) }) }
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     upstream.New(g.selector, g.source, &opts),
		FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			g.locked(func() { g.err = err })
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	var refs []credstore.AccountRef
	for _, id := range candidates {
		refs = append(refs, credstore.AccountRef{ID: id, Name: id, Active: true})
	}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy.ServeHTTP(w, r.WithContext(upstream.WithCandidates(r.Context(), refs)))
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) locked(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
}

// statuses returns what the API answered, attempt by attempt.
func (g *gateway) statuses() (all []int) {
	g.locked(func() {
		for _, a := range g.attempts {
			all = append(all, a.Status)
		}
	})
	return all
}

// post sends a message and returns the answer, its body read.
func (g *gateway) post(t *testing.T, body io.Reader) (reply, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL+"/v1/messages", body)
	require.NoError(t, err)
	return g.do(t, request)
}

// A reply is an answer without its body.
type reply struct {
	StatusCode int
	Header     http.Header
}

func (g *gateway) do(t *testing.T, request *http.Request) (reply, string) {
	t.Helper()
	answer, err := g.Client().Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	data, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return reply{answer.StatusCode, answer.Header}, string(data)
}

// answers makes an API that answers by account: the handler that the key in the
// request names.
func answers(byKey map[string]http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("X-Api-Key")
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			key = token
		}
		if handler := byKey[key]; handler != nil {
			handler(w, r)
			return
		}
		w.WriteHeader(http.StatusTeapot)
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for pair := range slices.Chunk(header, 2) {
			w.Header().Set(pair[0], pair[1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, http.StatusText(code))
	}
}

var errOther = errors.New("some other failure")

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// For what is awaited: how long at most, and how often to look.
const (
	waitLong = 20 * time.Second
	waitTick = time.Millisecond
)

// A bareTransport is a Transport without a gateway around it.
type bareTransport struct {
	*upstream.Transport
	url string
}

// newTransport returns a Transport before a stub of the API, and a context with the
// candidates.
func newTransport(t *testing.T, api http.HandlerFunc, candidates ...string) (bareTransport, context.Context) {
	t.Helper()
	stub := httptest.NewServer(api)
	t.Cleanup(stub.Close)
	base := upstream.DefaultBase()
	t.Cleanup(base.CloseIdleConnections)
	keys := &source{credentials: map[string]*credstore.Credential{}, errors: map[string]error{}}
	var refs []credstore.AccountRef
	for _, id := range candidates {
		keys.credentials[id] = apiKey(id, "key-"+id)
		refs = append(refs, credstore.AccountRef{ID: id, Name: id, Active: true})
	}
	transport := upstream.New(selection.New(nil, nil), keys, &upstream.Options{Base: base, Logger: slog.New(slog.DiscardHandler)})
	return bareTransport{transport, stub.URL}, upstream.WithCandidates(t.Context(), refs)
}
