package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/httpserver"
	"github.com/signalbox-go/signalbox/upstream"
)

// defaultVersion is what clients that send no anthropic-version rely on.
const defaultVersion = "2023-06-01"

// forward lets the client in, chooses the accounts, and sends the request on.
func (s *server) forward(c *gin.Context) {
	r := c.Request
	if r.ContentLength != 0 {
		record := recordOf(r.Context())
		record.body = newClientBody(record.writer, r.Body, s.limits.bodyStall)
		defer record.body.release()
		r.Body = record.body
	}
	candidates, err := s.admit(r)
	if err != nil {
		s.fail(c.Writer, r, err)
		return
	}
	s.proxy.ServeHTTP(c.Writer, r.WithContext(upstream.WithCandidates(r.Context(), candidates)))
	c.Writer.WriteHeaderNow()
}

// admit checks the request and returns the accounts that may serve it.
func (s *server) admit(r *http.Request) ([]credstore.AccountRef, error) {
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return nil, errMethod // TRACE would show the account's credential to the client
	}
	if err := checkPath(r.URL.Path); err != nil {
		return nil, err
	}
	client, err := s.clientOf(r.Header)
	if err != nil {
		return nil, err
	}
	recordOf(r.Context()).train = client.train
	if s.config.clientAuth {
		if client.key.IsZero() {
			return nil, errNoKey
		}
		if err := s.store.ValidateClientKey(r.Context(), client.train, client.key); err != nil {
			return nil, storeError(r.Context(), err)
		}
	}
	candidates, err := s.selector.Candidates(r.Context(), client.train, client.account)
	return candidates, storeError(r.Context(), err)
}

// checkPath refuses "." and ".." segments, also percent-encoded: the API, or a base
// URL with a path, might resolve them to what is not below /v1.
func checkPath(path string) error {
	for segment := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment == "." || segment == ".." {
			return fmt.Errorf("%w: the path must not contain . or .. segments", credstore.ErrInvalid)
		}
	}
	return nil
}

func (s *server) reverseProxy(transport http.RoundTripper) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        s.rewrite,
		Transport:      transport,
		FlushInterval:  -1,
		BufferPool:     &buffers{},
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ModifyResponse: beforeAnswer,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			s.fail(w, r, upstreamError(r.Context(), err))
		},
	}
}

// rewrite addresses the request to the API. Package upstream removes what is between
// client and gateway.
func (s *server) rewrite(r *httputil.ProxyRequest) {
	r.SetURL(s.config.target)
	if r.Out.Header.Get("Anthropic-Version") == "" {
		r.Out.Header.Set("Anthropic-Version", defaultVersion)
	}
}

// beforeAnswer prepares the client's side for the answer that is about to be passed on.
func beforeAnswer(answer *http.Response) error {
	record := recordOf(answer.Request.Context())
	for _, name := range []string{httpserver.RequestIDHeader, "Alt-Svc", "Set-Cookie"} {
		answer.Header.Del(name) // said of another server
	}
	record.writer.Header().Set(httpserver.RequestIDHeader, record.id) // an interim answer (1xx) has cleared it
	if record.body != nil {
		record.body.answerEarly(record.writer.Header())
	}
	return nil
}
