package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newStreamWorld has one account and one train, alpha, in files.
func newStreamWorld(t *testing.T) *world {
	w := newWorld(t, "files")
	w.addAccount("one")
	w.addTrain("alpha")
	return w
}

// Each event arrives before the API sends the next one.
func TestEventsArriveOneByOne(t *testing.T) {
	w := newStreamWorld(t).start()
	next := make(chan struct{})
	w.api.handle(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 5 {
			_, _ = fmt.Fprintf(w, "event: delta\ndata: {\"i\":%d}\n\n", i)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	})
	answer, err := w.client.Do(w.request(http.MethodPost, "/v1/messages", "alpha", strings.NewReader("{}"), nil))
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	events := bufio.NewReader(answer.Body)
	for i := range 5 {
		var event strings.Builder
		for range 3 {
			line, err := events.ReadString('\n')
			require.NoError(t, err)
			event.WriteString(line)
		}
		require.Equal(t, fmt.Sprintf("event: delta\ndata: {\"i\":%d}\n\n", i), event.String())
		next <- struct{}{}
	}
	_, err = events.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

// Both directions stream at once; the connection is not used again.
func TestBothWaysAtOnce(t *testing.T) {
	w := newStreamWorld(t).start()
	w.api.handle(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		w.Header().Set("Connection", "close")
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			_, _ = fmt.Fprintln(w, "echo", lines.Text())
			_ = control.Flush()
		}
	})
	reader, writer := io.Pipe()
	go func() { _, _ = io.WriteString(writer, "0\n") }()
	answer, err := w.client.Do(w.request(http.MethodPost, "/v1/messages", "alpha", reader, nil))
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewReader(answer.Body)
	for i := range 3 {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("echo %d\n", i), line)
		_, err = fmt.Fprintln(writer, i+1)
		require.NoError(t, err)
	}
	require.NoError(t, writer.Close())
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Equal(t, "echo 3\n", string(rest))
	require.True(t, answer.Close)
}

// An answer that breaks off in the API breaks off for the client, with and without a
// declared length.
func TestAnswerBreaksOff(t *testing.T) {
	for _, declared := range []string{"", "1000"} {
		w := newStreamWorld(t).start()
		w.api.handle(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if declared != "" {
				w.Header().Set("Content-Length", declared)
			}
			_, _ = io.WriteString(w, "data: begin\n\n")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		r, err := w.try(w.request(http.MethodPost, "/v1/messages", "alpha", strings.NewReader("{}"), nil))
		require.Error(t, err, "declared: %q", declared)
		require.Equal(t, "data: begin\n\n", r.text)
		require.Eventually(t, func() bool { return len(w.logLines("request")) == 1 }, waitLong, waitTick)
		line := w.logLines("request")[0]
		require.Equal(t, true, line["aborted"])
		require.Equal(t, false, line["client_left"])
		require.Equal(t, "WARN", line["level"])
		require.Contains(t, w.send(http.MethodGet, "/metrics", "", nil, nil).text, `signalbox_requests_total{code="aborted"} 1`)
	}
}

// A client that leaves takes its request upstream along, before and in the middle of
// the answer.
func TestClientLeaves(t *testing.T) {
	for _, begun := range []bool{false, true} {
		w := newStreamWorld(t).start()
		arrived, left := make(chan struct{}), make(chan struct{})
		w.api.handle(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if begun {
				_, _ = io.WriteString(w, "data: begin\n\n")
				_ = http.NewResponseController(w).Flush()
			}
			close(arrived)
			<-r.Context().Done()
			close(left)
		})
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			<-arrived
			leave()
		}()
		_, err := w.try(w.request(http.MethodPost, "/v1/messages", "alpha", strings.NewReader("{}"), nil).WithContext(ctx))
		require.ErrorIs(t, err, context.Canceled)
		select {
		case <-left:
		case <-time.After(waitLong):
			t.Fatal("the request upstream goes on")
		}
		require.Eventually(t, func() bool { return len(w.logLines("request")) == 1 }, waitLong, waitTick)
		require.Equal(t, "INFO", w.logLines("request")[0]["level"])
		leave()
	}
}

func TestUpstreamDoesNotAnswer(t *testing.T) {
	w := newStreamWorld(t)
	w.env["CLAUDE_API_TIMEOUT"] = "100"
	w.start()
	release := make(chan struct{})
	defer close(release)
	w.api.handle(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	w.requireError(w.post("alpha", "{}"), http.StatusGatewayTimeout, "timeout_error")
	require.LessOrEqual(t, len(w.api.accounts()), 1, "a repeated POST is paid twice") // none: the time was up before
}

func TestUpstreamIsNotThere(t *testing.T) {
	w := newStreamWorld(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	w.env["CLAUDE_API_BASE_URL"] = "http://" + listener.Addr().String()
	w.start()
	w.requireError(w.post("alpha", "{}"), http.StatusBadGateway, "api_error")
}

func TestUpstreamBreaksBeforeTheAnswer(t *testing.T) {
	w := newStreamWorld(t).start()
	w.api.handle(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	})
	w.requireError(w.post("alpha", "{}"), http.StatusBadGateway, "api_error")
	require.Len(t, w.api.accounts(), 1)
}
