package server

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

func limited(retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", retryAfter)
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

func TestLimitedAccounts(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.addAccount("one")
	w.addAccount("two")
	w.addTrain("alpha", "one", "two")
	w.start()
	w.api.handle(byAccount(map[string]http.HandlerFunc{"one": limited("100")}))
	require.Equal(t, "two served", w.post("alpha", "{}").text)
	require.Equal(t, "two served", w.post("alpha", "{}").text)
	require.Equal(t, []string{"one", "two", "two"}, w.api.accounts(), "the limited account rests")

	w.api.handle(limited("1000"))
	last := w.post("alpha", "{}")
	require.Equal(t, http.StatusTooManyRequests, last.StatusCode)
	require.Equal(t, "1000", last.Header.Get("Retry-After"), "the API's own answer")

	cooling := w.post("alpha", "{}")
	w.requireError(cooling, http.StatusTooManyRequests, "rate_limit_error")
	seconds, err := strconv.Atoi(cooling.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.InDelta(t, 50, seconds, 50, "until the first account is free")
	require.Len(t, w.api.accounts(), 4, "nothing more reached the API")
}

// A key that the API refuses is not the client's fault: the client must not see 401.
func TestRefusedKey(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.addAccount("one")
	w.addAccount("two")
	w.addTrain("alpha", "one", "two")
	w.addTrain("beta", "one")
	w.start()
	refuse := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
	w.api.handle(byAccount(map[string]http.HandlerFunc{"one": refuse}))
	w.requireError(w.post("beta", "{}"), http.StatusServiceUnavailable, "api_error")
	require.Equal(t, "two served", w.post("alpha", "{}").text)
	require.Equal(t, []string{"one", "two"}, w.api.accounts())
}

// acceptTokens is an API that takes the tokens that the provider calls valid.
func acceptTokens(provider *oauthtest.Provider) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !provider.Valid(credstore.NewSecret(token)) || r.Header.Get("Anthropic-Beta") != "oauth-2025-04-20" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, "served")
	}
}

// A token that the API refuses before its time is refreshed, once for all who used it.
func TestRefusedToken(t *testing.T) {
	w := newWorld(t, "sqlite")
	old := w.addOAuth("sub")
	w.addTrain("alpha")
	w.start()
	w.api.handle(acceptTokens(w.provider))
	require.Equal(t, "served", w.post("alpha", "{}").text)

	refused := func(handler http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "Bearer "+old.Access.Reveal() {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			handler(w, r)
		}
	}
	w.api.handle(refused(acceptTokens(w.provider)))
	var clients sync.WaitGroup
	statuses := make([]int, 20)
	for i := range statuses {
		clients.Go(func() {
			r, err := w.try(w.request(http.MethodPost, "/v1/messages", "alpha", strings.NewReader("{}"), nil))
			if err == nil {
				statuses[i] = r.StatusCode
			}
		})
	}
	clients.Wait()
	for _, status := range statuses {
		require.Equal(t, http.StatusOK, status)
	}
	require.Equal(t, 1, w.provider.Counts("sub").Rotations)
	require.Empty(t, w.provider.Complaints())
	require.Contains(t, w.send(http.MethodGet, "/metrics", "", nil, nil).text, `signalbox_token_refreshes_total{outcome="refreshed"} 1`)
}

// An account whose refresh token is refused for good serves nothing, and one notice
// about it goes out.
func TestNeedsReauth(t *testing.T) {
	w := newWorld(t, "sqlite")
	posted := make(chan string, 10)
	slack := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posted <- string(body)
	}))
	t.Cleanup(slack.Close)
	w.env["SLACK_WEBHOOK_URL"] = slack.URL + "/services/" + canary + "webhook"
	w.addOAuth("sub")
	w.addTrain("alpha")
	w.provider.Revoke("sub")
	w.start()
	w.api.handle(acceptTokens(w.provider))
	for range 3 {
		w.requireError(w.post("alpha", "{}"), http.StatusServiceUnavailable, "api_error")
	}
	require.Contains(t, <-posted, "Account sub (sub) needs re-authentication")
	w.stop()
	require.NoError(t, <-w.result)
	require.Empty(t, posted)
}

// What goes wrong in posting a notice is logged, without the address, which is secret.
func TestNoticeFails(t *testing.T) {
	logs := new(buffer)
	c := config{}
	gone := httptest.NewServer(http.NotFoundHandler())
	address := gone.URL
	gone.Close()
	n := newNotices(credstore.NewSecret(address+"/services/"+canary+"webhook"), c.logger(logs))
	n.needsReauth("acc_1", "one", "invalid_grant")
	n.wait()
	require.Contains(t, logs.String(), "cannot post")
	require.NotContains(t, logs.String(), canary)
}

// A relay is a TCP connection to a database that can be cut.
type relay struct {
	net.Listener
	target string

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
	done  sync.WaitGroup
}

func newRelay(t *testing.T, target string) *relay {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{Listener: listener, target: target}
	r.done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.connect(conn)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.set(true)
		r.done.Wait()
	})
	return r
}

func (r *relay) connect(client net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	server, err := net.Dial("tcp", r.target)
	if err != nil || r.cut {
		_ = client.Close()
		return
	}
	r.conns = append(r.conns, client, server)
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		r.done.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = pair[0].Close()
		})
	}
}

// set cuts all connections and refuses new ones, or lets them through again.
func (r *relay) set(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
	if cut {
		for _, conn := range r.conns {
			_ = conn.Close()
		}
		r.conns = nil
	}
}

// While the database is away requests get 503; nobody gets an account that is not its
// own. When it is back, all is well without a restart.
func TestDatabaseIsAway(t *testing.T) {
	w := newWorld(t, "postgres")
	w.addAccount("one")
	w.addAccount("two")
	w.addTrain("alpha", "one")
	dsn, err := url.Parse(w.env["DATABASE_URL"])
	require.NoError(t, err)
	relay := newRelay(t, dsn.Host)
	dsn.Host = relay.Addr().String()
	w.env["DATABASE_URL"] = dsn.String()
	w.start()
	w.api.handle(byAccount(nil))
	require.Equal(t, "one served", w.post("alpha", "{}").text)
	require.Equal(t, http.StatusOK, w.send(http.MethodGet, "/readyz", "", nil, nil).StatusCode)

	relay.set(true)
	require.Eventually(t, func() bool { return w.post("alpha", "{}").StatusCode == http.StatusServiceUnavailable }, waitLong, 50*time.Millisecond)
	w.requireError(w.post("alpha", "{}"), http.StatusServiceUnavailable, "api_error")
	wrong := w.send(http.MethodPost, "/v1/messages", "alpha", nil, map[string]string{"Authorization": "Bearer wrong"})
	w.requireError(wrong, http.StatusServiceUnavailable, "api_error")
	ready := w.send(http.MethodGet, "/readyz", "", nil, nil)
	require.Equal(t, http.StatusServiceUnavailable, ready.StatusCode)
	require.JSONEq(t, `{"status":"unavailable","reason":"store"}`, ready.text)
	require.Equal(t, http.StatusServiceUnavailable, w.send(http.MethodGet, "/health", "", nil, nil).StatusCode)
	require.Equal(t, http.StatusOK, w.send(http.MethodGet, "/healthz", "", nil, nil).StatusCode)

	relay.set(false)
	require.Eventually(t, func() bool { return w.post("alpha", "{}").StatusCode == http.StatusOK }, waitLong, 50*time.Millisecond)
	for _, account := range w.api.accounts() {
		require.Equal(t, "one", account)
	}
}
