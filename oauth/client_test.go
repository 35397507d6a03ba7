package oauth_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/oauth"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

const canary = "sk-ant-ort01-CANARY"

// serve serves handler on loopback and returns the token URL.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + "/v1/oauth/token"
}

// answering makes a client whose endpoint answers 200 with body.
func answering(t *testing.T, body string) *oauth.Client {
	t.Helper()
	return oauth.NewClient(&oauth.ClientOptions{TokenURL: serve(t, http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))})
}

func TestClientRefresh(t *testing.T) {
	provider := oauthtest.NewProvider(nil)
	client := oauth.NewClient(&oauth.ClientOptions{TokenURL: serve(t, provider)})
	old := provider.Login("acc_1")

	before := time.Now()
	tokens, err := client.Refresh(t.Context(), old.Refresh)
	require.NoError(t, err)
	require.Empty(t, provider.Complaints(), "the request is exactly of the form that the endpoint expects")
	require.Equal(t, oauthtest.Counts{Requests: 1, Rotations: 1}, provider.Counts("acc_1"))
	require.True(t, provider.Valid(tokens.Access))
	require.True(t, provider.Alive(tokens.Refresh))
	require.False(t, tokens.Refresh.Equal(old.Refresh))
	require.Equal(t, []string{"user:inference", "user:profile"}, tokens.Scopes)
	require.WithinRange(t, tokens.ExpiresAt, before.Add(8*time.Hour-time.Second), time.Now().Add(8*time.Hour))
	require.Equal(t, time.UTC, tokens.ExpiresAt.Location())
	require.Zero(t, tokens.ExpiresAt.Nanosecond()%int(time.Millisecond))
}

func TestClientKeepsRefreshToken(t *testing.T) {
	provider := oauthtest.NewProvider(nil)
	provider.Behave(oauthtest.Behaviour{Answer: oauthtest.SameRefresh})
	client := oauth.NewClient(&oauth.ClientOptions{TokenURL: serve(t, provider)})
	old := provider.Login("acc_1")
	for range 2 {
		tokens, err := client.Refresh(t.Context(), old.Refresh)
		require.NoError(t, err)
		require.True(t, tokens.Refresh.Equal(old.Refresh))
		require.True(t, provider.Valid(tokens.Access))
	}
}

func TestClientAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		body     string
		lifetime time.Duration
		scopes   []string
	}{
		"number":           {`{"access_token":"a","expires_in":28800}`, 8 * time.Hour, nil},
		"text":             {`{"access_token":"a","expires_in":"28800"}`, 8 * time.Hour, nil},
		"fraction":         {`{"access_token":"a","expires_in":0.5}`, 500 * time.Millisecond, nil},
		"a year":           {`{"access_token":"a","expires_in":31536000}`, 365 * 24 * time.Hour, nil},
		"missing":          {`{"access_token":"a"}`, oauth.DefaultLifetime, nil},
		"null":             {`{"access_token":"a","expires_in":null,"scope":null}`, oauth.DefaultLifetime, nil},
		"zero":             {`{"access_token":"a","expires_in":0}`, oauth.DefaultLifetime, nil},
		"negative":         {`{"access_token":"a","expires_in":-5}`, oauth.DefaultLifetime, nil},
		"huge":             {`{"access_token":"a","expires_in":1e300}`, oauth.DefaultLifetime, nil},
		"nonsense":         {`{"access_token":"a","expires_in":"soon","scope":7}`, oauth.DefaultLifetime, nil},
		"object":           {`{"access_token":"a","expires_in":{"s":1}}`, oauth.DefaultLifetime, nil},
		"scopes":           {`{"access_token":"a","expires_in":3600,"scope":"  b  a "}`, time.Hour, []string{"b", "a"}},
		"empty scope":      {`{"access_token":"a","expires_in":3600,"scope":""}`, time.Hour, nil},
		"empty refresh":    {`{"access_token":"a","expires_in":3600,"refresh_token":""}`, time.Hour, nil},
		"null refresh":     {`{"access_token":"a","expires_in":3600,"refresh_token":null}`, time.Hour, nil},
		"unknown fields":   {`{"access_token":"a","expires_in":3600,"organization":{"uuid":"u"},"x":[]}`, time.Hour, nil},
		"other token type": {`{"access_token":"a","expires_in":3600,"token_type":"bearer"}`, time.Hour, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := time.Now()
			tokens, err := answering(t, test.body).Refresh(t.Context(), credstore.NewSecret(canary))
			require.NoError(t, err)
			require.Equal(t, "a", tokens.Access.Reveal())
			require.Equal(t, canary, tokens.Refresh.Reveal())
			require.Equal(t, test.scopes, tokens.Scopes)
			require.WithinRange(t, tokens.ExpiresAt, before.Add(test.lifetime-time.Millisecond), time.Now().Add(test.lifetime))
		})
	}
}

