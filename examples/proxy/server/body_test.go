package server

import (
	"bufio"
	"bytes"
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

	w = newStreamWorld(t)
	w.env["CLAUDE_API_TIMEOUT"] = "200"
	w.limits.bodyStall = 10 * waitLong
	w.start()
	w.api.handle(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	require.Contains(t, w.raw(head("alpha", "Content-Length: 100000")+"12345", ""), " 504 Gateway Timeout")
}

// A refusal does not wait for a body that is long in coming.
func TestRefusalOfStalledClient(t *testing.T) {
	w := newStreamWorld(t)
	w.limits.bodyStall = 10 * waitLong
	w.start()
	for _, body := range []string{"Content-Length: 10", "Transfer-Encoding: chunked"} {
		got := w.raw(head("beta", body)+"5\r\n12", "")
		require.Contains(t, got, " 401 Unauthorized")
		require.Contains(t, got, "Connection: close")
	}
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
