package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/testlog"
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
	for range 2 {
		w.requireError(w.post("beta", "{}"), http.StatusServiceUnavailable, "api_error")
	}
	require.Equal(t, "two served", w.post("alpha", "{}").text)
	require.Equal(t, []string{"one", "two"}, w.api.accounts(), "the refused account rests")
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
	logs := new(testlog.Buffer)
	c := config{}
	gone := httptest.NewServer(http.NotFoundHandler())
	address := gone.URL
	gone.Close()
	n := newNotices(credstore.NewSecret(address+"/services/"+canary+"webhook"), c.logger(logs))
	n.needsReauth("acc_1", "one", "invalid_grant")
	n.end()
	require.Contains(t, logs.String(), "cannot post")
	require.NotContains(t, logs.String(), canary)
}

// A notice that Slack cannot take now is tried again, not for ever; one that it
// refuses is not.
func TestNoticeIsTriedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		statuses []int // the last of them again and again
		tries    int64
		posted   bool
	}{
		"at once":         {[]int{http.StatusOK}, 1, true},
		"recovers":        {[]int{http.StatusBadGateway, http.StatusTooManyRequests, http.StatusOK}, 3, true},
		"stays away":      {[]int{http.StatusInternalServerError}, noticeTries, false},
		"no such webhook": {[]int{http.StatusNotFound}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int64
			slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.statuses[min(int(tries.Add(1)), len(test.statuses))-1])
			}))
			defer slack.Close()
			logs, c := new(testlog.Buffer), config{}
			n := newNotices(credstore.NewSecret(slack.URL), c.logger(logs))
			n.pause = time.Microsecond
			n.needsReauth("acc_1", "one", "invalid_grant")
			n.posting.Wait()
			n.end()
			require.Equal(t, test.tries, tries.Load())
			require.Equal(t, !test.posted, strings.Contains(logs.String(), "cannot post"))
		})
	}
}

// A machine was lost in the middle of a refresh: requests do not wait for the end of
// its lease while another account can serve them.
func TestLostLease(t *testing.T) {
	w := newWorld(t, "sqlite")
	tokens := w.addOAuth("sub")
	w.addAccount("two")
	w.addTrain("alpha", "sub", "two")
	tokens.ExpiresAt = time.Now().Add(-time.Hour)
	require.NoError(t, w.store.SaveTokens(t.Context(), "sub", tokens.Refresh, tokens))
	lease, err := w.store.AcquireLease(t.Context(), "sub", "lost machine", time.Hour)
	require.NoError(t, err)
	require.True(t, lease.Acquired)
	w.api.handle(byAccount(nil))
	w.start()
	w.client.Timeout = waitLong // the wait for the lease would be a minute
	require.Equal(t, "two served", w.post("alpha", "{}").text)
	require.Zero(t, w.provider.Counts("sub").Requests)
}

// Three programs on one database find one expired token: it is refreshed once.
func TestFleetRefreshesOnce(t *testing.T) {
	w := newWorld(t, "postgres")
	tokens := w.addOAuth("sub")
	w.addTrain("alpha")
	tokens.ExpiresAt = time.Now().Add(-time.Hour)
	require.NoError(t, w.store.SaveTokens(t.Context(), "sub", tokens.Refresh, tokens))
	w.api.handle(acceptTokens(w.provider))
	var urls []string
	for i := range 3 {
		w.env["STATE_DIR"] = filepath.Join(t.TempDir(), strconv.Itoa(i))
		urls = append(urls, w.start().url)
	}
	statuses := make(chan int, 3*20)
	var clients sync.WaitGroup
	for i := range cap(statuses) {
		request := w.request(http.MethodPost, "/v1/messages", "alpha", strings.NewReader("{}"), nil)
		request.URL.Host = strings.TrimPrefix(urls[i%3], "http://")
		clients.Go(func() {
			if r, err := w.try(request); err == nil {
				statuses <- r.StatusCode
			}
		})
	}
	clients.Wait()
	require.Len(t, statuses, cap(statuses))
	for range cap(statuses) {
		require.Equal(t, http.StatusOK, <-statuses)
	}
	require.Equal(t, 1, w.provider.Counts("sub").Rotations)
	require.Empty(t, w.provider.Complaints())
}
