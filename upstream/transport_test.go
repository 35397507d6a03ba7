package upstream_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/selection"
	"github.com/signalbox-go/signalbox/upstream"
)

// The first candidate that is not limited answers; the others cool down.
func TestLimitedTriesNext(t *testing.T) {
	for _, code := range []int{http.StatusTooManyRequests, upstream.StatusOverloaded} {
		g := newGateway(t, answers(map[string]http.HandlerFunc{
			"key-a": status(code, "Retry-After", "100"),
			"key-b": status(http.StatusOK),
		}), upstream.Options{}, "a", "b")
		answer, text := g.post(t, strings.NewReader("{}"))
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Equal(t, "OK", text)
		require.Equal(t, []int{code, http.StatusOK}, g.statuses())
		require.Equal(t, []string{"b"}, g.used, "only the account that served")
		require.WithinDuration(t, time.Now().Add(100*time.Second), g.selector.CoolingUntil("a"), 20*time.Second)
		require.Zero(t, g.selector.CoolingUntil("b"))
	}
}

// When every candidate is limited, the client gets the last answer as it was.
func TestLimitedPassesOnTheLast(t *testing.T) {
	g := newGateway(t, answers(map[string]http.HandlerFunc{
		"key-a": status(http.StatusTooManyRequests, "Retry-After", "100"),
		"key-b": status(upstream.StatusOverloaded, "Retry-After", "7", "Request-Id", "req_1"),
	}), upstream.Options{}, "a", "b")
	answer, _ := g.post(t, strings.NewReader("{}"))
	require.Equal(t, upstream.StatusOverloaded, answer.StatusCode)
	require.Equal(t, "7", answer.Header.Get("Retry-After"))
	require.Equal(t, "req_1", answer.Header.Get("Request-Id"))
	require.Empty(t, g.used)
}

// A limited answer is worth more than what the candidates after it have to say.
func TestLimitedThenFailing(t *testing.T) {
	g := newGateway(t, answers(map[string]http.HandlerFunc{
		"key-a": status(http.StatusTooManyRequests),
		"key-b": status(http.StatusUnauthorized),
	}), upstream.Options{}, "a", "b")
	answer, text := g.post(t, strings.NewReader("{}"))
	require.Equal(t, http.StatusTooManyRequests, answer.StatusCode)
	require.Equal(t, "Too Many Requests", text)
}

func TestLimitedSparesCoolingAccounts(t *testing.T) {
	g := newGateway(t, answers(map[string]http.HandlerFunc{
		"key-a": status(http.StatusTooManyRequests),
		"key-b": status(http.StatusOK),
	}), upstream.Options{}, "a", "b")
	g.selector.CoolDown("b", time.Now().Add(time.Hour))
	answer, _ := g.post(t, strings.NewReader("{}"))
	require.Equal(t, http.StatusTooManyRequests, answer.StatusCode)
	require.Equal(t, []int{http.StatusTooManyRequests}, g.statuses())
}

// An account that is cooling down is better than none.
func TestCoolingAccountIsTheLastResort(t *testing.T) {
	g := newGateway(t, answers(map[string]http.HandlerFunc{"key-b": status(http.StatusOK)}), upstream.Options{}, "a", "b")
	g.source.errors["a"] = credstore.ErrNeedsReauth
	g.selector.CoolDown("b", time.Now().Add(time.Hour))
	answer, _ := g.post(t, strings.NewReader("{}"))
	require.Equal(t, http.StatusOK, answer.StatusCode)
}

// A limited answer that does not come whole is replaced by an error of the same meaning.
func TestLimitedWithEndlessBody(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "50")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
	}, upstream.Options{}, "a")
	g.post(t, strings.NewReader("{}"))
	var cooling *selection.CoolingError
	require.ErrorAs(t, g.err, &cooling)
	require.WithinDuration(t, time.Now().Add(50*time.Second), cooling.Until, 20*time.Second)
}

func TestRefusedIsTriedOnceMore(t *testing.T) {
	g := newGateway(t, answers(map[string]http.HandlerFunc{
		"key-a": status(http.StatusUnauthorized),
		"new-a": status(http.StatusOK),
	}), upstream.Options{}, "a", "b")
	g.source.better["a"] = apiKey("a", "new-a")
	answer, _ := g.post(t, strings.NewReader("{}"))
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, []string{"a"}, g.source.refused)
	require.Equal(t, []string{"a"}, g.used)
	require.Zero(t, g.selector.CoolingUntil("a"))
}

func TestRefusedTwiceIsSetAside(t *testing.T) {
	g := newGateway(t, answers(map[string]http.HandlerFunc{
		"key-a": status(http.StatusUnauthorized),
		"new-a": status(http.StatusUnauthorized),
		"key-b": status(http.StatusOK),
	}), upstream.Options{}, "a", "b")
	g.source.better["a"] = apiKey("a", "new-a")
	answer, _ := g.post(t, strings.NewReader("{}"))
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, []string{"a"}, g.source.refused, "once for each account and request")
	require.WithinDuration(t, time.Now().Add(upstream.SetAside), g.selector.CoolingUntil("a"), 20*time.Second)
}

// The client never sees the 401 of an account.
func TestRefusedByAll(t *testing.T) {
	g := newGateway(t, status(http.StatusUnauthorized), upstream.Options{}, "a", "b")
	answer, _ := g.post(t, strings.NewReader("{}"))
	require.Equal(t, http.StatusBadGateway, answer.StatusCode)
	require.ErrorIs(t, g.err, selection.ErrNoAccount)
	require.NotZero(t, g.selector.CoolingUntil("a"))
	require.NotZero(t, g.selector.CoolingUntil("b"))
}

