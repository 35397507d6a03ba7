package upstream

import (
	"bytes"
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

// maxSmall is the largest body that is read before it is sent. That saves a write
// upstream for each of the many small requests, and a slow client holds no connection.
const maxSmall = 64 << 10

var errSuperseded = errors.New("another attempt reads the request body now")

// A body is a request's body that can be read by one attempt after another, each
// from its start. What one attempt has read from the client is recorded for the next.
type body struct {
	small []byte // all of it; then nothing below is used

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
	switch length := r.ContentLength; {
	case r.Body == nil || r.Body == http.NoBody:
		return nil, nil
	case length > maxBytes:
		_ = r.Body.Close()
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrBodyTooLarge, length, maxBytes)
	case 0 < length && length <= maxSmall:
		return readSmall(r.Body, length)
	}
	return &body{source: r.Body, max: maxBytes}, nil
}

func readSmall(source io.ReadCloser, length int64) (*body, error) {
	defer func() { _ = source.Close() }()
	small := make([]byte, length)
	if _, err := io.ReadFull(source, small); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequestBody, err)
	}
	return &body{small: small}, nil
}

// streams tells whether the body may still be on its way from the client.
func (b *body) streams() bool { return b != nil && b.small == nil }

// start returns the body for a new attempt. What still reads for an earlier one, as
// an HTTP transport may in the background, gets an error from now on.
func (b *body) start() io.ReadCloser {
	if b == nil {
		return nil
	}
	if b.small != nil {
		return io.NopCloser(bytes.NewReader(b.small)) // a type that net/http sends in one piece with the headers
	}
	a := &attempt{body: b}
	b.current.Store(a)
	return a
}

// failure returns why the client's body could not be read; nil when it could.
func (b *body) failure() error {
	// A lock that is taken means that the source is still being read.
	if !b.streams() || !b.mu.TryLock() {
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
	if b.streams() {
		b.answered.Store(true)
		b.tidy()
	}
}

// finish closes the source. It does not wait for a read in progress: that one closes
// it when it returns.
func (b *body) finish() {
	if b.streams() {
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

// next reads from the source for an attempt, and records for the attempts after it.
func (b *body) next(a *attempt, p []byte) (int, error) {
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
	if !b.answered.Load() || b.current.Load() != a { // superseded while it waited for the client
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
		n, err = a.body.next(a, p)
	}
	a.offset += int64(n)
	return n, err
}

// Close does nothing: the next attempt may need the source.
func (a *attempt) Close() error { return nil }
