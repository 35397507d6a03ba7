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

// accessLog names the request, and writes a line when it is done, however that is. The
// line has the route and the object's id, not the address as it came: people paste
// secrets into addresses.
func (s *server) accessLog(c *gin.Context) {
	started := time.Now()
	c.Header(httpserver.RequestIDHeader, httpserver.RequestID(c.Request))
	defer func() { s.logRequest(c, time.Since(started)) }()
	c.Next()
}

func (s *server) logRequest(c *gin.Context, took time.Duration) {
	level, status := slog.LevelInfo, c.Writer.Status()
	if status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("request_id", requestID(c)), slog.String("method", c.Request.Method), slog.String("route", c.FullPath()),
		slog.Int("status", status), slog.Int64("duration_ms", took.Milliseconds()), slog.String("address", addressOf(c).String()),
	}
	if id := c.Param("id"); status < http.StatusBadRequest && id != "" {
		attrs = append(attrs, slog.String("id", id)) // it exists
	}
	if actor := visitorOf(c).actor; actor.Name != "" {
		attrs = append(attrs, slog.String("operator", actor.Name), slog.String("session", actor.Session))
	}
	s.log.LogAttrs(c.Request.Context(), level, "request", attrs...)
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