// A repeated POST is paid twice: whatever else happens, the API is asked once.
func TestEverythingElseIsTheAnswer(t *testing.T) {
	for _, code := range []int{200, 204, 301, 307, 400, 403, 404, 413, 422, 500, 502, 503, 504} {
		g := newGateway(t, status(code), upstream.Options{}, "a", "b")
		g.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		answer, _ := g.post(t, strings.NewReader("{}"))
		require.Equal(t, code, answer.StatusCode)
		require.Equal(t, []int{code}, g.statuses())
	}
}

func TestBrokenConnectionIsNotTriedAgain(t *testing.T) {
	for _, header := range []string{"X-Nothing", "Idempotency-Key", "X-Idempotency-Key"} {
		var arrived atomic.Int64
		g := newGateway(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if arrived.Add(1) > 1 {
				panic(http.ErrAbortHandler)
			}
		}, upstream.Options{}, "a", "b")
		g.post(t, strings.NewReader("{}")) // so that there is a connection to use again
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL+"/v1/messages", strings.NewReader("{}"))
		require.NoError(t, err)
		request.Header.Set(header, "1")
		answer, _ := g.do(t, request)
		require.Equal(t, http.StatusBadGateway, answer.StatusCode)
		require.Error(t, g.err)
		require.NotErrorIs(t, g.err, selection.ErrNoAccount)
		require.Equal(t, []int{http.StatusOK, 0}, g.statuses())
		require.Equal(t, int64(2), arrived.Load())
	}
}

func TestTimeout(t *testing.T) {
	g := newGateway(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done() // the attempt is cancelled
	}, upstream.Options{Timeout: 50 * time.Millisecond}, "a", "b")
	g.post(t, strings.NewReader("{}"))
	require.ErrorIs(t, g.err, upstream.ErrTimeout)
	require.Equal(t, []int{0}, g.statuses())
}

// A stream may take longer than the time-out, which is for its start.
func TestTimeoutEndsWithTheHeaders(t *testing.T) {
	for timeout := 200 * time.Millisecond; ; timeout *= 2 {
		g := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(2 * timeout):
			case <-r.Context().Done():
			}
			_, _ = io.WriteString(w, "late")
		}, upstream.Options{Timeout: timeout}, "a")
		answer, text := g.post(t, strings.NewReader("{}"))
		if answer.StatusCode == http.StatusBadGateway && timeout < waitLong {
			continue // on a busy machine it may take longer to start
		}
		require.Equal(t, "late", text)
		return
	}
}

func TestClientLeaves(t *testing.T) {
	arrived, left := make(chan struct{}), make(chan struct{})
	g := newGateway(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
		close(left)
	}, upstream.Options{}, "a", "b")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL, strings.NewReader("{}"))
	require.NoError(t, err)
	ctx, cancel := contextWithCancel(t)
	go func() {
		<-arrived
		cancel()
	}()
	_, err = g.Client().Do(request.WithContext(ctx)) //nolint:bodyclose // there is no answer
	require.Error(t, err)
	<-left
	require.Eventually(t, func() bool { return len(g.statuses()) == 1 }, waitLong, time.Millisecond)
	require.Zero(t, g.selector.CoolingUntil("a"))
}

func TestNoAccount(t *testing.T) {
	for name, test := range map[string]struct {
		failure error
		want    error
	}{
		"needs re-authentication": {credstore.ErrNeedsReauth, selection.ErrNoAccount},
		"deactivated":             {credstore.ErrInactive, selection.ErrNoAccount},
		"damaged":                 {credstore.ErrDamaged, selection.ErrNoAccount},
		"refresh failed":          {errOther, selection.ErrNoAccount},
		"store unavailable":       {credstore.ErrUnavailable, credstore.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, status(http.StatusOK), upstream.Options{}, "a", "b")
			g.source.errors["a"] = test.failure
			answer, _ := g.post(t, strings.NewReader("{}"))
			require.Equal(t, http.StatusOK, answer.StatusCode, "the other account serves")
			require.Contains(t, g.log.String(), "account=a")

			g.source.errors["b"] = test.failure
			g.post(t, strings.NewReader("{}"))
			require.ErrorIs(t, g.err, test.want)
			require.ErrorIs(t, g.err, test.failure)
			require.ErrorContains(t, g.err, "account b")
		})
	}
	t.Run("no candidates", func(t *testing.T) {
		g := newGateway(t, status(http.StatusOK), upstream.Options{})
		g.post(t, strings.NewReader("{}"))
		require.ErrorIs(t, g.err, selection.ErrNoAccount)
	})
}

func TestKeyThatCannotBeSent(t *testing.T) {
	const canary = "sk-ant-CANARY-upstream01"
	g := newGateway(t, answers(map[string]http.HandlerFunc{"key-b": status(http.StatusOK)}), upstream.Options{}, "a", "b")
	for _, key := range []string{canary + "\r\nX-Injected: 1", canary + "\x00", " \n"} {
		g.source.credentials["a"] = apiKey("a", key)
		answer, _ := g.post(t, strings.NewReader("{}"))
		require.Equal(t, http.StatusOK, answer.StatusCode)
	}
	require.Equal(t, []int{200, 200, 200}, g.statuses(), "nothing was sent for account a")
	require.Contains(t, g.log.String(), "account=a")
	if strings.Contains(g.log.String(), "CANARY") {
		t.Fatal("the log has the key")
	}
}
