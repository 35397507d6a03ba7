package server

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// An api is a stub of the Anthropic API.
type api struct {
	*httptest.Server
	handler atomic.Pointer[http.HandlerFunc]

	mu       sync.Mutex
	requests []*http.Request // as they came; the bodies are read by the handler
}

func newAPI(t *testing.T) *api {
	a := new(api)
	a.handle(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.RequestURI(), len(body))
	})
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.requests = append(a.requests, r)
		a.mu.Unlock()
		(*a.handler.Load())(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *api) handle(handler http.HandlerFunc) { a.handler.Store(&handler) }

// last returns the latest request.
func (a *api) last() *http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests[len(a.requests)-1]
}

// accounts returns, request by request, whose API key came.
func (a *api) accounts() (names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.requests {
		names = append(names, accountOf(r))
	}
	return names
}

func accountOf(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("X-Api-Key"), key(""))
}

// byAccount answers by the account that is used; an account without a handler gets 200.
func byAccount(handlers map[string]http.HandlerFunc) http.HandlerFunc {
	handlers = maps.Clone(handlers)
	return func(w http.ResponseWriter, r *http.Request) {
		if handler := handlers[accountOf(r)]; handler != nil {
			handler(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, accountOf(r)+" served")
	}
}
