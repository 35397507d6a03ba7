// Package httpserver starts and gracefully stops the HTTP servers of the examples,
// with bounds against slow and oversized clients, and names requests.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The bounds of every server. None of them limits how long a request or its answer
// may take as long as it moves: streams last for minutes.
const (
	// HeaderTimeout is how long a client may take to send a request's headers.
	HeaderTimeout = 10 * time.Second
	// IdleTimeout is how long a connection may wait for its next request.
	IdleTimeout = 2 * time.Minute
	// WriteStall is how long a client may take to accept what is written to it.
	WriteStall = 2 * time.Minute
	// MaxHeaderBytes bounds the request line and headers; net/http answers 431.
	MaxHeaderBytes = 64 << 10
	// DefaultGrace is how long requests may go on after the server was told to stop.
	// Most streams end within it. An impatient supervisor kills the process earlier.
	DefaultGrace = 5 * time.Minute
)

// Options of [Serve]. Nil is the same as the zero value.
type Options struct {
	// Grace is how long requests may go on after ctx has ended; 0: DefaultGrace.
	Grace time.Duration
	// OnStop is called when ctx has ended, before the listener closes. May be nil.
	OnStop func()
	// Logger gets what net/http has to say; nil: slog.Default().
	Logger *slog.Logger
}

// Serve answers requests until ctx ends. Then it accepts no more, lets the running
// requests finish, and returns nil; after the grace period it cuts them off and
// returns an error. Requests do not see the end of ctx. The listener is closed.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, opts *Options) error {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: HeaderTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(stallListener{listener}) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	if o.OnStop != nil {
		o.OnStop()
	}
	return stop(server, o) //nolint:contextcheck // ctx has ended: the grace has a time limit of its own
}

func stop(server *http.Server, o Options) error {
	ctx, cancel := context.WithTimeout(context.Background(), o.Grace)
	defer cancel()
	o.Logger.Info("stopping: running requests may finish", "within", o.Grace)
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("requests were cut off, because they did not end within %s", o.Grace), server.Close())
	}
	return err
}

// A stallListener gives its connections a deadline for each write.
type stallListener struct{ net.Listener }

func (l stallListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &stallConn{tcp}, nil
	}
	return conn, err
}

// A stallConn keeps the methods of *net.TCPConn, CloseWrite above all, that net/http
// looks for.
type stallConn struct{ *net.TCPConn }

func (c *stallConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(WriteStall)); err != nil {
		return 0, err
	}
	return c.TCPConn.Write(p)
}
