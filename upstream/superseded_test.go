package upstream

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What an attempt reads that was superseded while it waited for the client belongs to
// the attempt after it, also when that one was answered meanwhile.
func TestBodyReadBySupersededAttempt(t *testing.T) {
	client, sender := io.Pipe()
	r := httptest.NewRequest(http.MethodPost, "/", client)
	b, err := newBody(r, 1<<20)
	require.NoError(t, err)
	first := b.start()
	go func() { _, _ = first.Read(make([]byte, 4)) }()
	require.Eventually(t, func() bool { // until the first attempt waits for the client
		if !b.mu.TryLock() {
			return true
		}
		b.mu.Unlock()
		return false
	}, 20*time.Second, time.Millisecond)
	second := b.start()
	b.answer()
	go func() {
		_, _ = sender.Write([]byte("1234"))
		_, _ = sender.Write([]byte("5678"))
		_ = sender.Close()
	}()
	got, err := io.ReadAll(second)
	require.NoError(t, err)
	require.Equal(t, "12345678", string(got))
}
