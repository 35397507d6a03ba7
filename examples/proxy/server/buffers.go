package server

import "sync"

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
