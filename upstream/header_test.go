package upstream_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/upstream"
)

func TestHeadersThatReachTheAPI(t *testing.T) {
	var got http.Header
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		w.WriteHeader(http.StatusOK)
	}, upstream.Options{}, "a")
	g.Client().Transport.(*http.Transport).DisableCompression = true
	send := func(credential *credstore.Credential, header http.Header) {
		g.source.credentials["a"] = credential
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL+"/v1/messages", strings.NewReader("{}"))
		require.NoError(t, err)
		request.Header = header
		g.do(t, request)
	}
	client := func() http.Header {
		return http.Header{
			"Authorization":       {"Bearer client", "Basic client"},
			"X-Api-Key":           {"client"},
			"Proxy-Authorization": {"Basic client"},
			"Cookie":              {"session=client"},
			"Msl-Train-Id":        {"train"},
			"Msl-Account":         {"a"},
			"Msl-Anything":        {"x"},
			"Connection":          {"x-api-key, Authorization, X-Private"},
			"X-Private":           {"x"},
			"Te":                  {"trailers"},
			"Anthropic-Beta":      {"one, two", "one,three"},
			"Anthropic-Version":   {"2023-06-01"},
			"User-Agent":          {"client/1"},
			"X-Custom":            {"1", "2"},
			"Accept-Encoding":     {"br"},
		}
	}
	kept := func(more http.Header) http.Header {
		want := http.Header{
			"Anthropic-Version": {"2023-06-01"},
			"User-Agent":        {"client/1"},
			"X-Custom":          {"1", "2"},
			"Accept-Encoding":   {"br"},
			"Content-Length":    {"2"},
		}
		for name, values := range more {
			want[name] = values
		}
		return want
	}

	send(apiKey("a", " \tkey-a\r\n"), client())
	require.Equal(t, kept(http.Header{"X-Api-Key": {"key-a"}, "Anthropic-Beta": {"one, two", "one,three"}}), got)

	send(oauthToken("a", "token-a\n"), client())
	require.Equal(t, kept(http.Header{
		"Authorization":  {"Bearer token-a"},
		"Anthropic-Beta": {"one,two,three,oauth-2025-04-20"},
	}), got)

	send(apiKey("a", "key-a"), http.Header{"User-Agent": {"client/1"}})
	require.NotContains(t, got, "Accept-Encoding", "a client that did not ask for compression gets none")
}

func TestSetCredential(t *testing.T) {
	for name, test := range map[string]struct {
		betas []string
		want  string
	}{
		"none":            {nil, "oauth-2025-04-20"},
		"has it":          {[]string{"oauth-2025-04-20"}, "oauth-2025-04-20"},
		"keeps its order": {[]string{"b,oauth-2025-04-20", "a"}, "b,oauth-2025-04-20,a"},
		"several lines":   {[]string{"b, a ,", "", "a,c"}, "b,a,c,oauth-2025-04-20"},
	} {
		h := http.Header{"Anthropic-Beta": test.betas, "X-Api-Key": {"old"}}
		lines := append([]string(nil), test.betas...)
		require.NoError(t, upstream.SetCredential(h, oauthToken("a", "t")), name)
		require.Equal(t, http.Header{"Anthropic-Beta": {test.want}, "Authorization": {"Bearer t"}}, h, name)
		require.Equal(t, lines, append([]string(nil), test.betas...), "%s: the client's lines are not modified", name)
	}
	h := http.Header{"Authorization": {"Bearer old"}, "X-Api-Key": {"old"}}
	require.ErrorIs(t, upstream.SetCredential(h, apiKey("a", "")), credstore.ErrDamaged)
	require.Empty(t, h)
	require.NoError(t, upstream.SetCredential(h, apiKey("a", "clé")))
	require.Equal(t, "clé", h.Get("x-api-key"))
}
