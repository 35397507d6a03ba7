package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/testlog"
)

// The main job, from every kind of store.
func TestServesFromEveryStore(t *testing.T) {
	for _, kind := range []string{"files", "sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind)
			w.addAccount("one")
			w.addTrain("alpha")
			w.start()

			r := w.send(http.MethodPost, "/v1/messages?beta=true", "alpha", strings.NewReader(`{"x":1}`), nil)
			require.Equal(t, http.StatusOK, r.StatusCode)
			require.Equal(t, "POST /v1/messages?beta=true 7", r.text)
			require.False(t, r.Close, "the connection can be used again")
			require.Equal(t, []string{"one"}, w.api.accounts())

			for name, header := range map[string]map[string]string{
				"wrong key":     {"Authorization": "Bearer " + key("beta")},
				"unknown train": {"MSL-Train-Id": "nobody"},
				"default train": {"MSL-Train-Id": ""},
			} {
				r := w.send(http.MethodPost, "/v1/messages", "alpha", nil, header)
				w.requireError(r, http.StatusUnauthorized, "authentication_error")
				require.Equal(t, "Bearer", r.Header.Get("WWW-Authenticate"), name)
				require.NotContains(t, r.text, "nobody")
				require.Contains(t, r.text, "does not open this train", "%s: one text for all of them", name)
			}
			w.requireError(w.send(http.MethodPost, "/v1/messages", "alpha", nil, map[string]string{"Authorization": ""}),
				http.StatusUnauthorized, "authentication_error")
			require.Len(t, w.api.accounts(), 1, "nothing reached the API")

			served := w.logLines("request")[0]
			require.Equal(t, "alpha", served["train"])
			require.Equal(t, "one", served["account"])
			require.Equal(t, "/v1/messages", served["path"])
			require.InDelta(t, 200, served["status"], 0)
			require.InDelta(t, len(r.text), served["bytes"], 0)
			w.stop()
			require.NoError(t, <-w.result)
		})
	}
}

// Last-used times are written when the program ends, at the latest.
func TestLastUsed(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.addAccount("one")
	w.addTrain("alpha")
	w.start()
	w.post("alpha", "{}")
	w.stop()
	require.NoError(t, <-w.result)
	account, err := w.store.GetAccount(t.Context(), "one")
	require.NoError(t, err)
	require.NotZero(t, account.LastUsedAt)
}

func TestRestrictedTrain(t *testing.T) {
	w := newWorld(t, "sqlite")
	for _, account := range []string{"one", "two", "three"} {
		w.addAccount(account)
	}
	w.addTrain("alpha", "one", "two")
	w.addTrain("beta", "three")
	w.addTrain("free")
	require.NoError(t, w.store.DeactivateAccount(t.Context(), "three", false))
	w.start()
	w.api.handle(byAccount(nil))

	require.Equal(t, "one served", w.post("alpha", "{}").text)
	named := func(train, account string) reply {
		return w.send(http.MethodPost, "/v1/messages", train, nil, map[string]string{"MSL-Account": account})
	}
	require.Equal(t, "two served", named("alpha", " two ").text)
	require.Equal(t, "one served", named("alpha", "").text)
	require.Equal(t, "two served", named("free", "two").text)
	w.requireError(named("alpha", "three"), http.StatusForbidden, "permission_error")
	w.requireError(named("alpha", "nobody"), http.StatusForbidden, "permission_error")
	w.requireError(named("free", "nobody"), http.StatusForbidden, "permission_error")
	w.requireError(w.post("beta", "{}"), http.StatusServiceUnavailable, "api_error")

	require.NoError(t, w.store.DeactivateTrain(t.Context(), "alpha"))
	require.Eventually(t, func() bool { return w.post("alpha", "{}").StatusCode == http.StatusUnauthorized }, waitLong, waitTick)
}

