package server

import (
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/internal/httpserver"
)

// requestID returns the id that accessLog gave the request.
func requestID(c *gin.Context) string { return c.Writer.Header().Get(httpserver.RequestIDHeader) }

// maxLoggedPath is how much of a path is logged.
const maxLoggedPath = 200

// accessLog names the request, and writes a line when it is done: the path without its
// query, where people type what they search for.
func (s *server) accessLog(c *gin.Context) {
	started := time.Now()
	c.Header(httpserver.RequestIDHeader, httpserver.RequestID(c.Request))
	s.distrust(c)
	c.Next()
	level, status := slog.LevelInfo, c.Writer.Status()
	if status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	path := c.Request.URL.Path
	if len(path) > maxLoggedPath {
		path = path[:maxLoggedPath] + "…"
	}
	actor := visitorOf(c).actor
	s.log.LogAttrs(c.Request.Context(), level, "request", slog.String("request_id", requestID(c)),
		slog.String("method", c.Request.Method), slog.String("path", path), slog.Int("status", status),
		slog.Int64("duration_ms", time.Since(started).Milliseconds()), slog.String("operator", actor.Name), slog.String("session", actor.Session))
}

// recovery answers 500 when a handler panics. Of the panic's value only a runtime
// error is logged: others might carry anything.
func (s *server) recovery(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause == http.ErrAbortHandler { //nolint:errorlint // compared as net/http compares it
			panic(cause)
		}
		attrs := []any{"request_id", requestID(c), "stack", string(debug.Stack())}
		if fault, ok := cause.(runtime.Error); ok {
			attrs = append(attrs, "error", fault.Error())
		}
		s.log.Error("a request made the server panic", attrs...)
		if c.Writer.Written() {
			panic(http.ErrAbortHandler)
		}
		s.fail(c, errPanic)
	}()
	c.Next()
}
