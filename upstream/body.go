package upstream

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// DefaultMaxBody is the largest request body that is accepted, in bytes: what the
// Messages API accepts.
const DefaultMaxBody = 32 << 20

var errSuperseded = errors.New("another attempt reads the request body now")

// A body is a request's body that can be read by one attempt after another, each
// from its start. What one attempt has read from the client is recorded for the next.
type body struct {
	source io.ReadCloser
	max    int64

	current  atomic.Pointer[attempt] // only this one may read; nil at the end
	answered atomic.Bool             // there will be no other attempt
	finished atomic.Bool             // nobody needs the source any more

	mu     sync.Mutex // held while reading from the source, which may take long
	record recording
	read   int64 // bytes taken from the source
	err    error // how the source ended: io.EOF, or why not
	closed bool
}

// newBody returns nil for a request without a body.
func newBody(r *http.Request, maxBytes int64) (*body, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > maxBytes {
		_ = r.Body.Close()
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrBodyTooLarge, r.ContentLength, maxBytes)
	}
	return &body{source: r.Body, max: maxBytes, record: newRecording(r.ContentLength)}, nil
}

// start returns the body for a new attempt. What still reads for an earlier one, as
// an HTTP transport may in the background, gets an error from now on.
func (b *body) start() io.ReadCloser {
	if b == nil {
		return nil
	}
	a := &attempt{body: b}
	b.current.Store(a)
	return a
}

// failure returns why the client's body could not be read; nil when it could.
func (b *body) failure() error {
	// A lock that is taken means that the source is still being read.
	if b == nil || !b.mu.TryLock() {
		return nil
	}
	defer b.mu.Unlock()
	if errors.Is(b.err, io.EOF) {
		return nil
	}
	return b.err
}

// answer ends the recording: the current attempt is the last.
func (b *body) answer() {
	if b != nil {
		b.answered.Store(true)
		b.tidy()
	}
}

// finish closes the source. It does not wait for a read in progress: that one closes
// it when it returns.
func (b *body) finish() {
	if b != nil {
		b.current.Store(nil)
		b.finished.Store(true)
		b.answer()
	}
}

// tidy releases what is no longer needed. Whoever holds the lock at that moment
// calls it again after unlocking.
func (b *body) tidy() {
	if !b.answered.Load() || !b.mu.TryLock() {
		return
	}
	defer b.mu.Unlock()
	finished, current := b.finished.Load(), b.current.Load()
	if finished || current == nil || current.offset >= b.record.size {
		b.record.release()
	}
	if finished && !b.closed {
		b.closed = true
		_ = b.source.Close()
	}
}

// next reads from the source, and records.
func (b *body) next(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.source.Read(p)
	b.read += int64(n)
	switch {
	case b.read > b.max:
		b.err = fmt.Errorf("%w: more than %d bytes", ErrBodyTooLarge, b.max)
		return 0, b.err
	case err != nil && !errors.Is(err, io.EOF):
		err = fmt.Errorf("%w: %w", ErrRequestBody, err)
	}
	if !b.answered.Load() {
		b.record.append(p[:n])
	}
	b.err = err
	return n, err
}

// An attempt reads a body from its start.
type attempt struct {
	body   *body
	offset int64 // guarded by body.mu
}

func (a *attempt) Read(p []byte) (int, error) {
	defer a.body.tidy()
	a.body.mu.Lock()
	defer a.body.mu.Unlock()
	if a.body.current.Load() != a {
		return 0, errSuperseded
	}
	var n int
	var err error
	if a.offset < a.body.record.size {
		n = a.body.record.read(p, a.offset)
	} else {
		n, err = a.body.next(p)
	}
	a.offset += int64(n)
	return n, err
}

// Close does nothing: the next attempt may need the source.
func (a *attempt) Close() error { return nil }
