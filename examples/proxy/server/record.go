package server

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/internal/httpserver"
	"github.com/signalbox-go/signalbox/upstream"
)

// A record is what is known of a request, for its log line, its metrics and its
// error answers.
type record struct {
	id      string
	train   string // checked; empty until then
	account string // the name of the last one tried
	body    *clientBody
	writer  http.ResponseWriter // net/http's own: Gin uses its writers again
}

type recordKey struct{}

// recordOf returns the record of a request that came through accessLog.
func recordOf(ctx context.Context) *record { return ctx.Value(recordKey{}).(*record) }

// maxLoggedPath is how much of a path is logged.
const maxLoggedPath = 200

// statusClientLeft is logged for a request whose client left before the answer; no
// client ever sees it. It is nginx's number.
const statusClientLeft = 499

// accessLog gives each request its record, and writes a line when it is done.
func (s *server) accessLog(c *gin.Context) {
	started := time.Now()
	r := &record{id: httpserver.RequestID(c.Request), writer: c.Writer.(interface{ Unwrap() http.ResponseWriter }).Unwrap()}
	c.Writer.Header().Set(httpserver.RequestIDHeader, r.id)
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), recordKey{}, r))
	aborted := true // a panic passes through: the connection is cut
	defer func() { s.logRequest(c, r, time.Since(started), aborted) }()
	c.Next()
	aborted = false
}

func (s *server) logRequest(c *gin.Context, r *record, took time.Duration, aborted bool) {
	ctx, status := c.Request.Context(), c.Writer.Status()
	level := slog.LevelDebug // health checks and scrapes
	if c.FullPath() == "" || c.Param("path") != "" {
		level = slog.LevelInfo
		s.metrics.answered(status, took, aborted)
	}
	if status >= http.StatusInternalServerError || aborted && !gone(ctx) {
		level = slog.LevelWarn
	}
	if !s.log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs, slog.String("request_id", r.id), slog.String("method", c.Request.Method), slog.String("path", shorten(c.Request.URL.Path)),
		slog.Int("status", status), slog.Int64("duration_ms", took.Milliseconds()), slog.Int("bytes", max(0, c.Writer.Size())))
	if r.train != "" {
		attrs = append(attrs, slog.String("train", r.train))
	}
	if r.account != "" {
		attrs = append(attrs, slog.String("account", r.account))
	}
	if aborted {
		attrs = append(attrs, slog.Bool("aborted", true), slog.Bool("client_left", gone(ctx)))
	}
	s.log.LogAttrs(ctx, level, "request", attrs...)
}

func shorten(path string) string {
	if len(path) > maxLoggedPath {
		return path[:maxLoggedPath] + "…"
	}
	return path
}

// observe notes an attempt upstream.
func (s *server) observe(ctx context.Context, attempt upstream.Attempt) {
	recordOf(ctx).account = attempt.Account.Name
	s.metrics.attempted(attempt)
}

// recovery answers 500 when a handler panics, or cuts the connection if the answer
// has begun. Of the panic's value only a runtime error is logged: others might carry
// anything.
func (s *server) recovery(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause == http.ErrAbortHandler { //nolint:errorlint // compared as net/http compares it
			panic(cause)
		}
		attrs := []any{"request_id", recordOf(c.Request.Context()).id, "stack", string(debug.Stack())}
		if fault, ok := cause.(runtime.Error); ok {
			attrs = append(attrs, "error", fault.Error())
		}
		s.log.Error("a request made the server panic", attrs...)
		if c.Writer.Written() {
			panic(http.ErrAbortHandler)
		}
		s.fail(c.Writer, c.Request, errPanic)
	}()
	c.Next()
}
