package upstream

import "sync"

// chunkSize is what a recording grows by: few pieces for a body of 32 MB.
const chunkSize = 64 << 10

var chunkPool = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// A recording keeps bytes in chunks that are all full but the last.
type recording struct {
	chunks []*[chunkSize]byte
	size   int64
}

func (r *recording) append(p []byte) {
	r.size += int64(len(p))
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
