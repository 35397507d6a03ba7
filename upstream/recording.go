package upstream

import "sync"

// chunkSize is what a recording grows by: little for a request of some kilobytes,
// few pieces for one of 32 MB.
const chunkSize = 64 << 10

var chunkPool = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// A recording keeps bytes in chunks that are all full but the last.
type recording struct {
	chunks []*[chunkSize]byte
	small  []byte // instead of chunks, where the size is known and small
	size   int64
}

// newRecording prepares a recording of a body that is said to have length bytes; -1
// for not known.
func newRecording(length int64) recording {
	if 0 < length && length < chunkSize {
		return recording{small: make([]byte, 0, length)}
	}
	return recording{}
}

func (r *recording) append(p []byte) {
	r.size += int64(len(p))
	if r.small != nil {
		r.small = append(r.small, p...)
		return
	}
	for len(p) > 0 {
		used := int(r.size-int64(len(p))) % chunkSize
		if used == 0 {
			r.chunks = append(r.chunks, chunkPool.Get().(*[chunkSize]byte))
		}
		p = p[copy(r.chunks[len(r.chunks)-1][used:], p):]
	}
}

// read copies what was recorded at offset, which is less than size, as far as it
// lies together.
func (r *recording) read(p []byte, offset int64) int {
	if r.small != nil {
		return copy(p, r.small[offset:])
	}
	end := min(chunkSize, r.size-offset/chunkSize*chunkSize)
	return copy(p, r.chunks[offset/chunkSize][offset%chunkSize:end])
}

// release empties the recording and lets others use its chunks.
func (r *recording) release() {
	for _, chunk := range r.chunks {
		chunkPool.Put(chunk)
	}
	*r = recording{}
}
