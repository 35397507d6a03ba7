package httpserver_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-go/signalbox/internal/httpserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves handler and returns its address, a function that tells it to stop,
// and what Serve will return.
func start(t *testing.T, handler http.HandlerFunc, opts *httpserver.Options) (url string, stop func(), result <-chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		done <- httpserver.Serve(ctx, listener, handler, opts)
	}()
	t.Cleanup(func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
		<-ended
	})
	return "http://" + listener.Addr().String(), cancel, done
}

func get(t *testing.T, url string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	return http.DefaultClient.Do(request)
}

func TestStopLetsRequestsFinish(t *testing.T) {
	goOn, stopping := make(chan struct{}), make(chan struct{})
	url, stop, result := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begin ")
		_ = http.NewResponseController(w).Flush()
		<-goOn
		if r.Context().Err() == nil {
			_, _ = io.WriteString(w, "end")
		}
	}, &httpserver.Options{OnStop: func() { close(stopping) }})
	answer, err := get(t, url)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	stop()
	<-stopping
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 10*time.Second, time.Millisecond, "no new connections")
	close(goOn)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, "begin end", string(body))
	require.NoError(t, <-result)
}

func TestStopCutsOffAfterTheGrace(t *testing.T) {
	arrived := make(chan struct{})
	url, stop, result := start(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}, &httpserver.Options{Grace: 10 * time.Millisecond})
	go func() {
		<-arrived
		stop()
	}()
	_, err := get(t, url) //nolint:bodyclose // there is no answer
	require.Error(t, err)
	require.ErrorContains(t, <-result, "cut off")
}

func TestServeFails(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.Error(t, httpserver.Serve(t.Context(), listener, http.NotFoundHandler(), nil))
}

func TestHeadersAreBounded(t *testing.T) {
	url, _, _ := start(t, func(http.ResponseWriter, *http.Request) {}, nil)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	request.Header.Set("X-Large", strings.Repeat("x", 2*httpserver.MaxHeaderBytes))
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, answer.StatusCode)
}

func TestErrorsGoToTheLogger(t *testing.T) {
	var log bytes.Buffer
	url, stop, result := start(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.WriteHeader(200) },
		&httpserver.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	answer, err := get(t, url)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	stop()
	require.NoError(t, <-result)
	require.Contains(t, log.String(), "superfluous")
}

func TestRequestID(t *testing.T) {
	for given, keep := range map[string]bool{
		"abc-1.2_3":             true,
		strings.Repeat("x", 64): true,
		"":                      false,
		strings.Repeat("x", 65): false,
		"a b":                   false,
		"a\nb":                  false,
		"é":                     false,
	} {
		id := httpserver.RequestID(&http.Request{Header: http.Header{httpserver.RequestIDHeader: {given}}})
		require.Equal(t, keep, id == given, "%q", given)
		require.NotEmpty(t, id)
	}
	twice := &http.Request{Header: http.Header{httpserver.RequestIDHeader: {"a", "b"}}}
	require.Regexp(t, "^req_[0-9a-f]{24}$", httpserver.RequestID(twice))
	require.NotEqual(t, httpserver.RequestID(twice), httpserver.RequestID(twice))
}
