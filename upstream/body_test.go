package upstream_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/upstream"
)

func randomBody(size int) []byte {
	body := make([]byte, size)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(body)
	return body
}

// chunked hides the length of a body, so that it is sent in chunks.
func chunked(r io.Reader) io.Reader { return struct{ io.Reader }{r} }

// The next candidate gets the same body, whatever its size, and whether the first
// one has read all of it or nothing.
func TestBodyIsReplayed(t *testing.T) {
	api := func(readFirst bool) http.HandlerFunc {
		return answers(map[string]http.HandlerFunc{
			"key-a": func(w http.ResponseWriter, r *http.Request) {
				if readFirst {
					_, _ = io.Copy(io.Discard, r.Body)
				}
				w.WriteHeader(http.StatusTooManyRequests)
			},
			"key-b": func(w http.ResponseWriter, r *http.Request) {
				hash := sha256.New()
				n, err := io.Copy(hash, r.Body)
				_, _ = fmt.Fprintf(w, "%d %x %v %d", n, hash.Sum(nil), err, r.ContentLength)
			},
		})
	}
	for _, readFirst := range []bool{true, false} {
		for _, size := range []int{0, 1, 2000, 64<<10 - 1, 64 << 10, 64<<10 + 1, 3 << 20, 20 << 20} {
			g := newGateway(t, api(readFirst), upstream.Options{}, "a", "b")
			body := randomBody(size)
			_, got := g.post(t, bytes.NewReader(body))
			require.Equal(t, fmt.Sprintf("%d %x <nil> %d", size, sha256.Sum256(body), size), got, "first reads: %v", readFirst)

			_, got = g.post(t, chunked(bytes.NewReader(body)))
			require.Equal(t, fmt.Sprintf("%d %x <nil> %d", size, sha256.Sum256(body), -1), got, "in chunks, first reads: %v", readFirst)
		}
	}
}

// The API gets the body while the client is still sending it.
func TestBodyStreams(t *testing.T) {
	got := make(chan string)
	g := newGateway(t, func(_ http.ResponseWriter, r *http.Request) {
		part := make([]byte, 5)
		for {
			if _, err := io.ReadFull(r.Body, part); err != nil {
				return
			}
			got <- string(part)
		}
	}, upstream.Options{}, "a")
	reader, writer := io.Pipe()
	go func() {
		for _, part := range []string{"part1", "part2"} {
			_, _ = io.WriteString(writer, part)
			if part != <-got {
				_ = writer.CloseWithError(errOther)
			}
		}
		_ = writer.Close()
	}()
	answer, _ := g.post(t, reader)
	require.Equal(t, http.StatusOK, answer.StatusCode)
}

// An answer that comes before the body has ended does not cut the body short.
func TestAnswerBeforeTheEndOfTheBody(t *testing.T) {
	received := make(chan string, 1)
	transport, candidates := newTransport(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusOK)
		_ = control.Flush()
		body, _ := io.ReadAll(r.Body)
		received <- string(body)
	}, "a")
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(candidates, http.MethodPost, transport.url, reader)
	require.NoError(t, err)
	go func() { _, _ = io.WriteString(writer, "begin ") }()
	answer, err := transport.RoundTrip(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	_, err = io.WriteString(writer, "end")
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.Equal(t, "begin end", <-received)
}

func TestBodyTooLarge(t *testing.T) {
	const limit = 100_000
	g := newGateway(t, status(http.StatusOK), upstream.Options{MaxBody: limit}, "a", "b")
	for _, fits := range []io.Reader{bytes.NewReader(make([]byte, limit)), chunked(bytes.NewReader(make([]byte, limit)))} {
		answer, _ := g.post(t, fits)
		require.Equal(t, http.StatusOK, answer.StatusCode)
	}
	require.Len(t, g.statuses(), 2)

	g.post(t, bytes.NewReader(make([]byte, limit+1)))
	require.ErrorIs(t, g.err, upstream.ErrBodyTooLarge)
	require.Len(t, g.statuses(), 2, "nothing was sent")

	g.post(t, chunked(bytes.NewReader(make([]byte, limit+1))))
	require.ErrorIs(t, g.err, upstream.ErrBodyTooLarge)
	require.Equal(t, []int{200, 200, 0}, g.statuses())
	require.Zero(t, g.selector.CoolingUntil("a"), "it is the client's fault")
}

// A body that breaks off is the client's fault and is not tried again.
func TestBodyBreaksOff(t *testing.T) {
	closed := new(atomic.Int64)
	transport, candidates := newTransport(t, status(http.StatusOK), "a", "b")
	request, err := http.NewRequestWithContext(candidates, http.MethodPost, transport.url, &closer{
		Reader: io.MultiReader(strings.NewReader("begin"), &failing{errOther}), closed: closed,
	})
	require.NoError(t, err)
	_, err = transport.RoundTrip(request) //nolint:bodyclose // there is no answer
	require.ErrorIs(t, err, upstream.ErrRequestBody)
	require.ErrorIs(t, err, errOther)
	require.Equal(t, int64(1), closed.Load())
}

// The Transport closes the client's body exactly once, whatever becomes of it.
func TestBodyIsClosed(t *testing.T) {
	for name, api := range map[string]http.HandlerFunc{
		"answered":       status(http.StatusOK),
		"limited":        status(http.StatusTooManyRequests),
		"refused":        status(http.StatusUnauthorized),
		"answered early": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
		"broken":         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			closed := new(atomic.Int64)
			transport, candidates := newTransport(t, api, "a", "b")
			request, err := http.NewRequestWithContext(candidates, http.MethodPost, transport.url,
				&closer{Reader: bytes.NewReader(randomBody(1 << 20)), closed: closed})
			require.NoError(t, err)
			answer, err := transport.RoundTrip(request)
			if err == nil {
				require.NoError(t, answer.Body.Close())
			}
			require.Eventually(t, func() bool { return closed.Load() == 1 }, waitLong, waitTick)
		})
	}
}

type closer struct {
	io.Reader
	closed *atomic.Int64
}

func (c *closer) Close() error {
	c.closed.Add(1)
	return nil
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, errors.Join(f.err) }
