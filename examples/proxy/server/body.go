package server

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// A clientBody is a request's body that must keep coming: when the client sends
// nothing for a while, reading it fails, and hasStalled tells why.
//
// A timer watches each read. A read deadline for each would not do, because net/http
// reads from the connection on its own behalf as soon as the body has ended.
type clientBody struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration

	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	reading bool
	ended   bool
	stalled bool
	duplex  bool // the answer goes out while the body comes in
}

func newClientBody(w http.ResponseWriter, body io.ReadCloser, stall time.Duration) *clientBody {
	return &clientBody{ReadCloser: body, control: http.NewResponseController(w), stall: stall}
}

func (b *clientBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	b.reading = true
	b.watch()
	b.mu.Unlock()
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	b.timer.Stop()
	b.ended = b.ended || errors.Is(err, io.EOF)
	return n, err
}

// watch begins to wait for the client. The caller holds b.mu.
func (b *clientBody) watch() {
	if b.timer == nil {
		b.timer = time.AfterFunc(b.stall, b.giveUp)
		return
	}
	b.timer.Reset(b.stall)
}

// giveUp ends the waiting for the client.
func (b *clientBody) giveUp() {
	b.mu.Lock()
	b.stalled = true
	b.mu.Unlock()
	b.cut()
}

func (b *clientBody) hasStalled() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stalled
}

// cut makes whoever reads from the client fail, now and from now on. The connection
// does not survive it.
func (b *clientBody) cut() { _ = b.control.SetReadDeadline(time.Unix(1, 0)) }

// answerEarly prepares for an answer before the end of the body: both go on, and the
// connection is closed afterwards. It does nothing when the body has ended.
func (b *clientBody) answerEarly(h http.Header) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.duplex = true
		h.Set("Connection", "close")
		_ = b.control.EnableFullDuplex() // HTTP/1.1 can
	}
}

// flushRefusal writes out an answer that does without the rest of the body. net/http
// reads some of that rest first, so that the client comes to read the answer and the
// connection can be kept: not for longer than linger.
func (b *clientBody) flushRefusal() {
	b.mu.Lock()
	ended := b.ended
	switch {
	case ended:
	case b.reading:
		b.cut()
	default:
		b.watch()
		b.timer.Reset(linger)
	}
	b.mu.Unlock()
	if !ended {
		_ = b.control.Flush()
	}
}

// linger is how long a client may go on sending after it was answered early, or before
// it is refused. Closing the connection at once might destroy the answer before it is
// read. It is what net/http waits in such a case.
const linger = 500 * time.Millisecond

// release is called when the request is done. What has not been read of the body is
// given up here, and not by net/http later on, when nobody watches any more.
func (b *clientBody) release() {
	b.mu.Lock()
	ended := b.ended
	if !ended {
		b.watch()
	}
	if !ended && b.duplex {
		b.timer.Reset(linger)
	}
	b.mu.Unlock()
	if !ended {
		_ = b.Close() // reads on, up to a limit
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
	}
}
