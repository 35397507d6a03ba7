// Package testlog keeps what a program under test prints while it runs.
package testlog

import (
	"bytes"
	"sync"
)

// A Buffer is a [bytes.Buffer] that may be written and read concurrently. The zero
// value is empty and ready for use.
type Buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns all that was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