func TestClientGarbage(t *testing.T) {
	for name, body := range map[string]string{
		"empty":          ``,
		"html":           `<html>` + canary,
		"list":           `[{"access_token":"a"}]`,
		"text":           `"` + canary + `"`,
		"no token":       `{"refresh_token":"` + canary + `"}`,
		"empty token":    `{"access_token":""}`,
		"number":         `{"access_token":7}`,
		"error with 200": `{"error":"invalid_grant"}`,
		"cut short":      `{"access_token":"` + canary,
		"rest behind":    `{"access_token":"a"} {"access_token":"b"}`,
		"line break":     `{"access_token":"a\nX-Injected: b"}`,
		"not ASCII":      `{"access_token":"a","refresh_token":"é"}`,
		"too long":       `{"access_token":"a","x":"` + strings.Repeat("x", 64<<10) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := answering(t, body).Refresh(t.Context(), credstore.NewSecret(canary))
			var e *oauth.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, 200, e.StatusCode)
			require.Empty(t, e.Code)
			require.False(t, oauth.Permanent(err))
			require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), canary)
		})
	}
}

func TestClientErrors(t *testing.T) {
	date := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for name, test := range map[string]struct {
		behaviour  oauthtest.Behaviour
		status     int
		code       string
		retryAfter time.Duration
		permanent  bool
	}{
		"rate limited":      {oauthtest.Behaviour{Answer: oauthtest.RateLimited, RetryAfter: "17"}, 429, "rate_limit_error", 17 * time.Second, false},
		"until a date":      {oauthtest.Behaviour{Answer: oauthtest.RateLimited, RetryAfter: date}, 429, "rate_limit_error", time.Hour, false},
		"for ever":          {oauthtest.Behaviour{Answer: oauthtest.RateLimited, RetryAfter: "2000000000"}, 429, "rate_limit_error", 24 * time.Hour, false},
		"a negative wait":   {oauthtest.Behaviour{Answer: oauthtest.RateLimited, RetryAfter: "-3"}, 429, "rate_limit_error", 0, false},
		"a senseless wait":  {oauthtest.Behaviour{Answer: oauthtest.RateLimited, RetryAfter: "soon"}, 429, "rate_limit_error", 0, false},
		"server error":      {oauthtest.Behaviour{Answer: oauthtest.ServerError}, 500, "api_error", 0, false},
		"redirect":          {oauthtest.Behaviour{Answer: oauthtest.Redirect}, 302, "", 0, false},
		"invalid client":    {oauthtest.Behaviour{Answer: oauthtest.InvalidClient}, 401, "invalid_client", 0, false},
		"invalid request":   {oauthtest.Behaviour{Answer: oauthtest.InvalidRequest}, 400, "invalid_request_error", 0, false},
		"invalid grant":     {oauthtest.Behaviour{Answer: oauthtest.InvalidGrant}, 400, "invalid_grant", 0, true},
		"garbage":           {oauthtest.Behaviour{Answer: oauthtest.Garbage}, 200, "", 0, false},
		"no access token":   {oauthtest.Behaviour{Answer: oauthtest.NoAccessToken}, 200, "", 0, false},
		"huge":              {oauthtest.Behaviour{Answer: oauthtest.Huge}, 200, "", 0, false},
		"dropped":           {oauthtest.Behaviour{Answer: oauthtest.DropAfter}, 0, "", 0, false},
		"cut in the middle": {oauthtest.Behaviour{Answer: oauthtest.CutAfter}, 200, "", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			provider := oauthtest.NewProvider(nil)
			provider.Behave(test.behaviour)
			client := oauth.NewClient(&oauth.ClientOptions{TokenURL: serve(t, provider)})
			old := provider.Login("acc_1")

			_, err := client.Refresh(t.Context(), old.Refresh)
			var e *oauth.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, test.status, e.StatusCode)
			require.Equal(t, test.code, e.Code)
			require.InDelta(t, test.retryAfter, e.RetryAfter, float64(time.Minute))
			require.Equal(t, test.permanent, oauth.Permanent(err))
			require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), old.Refresh.Reveal())
			require.Equal(t, 1, provider.Counts("acc_1").Requests, "sent once, whatever came")
			require.Empty(t, provider.Complaints())
		})
	}
}

