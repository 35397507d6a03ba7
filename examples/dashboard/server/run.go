package server

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"

	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/internal/httpserver"
)

// Run is the whole program: it reads its settings through getenv, such as
// [os.Getenv], logs to logs, and serves until ctx ends, gracefully then. ready may be
// nil, and is told the address once requests are accepted. The error says which
// settings are wrong, what could not be opened, or that requests had to be cut off.
func Run(ctx context.Context, getenv func(name string) string, logs io.Writer, ready func(net.Addr)) error {
	return run(ctx, getenv, logs, ready, defaultLimits)
}

func run(ctx context.Context, getenv func(string) string, logs io.Writer, ready func(net.Addr), limits limits) (err error) {
	config, err := configFromEnv(getenv)
	if err != nil {
		return err
	}
	logger := config.logger(logs)
	config.warnings(logger)
	b, err := backend.Open(ctx, config.backend, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	listener, err := net.Listen("tcp", net.JoinHostPort(config.host, strconv.Itoa(config.port)))
	if err != nil {
		return err
	}
	s := newServer(config, b, logger, limits)
	defer s.sessions.cleanUp(ctx, logger)()
	logger.Info("listening", "address", listener.Addr().String(), "read_only", b.Admin == nil)
	if ready != nil {
		ready(listener.Addr())
	}
	return httpserver.Serve(ctx, listener, s.routes(), &httpserver.Options{Grace: limits.grace, Logger: logger}) //nolint:contextcheck // handlers have the request's
}
