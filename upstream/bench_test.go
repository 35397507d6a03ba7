package upstream_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/selection"
	"github.com/signalbox-go/signalbox/upstream"
)

// instantly answers every request without a network.
type instantly struct{}

func (instantly) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

// BenchmarkTransport measures what the Transport adds to its base.
func BenchmarkTransport(b *testing.B) {
	keys := &source{credentials: map[string]*credstore.Credential{"a": apiKey("a", "key-a")}}
	transport := upstream.New(selection.New(nil, nil), keys, &upstream.Options{Base: instantly{}, Timeout: waitLong})
	ctx := upstream.WithCandidates(b.Context(), []credstore.AccountRef{{ID: "a", Name: "a"}})
	body := strings.Repeat("x", 1000)
	header := http.Header{"Authorization": {"Bearer x"}, "Msl-Train-Id": {"t"}, "Content-Type": {"application/json"}, "User-Agent": {"x"}}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/v1/messages", strings.NewReader(body))
			r.Header = header
			answer, err := transport.RoundTrip(r)
			if err != nil {
				b.Error(err)
				return
			}
			_ = answer.Body.Close()
		}
	})
}