func TestClientErrorCodes(t *testing.T) {
	for name, test := range map[string]struct {
		status    int
		body      string
		code      string
		permanent bool
	}{
		"RFC 6749":            {400, `{"error":"invalid_grant","error_description":"expired"}`, "invalid_grant", true},
		"RFC 6749 with 401":   {401, `{"error":"invalid_grant"}`, "invalid_grant", true},
		"the API's form":      {400, `{"type":"error","error":{"type":"invalid_grant","message":"m"}}`, "invalid_grant", true},
		"another status":      {403, `{"error":"invalid_grant"}`, "invalid_grant", false},
		"server error":        {500, `{"error":"invalid_grant"}`, "invalid_grant", false},
		"time-out":            {408, ``, "", false},
		"overloaded":          {529, `{"type":"error","error":{"type":"overloaded_error"}}`, "overloaded_error", false},
		"unauthorized client": {400, `{"error":"unauthorized_client"}`, "unauthorized_client", false},
		"html":                {400, `<html>invalid_grant</html>`, "", false},
		"a token as the code": {400, `{"error":"` + canary + `"}`, "", false},
		"a token as the type": {400, `{"error":{"type":"` + canary + `"}}`, "", false},
		"a long code":         {400, `{"error":"` + strings.Repeat("x", 65) + `"}`, "", false},
		"a list":              {400, `{"error":["invalid_grant"]}`, "", false},
		"null":                {400, `null`, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			client := oauth.NewClient(&oauth.ClientOptions{TokenURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))})
			_, err := client.Refresh(t.Context(), credstore.NewSecret(canary))
			var e *oauth.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, test.status, e.StatusCode)
			require.Equal(t, test.code, e.Code)
			require.Equal(t, test.permanent, oauth.Permanent(err))
			require.Equal(t, test.permanent, oauth.Permanent(fmt.Errorf("wrapped: %w", err)))
			require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), canary)
		})
	}
}

// An answer that is whole but for its end mark has the only tokens that work.
func TestClientTakesCompleteTokensOfBrokenAnswer(t *testing.T) {
	client := oauth.NewClient(&oauth.ClientOptions{TokenURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"access_token":"a","refresh_token":"r","expires_in":60}`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))})
	tokens, err := client.Refresh(t.Context(), credstore.NewSecret(canary))
	require.NoError(t, err)
	require.Equal(t, "r", tokens.Refresh.Reveal())
}

func TestClientTimeout(t *testing.T) {
	provider := oauthtest.NewProvider(nil)
	provider.Behave(oauthtest.Behaviour{Delay: time.Minute})
	client := oauth.NewClient(&oauth.ClientOptions{TokenURL: serve(t, provider), Timeout: 20 * time.Millisecond})
	old := provider.Login("acc_1")

	_, err := client.Refresh(t.Context(), old.Refresh)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.False(t, oauth.Permanent(err))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.Refresh(ctx, old.Refresh)
	require.ErrorIs(t, err, context.Canceled)
}

// What a server writes in place of HTTP must not come back in an error.
func TestClientErrorQuotesNothing(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = io.WriteString(conn, `{"refresh_token":"`+canary+`"}`+"\r\n\r\n")
	}()
	client := oauth.NewClient(&oauth.ClientOptions{TokenURL: "http://" + listener.Addr().String()})
	_, err = client.Refresh(t.Context(), credstore.NewSecret("r"))
	<-done
	var e *oauth.Error
	require.ErrorAs(t, err, &e)
	require.Zero(t, e.StatusCode)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, e.Unwrap()), canary)
}

func TestClientUnreachable(t *testing.T) {
	client := oauth.NewClient(&oauth.ClientOptions{TokenURL: "http://127.0.0.1:1/v1/oauth/token"})
	_, err := client.Refresh(t.Context(), credstore.NewSecret(canary))
	require.ErrorContains(t, err, "refused")
	require.False(t, oauth.Permanent(err))

	client = oauth.NewClient(&oauth.ClientOptions{TokenURL: "http://a b/" + canary})
	_, err = client.Refresh(t.Context(), credstore.NewSecret(canary))
	require.ErrorContains(t, err, "URL")
	require.NotContains(t, err.Error(), canary)
}

// Without GetBody no transport can send the request again, and without an
// idempotency key the standard one would not want to.
func TestClientNeverRepeats(t *testing.T) {
	var requests atomic.Int32
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 1 {
			_, _ = io.WriteString(w, `{"access_token":"a"}`)
			return
		}
		panic(http.ErrAbortHandler) // closes the connection without a word
	}))
	kept := &http.Transport{} // keeps connections, unlike the Client's own
	defer kept.CloseIdleConnections()
	client := oauth.NewClient(&oauth.ClientOptions{TokenURL: url, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		require.Nil(t, r.GetBody)
		require.NotContains(t, r.Header, "Idempotency-Key")
		require.Positive(t, r.ContentLength)
		return kept.RoundTrip(r)
	})})
	_, err := client.Refresh(t.Context(), credstore.NewSecret("r"))
	require.NoError(t, err)
	_, err = client.Refresh(t.Context(), credstore.NewSecret("r"))
	require.Error(t, err)
	require.EqualValues(t, 2, requests.Load())
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The Client's own transport uses each connection once.
func TestClientKeepsNoConnections(t *testing.T) {
	connections := map[string]bool{}
	client := oauth.NewClient(&oauth.ClientOptions{TokenURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		_, _ = io.WriteString(w, `{"access_token":"a"}`)
	}))})
	for range 3 {
		_, err := client.Refresh(t.Context(), credstore.NewSecret("r"))
		require.NoError(t, err)
	}
	require.Len(t, connections, 3)
}
