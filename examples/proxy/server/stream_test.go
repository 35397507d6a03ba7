package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
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
	require.Len(t, w.api.accounts(), 1, "a repeated POST is paid twice")
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

func TestLargeBodies(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.addAccount("one")
	w.addAccount("two")
	w.addTrain("alpha", "one", "two")
	w.limits.maxBody = 21 << 20
	w.start()
	w.api.handle(byAccount(map[string]http.HandlerFunc{
		"one": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"two": func(w http.ResponseWriter, r *http.Request) {
			hash := sha256.New()
			n, err := io.Copy(hash, r.Body)
			_, _ = fmt.Fprintf(w, "%d %x %v", n, hash.Sum(nil), err)
		},
	}))
	body := bytes.Repeat([]byte("0123456789abcdef"), 20<<16) // 20 MB
	want := fmt.Sprintf("%d %x <nil>", len(body), sha256.Sum256(body))
	require.Equal(t, want, w.send(http.MethodPost, "/v1/messages", "alpha", bytes.NewReader(body), nil).text)
	require.Equal(t, []string{"one", "two"}, w.api.accounts(), "the second account got the same body")
	chunked := func(r io.Reader) io.Reader { return struct{ io.Reader }{r} }
	require.Equal(t, want, w.send(http.MethodPost, "/v1/messages", "alpha", chunked(bytes.NewReader(body)), nil).text)

	// The server may close the connection while the client is still sending: then the
	// client sees the answer or the broken connection.
	tooLarge := append(body, body[:2<<20]...)
	for _, body := range []io.Reader{bytes.NewReader(tooLarge), chunked(bytes.NewReader(tooLarge))} {
		r, err := w.try(w.request(http.MethodPost, "/v1/messages", "alpha", body, nil))
		if err == nil {
			w.requireError(r, http.StatusRequestEntityTooLarge, "request_too_large")
		}
	}
	require.Eventually(t, func() bool { return strings.Count(w.logs.String(), `"status":413`) == 2 }, waitLong, waitTick)
}

// raw sends text on a connection of its own and returns what comes until it is closed,
// or until the reply contains end.
func (w *world) raw(text, end string) string {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(w.t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(w.t, conn.SetDeadline(time.Now().Add(waitLong)))
	_, err = io.WriteString(conn, text)
	require.NoError(w.t, err)
	var got strings.Builder
	part := make([]byte, 4096)
	for end == "" || !strings.Contains(got.String(), end) {
		n, err := conn.Read(part)
		got.Write(part[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(w.t, err, got.String())
	}
	return got.String()
}

func head(train string, more ...string) string {
	return "POST /v1/messages HTTP/1.1\r\nHost: x\r\nMSL-Train-Id: alpha\r\nAuthorization: Bearer " + key(train) + "\r\n" +
		strings.Join(more, "\r\n") + "\r\n\r\n"
}

// A client that stops sending its body is told so; with a wrong key it is not waited
// for much longer either. The connection is closed: what follows is no new request.
func TestStalledBody(t *testing.T) {
	w := newStreamWorld(t)
	w.limits.bodyStall = 100 * time.Millisecond
	w.start()
	require.Contains(t, w.raw(head("alpha", "Content-Length: 10")+"12345", ""), " 408 Request Timeout")
	require.Contains(t, w.raw(head("beta", "Content-Length: 10")+"12345", ""), " 401 Unauthorized")
	require.Contains(t, w.raw(head("alpha", "Transfer-Encoding: chunked")+"5\r\n12345", ""), " 408 Request Timeout")
}

// What the API says, or that it says nothing, is told to a client that is not done
// sending, and at once. There is no waiting for the rest of the body.
func TestAnswerToStalledClient(t *testing.T) {
	w := newStreamWorld(t)
	w.env["CLAUDE_API_TIMEOUT"] = "200"
	w.limits.bodyStall = 10 * waitLong
	w.start()
	w.api.handle(func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Connection", "close")
		w.Header().Set("Alt-Svc", "h3")
		w.WriteHeader(http.StatusBadRequest)
	})
	got := w.raw(head("alpha", "Content-Length: 100000")+"12345", "")
	require.Contains(t, got, " 400 Bad Request")
	require.NotContains(t, got, "Alt-Svc")

	w.api.handle(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	require.Contains(t, w.raw(head("alpha", "Content-Length: 100000")+"12345", ""), " 504 Gateway Timeout")
}

func TestBrokenBody(t *testing.T) {
	w := newStreamWorld(t).start()
	got := w.raw(head("alpha", "Transfer-Encoding: chunked")+"zz\r\n", "")
	require.Contains(t, got, " 400 Bad Request")
	require.Contains(t, got, "invalid_request_error")
}

func TestExpectContinue(t *testing.T) {
	w := newStreamWorld(t).start()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(waitLong)))
	_, err = io.WriteString(conn, head("alpha", "Content-Length: 2", "Expect: 100-continue"))
	require.NoError(t, err)
	answers := bufio.NewReader(conn)
	line, err := answers.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n", line)
	_, err = answers.ReadString('\n')
	require.NoError(t, err)
	_, err = io.WriteString(conn, "{}")
	require.NoError(t, err)
	answer, err := http.ReadResponse(answers, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.NoError(t, answer.Body.Close())

	require.True(t, strings.HasPrefix(w.raw(head("beta", "Content-Length: 2", "Expect: 100-continue", "Connection: close"), ""), "HTTP/1.1 401 "),
		"a wrong key is told before the body is sent")
}
