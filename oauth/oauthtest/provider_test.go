package oauthtest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

const form = `{"grant_type":"refresh_token","refresh_token":%q,"client_id":"9d1c250a-e61b-44d9-88ed-5944d1962f5e"}`

// refresh sends a well-formed request and returns the status and the body.
func refresh(t *testing.T, p *oauthtest.Provider, token credstore.Secret) (int, string) {
	t.Helper()
	response, err := post(t, p, nil, fmt.Sprintf(form, token.Reveal()))
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

func post(t *testing.T, p *oauthtest.Provider, change func(*http.Request), body string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://provider/v1/oauth/token", strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Anthropic-Beta", "oauth-2025-04-20")
	if change != nil {
		change(request)
	}
	return p.Transport().RoundTrip(request)
}

func TestRotationAndReuse(t *testing.T) {
	p := oauthtest.NewProvider(nil)
	first := p.Login("acc_1")
	require.True(t, p.Valid(first.Access))
	require.True(t, p.Alive(first.Refresh))

	status, body := refresh(t, p, first.Refresh)
	require.Equal(t, 200, status)
	require.Contains(t, body, `"expires_in":28800`)
	require.False(t, p.Valid(first.Access))
	require.False(t, p.Alive(first.Refresh))
	require.Equal(t, oauthtest.Counts{Requests: 1, Rotations: 1}, p.Counts("acc_1"))

	status, body = refresh(t, p, first.Refresh)
	require.Equal(t, 400, status)
	require.Contains(t, body, "invalid_grant")
	require.True(t, p.Revoked("acc_1"), "the whole family")
	require.Equal(t, oauthtest.Counts{Requests: 2, Rotations: 1, Reuses: 1}, p.Counts("acc_1"))

	second := p.Login("acc_1")
	require.False(t, p.Revoked("acc_1"))
	require.Zero(t, p.Counts("acc_1"))
	status, _ = refresh(t, p, second.Refresh)
	require.Equal(t, 200, status)
	require.Empty(t, p.Complaints())

	status, _ = refresh(t, p, credstore.NewSecret("nobody's"))
	require.Equal(t, 400, status)
	require.Len(t, p.Complaints(), 1)
}

func TestReuseGraceAndLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oauthtest.NewProvider(&oauthtest.Options{ReuseGrace: 10 * time.Second, Lifetime: time.Minute})
		tokens := p.Login("acc_1")
		_, one := refresh(t, p, tokens.Refresh)
		time.Sleep(9 * time.Second)
		_, two := refresh(t, p, tokens.Refresh)
		require.Equal(t, one, two)
		time.Sleep(time.Second)
		status, _ := refresh(t, p, tokens.Refresh)
		require.Equal(t, 400, status)

		tokens = p.Login("acc_1")
		time.Sleep(time.Minute)
		require.False(t, p.Valid(tokens.Access))
		require.True(t, p.Alive(tokens.Refresh))
	})
}

func TestComplaints(t *testing.T) {
	token := func(p *oauthtest.Provider) string { return p.Login("acc_1").Refresh.Reveal() }
	for name, change := range map[string]func(*http.Request){
		"method":          func(r *http.Request) { r.Method = http.MethodPut },
		"path":            func(r *http.Request) { r.URL.Path = "/v1/token" },
		"Content-Type":    func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
		"anthropic-beta":  func(r *http.Request) { r.Header.Del("Anthropic-Beta") },
		"credential":      func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") },
		"not JSON":        func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("grant_type=refresh_token")) },
		"another grant":   replace("refresh_token\",", "password\","),
		"another client":  replace("9d1c250a", "00000000"),
		"one more field":  replace("{", `{"scope":"x",`),
		"no token at all": replace("sk-ant-ort01-", "\",\"x\":\""),
	} {
		t.Run(name, func(t *testing.T) {
			p := oauthtest.NewProvider(nil)
			response, err := post(t, p, change, fmt.Sprintf(form, token(p)))
			require.NoError(t, err)
			defer response.Body.Close()
			require.Equal(t, 400, response.StatusCode)
			require.Len(t, p.Complaints(), 1)
			require.NotContains(t, p.Complaints()[0], "sk-ant-")
			require.Zero(t, p.Counts("acc_1"))
		})
	}
}

// replace changes the body of a request, once.
func replace(old, by string) func(*http.Request) {
	return func(r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(strings.Replace(string(body), old, by, 1)))
	}
}

func TestNextComesBeforeBehave(t *testing.T) {
	p := oauthtest.NewProvider(nil)
	tokens := p.Login("acc_1")
	p.Behave(oauthtest.Behaviour{Answer: oauthtest.RateLimited, RetryAfter: "7"})
	p.Next(oauthtest.Behaviour{Answer: oauthtest.ServerError}, oauthtest.Behaviour{Answer: oauthtest.Redirect})
	for _, want := range []int{500, 302, 429, 429} {
		status, _ := refresh(t, p, tokens.Refresh)
		require.Equal(t, want, status)
	}
	require.True(t, p.Alive(tokens.Refresh), "none of these touches the token")
	require.Equal(t, oauthtest.Counts{Requests: 4}, p.Counts("acc_1"))
}

func TestDroppedConnection(t *testing.T) {
	for _, answer := range []oauthtest.Answer{oauthtest.DropAfter, oauthtest.CutAfter} {
		p := oauthtest.NewProvider(nil)
		tokens := p.Login("acc_1")
		p.Behave(oauthtest.Behaviour{Answer: answer})
		_, err := post(t, p, nil, fmt.Sprintf(form, tokens.Refresh.Reveal())) //nolint:bodyclose // there is no answer
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.False(t, p.Alive(tokens.Refresh))

		server := httptest.NewServer(p)
		defer server.Close()
		tokens = p.Login("acc_1")
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/oauth/token",
			strings.NewReader(fmt.Sprintf(form, tokens.Refresh.Reveal())))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Anthropic-Beta", "oauth-2025-04-20")
		response, err := server.Client().Do(request)
		if err == nil {
			_, err = io.ReadAll(response.Body)
			require.NoError(t, response.Body.Close())
		}
		require.Error(t, err)
		require.False(t, p.Alive(tokens.Refresh))
	}
}
