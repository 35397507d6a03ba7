package upstream_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/selection"
	"github.com/signalbox-go/signalbox/upstream"
)

// A slowSource gives the credentials of some accounts after a while, or not at all
// once the caller has left.
type slowSource struct {
	*source
	takes map[string]time.Duration // by account id
}

func (s slowSource) Credential(ctx context.Context, accountID string) (*credstore.Credential, error) {
	if err := s.wait(ctx, accountID); err != nil {
		return nil, err
	}
	return s.source.Credential(ctx, accountID)
}

func (s slowSource) Refused(ctx context.Context, accountID string, refused *credstore.Credential) (*credstore.Credential, error) {
	if err := s.wait(ctx, accountID+" refused"); err != nil {
		return nil, err
	}
	return s.source.Refused(ctx, accountID, refused)
}

func (s slowSource) wait(ctx context.Context, what string) error {
	select {
	case <-time.After(s.takes[what]):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type apiFunc func(*http.Request) int

func (f apiFunc) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: f(r), Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// A candidate whose credential is long in coming is waited for only when it is the
// last. A clock of its own shows for how long.
func TestPatience(t *testing.T) {
	const long = 40 * time.Second
	for name, test := range map[string]struct {
		takes map[string]time.Duration
		waits time.Duration
		used  string
	}{
		"quick enough":             {map[string]time.Duration{"a": 4 * time.Second}, 4 * time.Second, "key-a"},
		"another one is ready":     {map[string]time.Duration{"a": long}, upstream.Patience, "key-b"},
		"the last one":             {map[string]time.Duration{"a": long, "b": long}, upstream.Patience + long, "key-b"},
		"refused, and none better": {map[string]time.Duration{"a refused": long}, upstream.Patience, "key-b"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				keys := slowSource{&source{credentials: map[string]*credstore.Credential{"a": apiKey("a", "key-a"), "b": apiKey("b", "key-b")}}, test.takes}
				used, selector := "", selection.New(nil, nil)
				api := apiFunc(func(r *http.Request) int {
					used = r.Header.Get("X-Api-Key")
					if test.takes[used[len("key-"):]+" refused"] > 0 {
						return http.StatusUnauthorized
					}
					return http.StatusOK
				})
				transport := upstream.New(selector, keys, &upstream.Options{Base: api, Logger: slog.New(slog.DiscardHandler)})
				ctx := upstream.WithCandidates(t.Context(), []credstore.AccountRef{{ID: "a", Name: "a"}, {ID: "b", Name: "b"}})
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://api.invalid/v1/models", nil)
				require.NoError(t, err)
				started := time.Now()
				answer, err := transport.RoundTrip(request)
				require.NoError(t, err)
				require.NoError(t, answer.Body.Close())
				require.Equal(t, http.StatusOK, answer.StatusCode)
				require.Equal(t, test.used, used)
				require.Equal(t, test.waits, time.Since(started))
				require.Zero(t, selector.CoolingUntil("a"), "it may be ready for the next request")
			})
		})
	}
}