func TestClientKey(t *testing.T) {
	w := newWorld(t, "files")
	w.addAccount("one")
	w.addTrain("alpha")
	w.addTrain("default")
	w.start()
	good, other := key("alpha"), key("default")
	for name, test := range map[string]struct {
		header http.Header
		status int
	}{
		"bearer":                       {http.Header{"Authorization": {"Bearer " + good}}, 200},
		"scheme in any case":           {http.Header{"Authorization": {"bEARER  " + good + " "}}, 200},
		"x-api-key":                    {http.Header{"X-Api-Key": {good}}, 200},
		"bearer counts":                {http.Header{"Authorization": {"Bearer " + good}, "X-Api-Key": {"x"}}, 200},
		"bearer counts when wrong too": {http.Header{"Authorization": {"Bearer x"}, "X-Api-Key": {good}}, 401},
		"another scheme":               {http.Header{"Authorization": {"Basic " + good}}, 401},
		"another scheme and x-api-key": {http.Header{"Authorization": {"Basic eA=="}, "X-Api-Key": {good}}, 200},
		"empty bearer":                 {http.Header{"Authorization": {"Bearer"}}, 401},
		"two bearers":                  {http.Header{"Authorization": {"Bearer " + good, "Bearer " + good}}, 400},
		"two keys":                     {http.Header{"X-Api-Key": {good, good}}, 400},
		"train in white space":         {http.Header{"Msl-Train-Id": {"\u00a0alpha\t"}, "X-Api-Key": {good}}, 200},
		"two trains":                   {http.Header{"Msl-Train-Id": {"alpha", "alpha"}, "X-Api-Key": {good}}, 400},
		"blank train is the default":   {http.Header{"Msl-Train-Id": {" "}, "X-Api-Key": {other}}, 200},
		"bad train":                    {http.Header{"Msl-Train-Id": {"a b"}, "X-Api-Key": {good}}, 400},
		"path as train":                {http.Header{"Msl-Train-Id": {"../alpha"}, "X-Api-Key": {good}}, 400},
		"long train":                   {http.Header{"Msl-Train-Id": {strings.Repeat("a", 256)}, "X-Api-Key": {good}}, 400},
		"bad account":                  {http.Header{"Msl-Account": {"o/ne"}, "X-Api-Key": {good}}, 400},
		"two accounts":                 {http.Header{"Msl-Account": {"one", "one"}, "X-Api-Key": {good}}, 400},
		"another train's key":          {http.Header{"X-Api-Key": {other}}, 401},
	} {
		r := w.request(http.MethodPost, "/v1/messages", "", strings.NewReader("{}"), nil)
		r.Header = test.header
		if r.Header["Msl-Train-Id"] == nil {
			r.Header.Set("MSL-Train-Id", "alpha")
		}
		answer, err := w.try(r)
		require.NoError(t, err)
		require.Equal(t, test.status, answer.StatusCode, "%s: %s", name, answer.text)
		if answer.StatusCode == http.StatusBadRequest {
			w.requireError(answer, http.StatusBadRequest, "invalid_request_error")
		}
	}
}

func TestPaths(t *testing.T) {
	w := newWorld(t, "files")
	w.addAccount("one")
	w.addTrain("alpha")
	w.env["CLAUDE_API_BASE_URL"] = w.api.URL + "/prefix/"
	w.start()
	for path, want := range map[string]string{
		"/v1/messages":                 "/prefix/v1/messages",
		"/v1/messages/":                "/prefix/v1/messages/",
		"/v1//messages":                "/prefix/v1//messages",
		"/v1/files/a%2Fb%20c?x=1&y=%2": "/prefix/v1/files/a%2Fb%20c?x=1",
		"/v1/models?limit=2&after=a;b": "/prefix/v1/models?limit=2",
	} {
		r := w.send(http.MethodGet, path, "alpha", nil, nil)
		require.Equal(t, "GET "+want+" 0", r.text)
	}
	for _, path := range []string{"/v1/../admin", "/v1/%2e%2e/admin", "/v1/x/..%2f..%2fadmin", "/v1/..", "/v1/./x", `/v1/..%5cadmin`} {
		w.requireError(w.send(http.MethodGet, path, "alpha", nil, nil), http.StatusBadRequest, "invalid_request_error")
	}
	for _, path := range []string{"/", "/v1", "/v2/messages", "/v1beta/x", "//v1/messages", "/V1/messages"} {
		w.requireError(w.send(http.MethodGet, path, "alpha", nil, nil), http.StatusNotFound, "not_found_error")
	}
}

