package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// A clientBody is a request's body that must keep coming: when the client sends
// nothing for a while, reading it fails with errBodyStalled.
//
// A timer watches, and not a read deadline for each read, because net/http reads from
// the connection on its own behalf as soon as the body has ended.
type clientBody struct {
	io.ReadCloser
	stall time.Duration

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	ended bool
}

func newClientBody(w http.ResponseWriter, body io.ReadCloser, stall time.Duration) *clientBody {
	b := &clientBody{ReadCloser: body, stall: stall}
	b.timer = time.AfterFunc(stall, func() {
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // now
	})
	return b
}

func (b *clientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	if errors.Is(err, io.EOF) {
		b.ended = true
		b.stop()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errBodyStalled
	}
	if n > 0 && b.timer != nil {
		b.timer.Reset(b.stall)
	}
	return n, err
}

// release ends the watch. The connection may carry another request afterwards.
func (b *clientBody) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stop()
}

func (b *clientBody) stop() {
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
}

// atEnd tells whether the body was read to its end.
func (b *clientBody) atEnd() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

// buffers lends the buffers through which answers are copied.
type buffers struct{ pool sync.Pool }

// bufferSize is that of [io.Copy].
const bufferSize = 32 << 10

func (b *buffers) Get() []byte {
	if buffer, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return buffer[:]
	}
	return make([]byte, bufferSize)
}

func (b *buffers) Put(buffer []byte) { b.pool.Put((*[bufferSize]byte)(buffer)) }
