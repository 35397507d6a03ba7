package upstream

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// An earlier attempt may sit in a read from the client when the next one starts:
// what it reads is not lost to the next one, and it gets no more.
func TestSupersededRead(t *testing.T) {
	reader, writer := io.Pipe()
	b, err := newBody(&http.Request{Body: reader, ContentLength: -1}, DefaultMaxBody)
	require.NoError(t, err)
	first := b.start()
	part := make([]byte, 100)
	go func() { _, _ = writer.Write([]byte("one ")) }()
	n, err := first.Read(part)
	require.NoError(t, err)
	require.Equal(t, "one ", string(part[:n]))

	reading := make(chan int)
	go func() {
		n, _ := first.Read(part) // waits for the client
		reading <- n
	}()
	require.Eventually(t, func() bool {
		free := b.mu.TryLock()
		if free {
			b.mu.Unlock()
		}
		return !free
	}, 20*time.Second, time.Millisecond)
	second := b.start()
	_, err = writer.Write([]byte("two "))
	require.NoError(t, err)
	require.Equal(t, 4, <-reading)
	_, err = first.Read(part)
	require.ErrorIs(t, err, errSuperseded)

	go func() {
		_, _ = writer.Write([]byte("three"))
		_ = writer.Close()
	}()
	all, err := io.ReadAll(second)
	require.NoError(t, err)
	require.Equal(t, "one two three", string(all))
}

// After the answer nothing more is recorded, and what was is released once the last
// attempt has read it.
func TestRecordingIsReleased(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 50_000)
	b, err := newBody(&http.Request{Body: io.NopCloser(bytes.NewReader(content)), ContentLength: -1}, DefaultMaxBody)
	require.NoError(t, err)
	part := make([]byte, 200_000)
	_, err = io.ReadFull(b.start(), part)
	require.NoError(t, err)
	last := b.start()
	b.answer()
	require.Equal(t, int64(200_000), b.record.size)
	all, err := io.ReadAll(last)
	require.NoError(t, err)
	require.Equal(t, content, all)
	require.Zero(t, b.record.size)
	require.Empty(t, b.record.chunks)
}

func TestRecording(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.SampledFrom([]int{0, 1, 100, chunkSize - 1, chunkSize, chunkSize + 1, 3 * chunkSize})).Draw(t, "pieces")
		var record recording
		var want []byte
		for i, size := range pieces {
			piece := bytes.Repeat([]byte{byte(i)}, size)
			record.append(piece)
			want = append(want, piece...)
		}
		got := make([]byte, 0, len(want))
		part := make([]byte, rapid.IntRange(1, 2*chunkSize).Draw(t, "part"))
		for int64(len(got)) < record.size {
			n := record.read(part, int64(len(got)))
			if n == 0 {
				t.Fatal("nothing read")
			}
			got = append(got, part[:n]...)
		}
		if !bytes.Equal(want, got) {
			t.Fatal("not what was recorded")
		}
		record.release()
	})
}