func TestMethods(t *testing.T) {
	w := newWorld(t, "files")
	w.addAccount("one")
	w.addTrain("alpha")
	w.start()
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		require.Equal(t, method+" /v1/x 0", w.send(method, "/v1/x", "alpha", nil, nil).text)
	}
	head := w.send(http.MethodHead, "/v1/x", "alpha", nil, nil)
	require.Equal(t, http.StatusOK, head.StatusCode)
	require.Equal(t, http.MethodHead, w.api.last().Method)
	w.requireError(w.send(http.MethodTrace, "/v1/x", "alpha", nil, nil), http.StatusMethodNotAllowed, "invalid_request_error")
}

// What the API says goes to the client as it is, and nothing of the client's that is
// not the API's business goes there.
func TestPassesThrough(t *testing.T) {
	w := newWorld(t, "files")
	w.addAccount("one")
	w.addTrain("alpha")
	w.start()
	w.api.handle(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		h := w.Header()
		h.Set("Request-Id", "req_upstream")
		h.Set("X-Request-Id", "upstream")
		h.Set("Content-Encoding", "gzip")
		h.Set("Anthropic-Ratelimit-Requests-Remaining", "3")
		h.Set("Keep-Alive", "timeout=5")
		h.Set("Retry-After", "9")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "not really gzip")
	})
	r := w.send(http.MethodPost, "/v1/messages", "alpha", strings.NewReader("{}"), map[string]string{
		"Accept-Encoding": "gzip", "X-Api-Key": "other", "Cookie": "a=b", "Connection": "X-Api-Key, Anthropic-Version",
		"X-Forwarded-For": "192.0.2.1", "Te": "trailers", "Upgrade": "websocket", "X-Request-ID": "my-request.1",
		"Anthropic-Beta": "tools-1",
	})
	require.Equal(t, http.StatusNotFound, r.StatusCode)
	require.Equal(t, "not really gzip", r.text)
	require.Equal(t, "gzip", r.Header.Get("Content-Encoding"))
	require.Equal(t, "req_upstream", r.Header.Get("Request-Id"))
	require.Equal(t, []string{"my-request.1"}, r.Header.Values("X-Request-ID"))
	require.Equal(t, "3", r.Header.Get("Anthropic-Ratelimit-Requests-Remaining"))
	require.Equal(t, "9", r.Header.Get("Retry-After"))
	require.NotContains(t, r.Header, "Keep-Alive")

	sent := w.api.last()
	require.Equal(t, strings.TrimPrefix(w.api.URL, "http://"), sent.Host)
	require.Equal(t, "one", accountOf(sent))
	require.Equal(t, "tools-1", sent.Header.Get("Anthropic-Beta"))
	require.Equal(t, "2023-06-01", sent.Header.Get("Anthropic-Version"), "where the client sends none")
	for _, name := range []string{"Authorization", "Cookie", "Msl-Train-Id", "Connection", "Te", "Upgrade", "X-Forwarded-For"} {
		require.NotContains(t, sent.Header, name)
	}
}

func TestWithoutClientAuth(t *testing.T) {
	w := newWorld(t, "files")
	w.addAccount("one")
	w.env["ENABLE_CLIENT_AUTH"] = "false"
	w.start()
	r := w.send(http.MethodPost, "/v1/messages", "", nil, map[string]string{"Authorization": "Bearer anything", "MSL-Train-Id": "any"})
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.NotContains(t, w.api.last().Header, "Authorization")
	require.Contains(t, w.logs.String(), "ENABLE_CLIENT_AUTH is false")
}

// A bug answers 500 in the API's shape, and does not take the program along. What a
// panic carries may be anything, so it is not logged.
func TestPanic(t *testing.T) {
	logs := new(testlog.Buffer)
	c := config{clientAuth: true, defaultTrain: "default"}
	s := newServer(c, nil, c.logger(logs), newMetrics(nil), defaultLimits) // no store
	s.selector = nil
	answer := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/messages", strings.NewReader("{}"))
	r.Header.Set("X-Api-Key", key("x"))
	s.routes().ServeHTTP(answer, r)
	require.Equal(t, http.StatusInternalServerError, answer.Code)
	require.Contains(t, answer.Body.String(), `"type":"api_error"`)
	require.Contains(t, logs.String(), "nil pointer")
	require.NotContains(t, logs.String(), canary)
}
