package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/credstore/cachestore"
	"github.com/signalbox-go/signalbox/internal/httpserver"
	"github.com/signalbox-go/signalbox/oauth"
	"github.com/signalbox-go/signalbox/selection"
	"github.com/signalbox-go/signalbox/upstream"
)

// limits are what tests make smaller.
type limits struct {
	maxBody   int64         // of a request
	bodyStall time.Duration // how long a client may send nothing of its body
	grace     time.Duration // for running requests when told to stop
}

var defaultLimits = limits{maxBody: upstream.DefaultMaxBody, bodyStall: 30 * time.Second, grace: httpserver.DefaultGrace}

// Run is the whole program: it reads its settings through getenv, such as
// [os.Getenv], logs to logs, and serves until ctx ends, gracefully then. ready may be
// nil, and is told the address once requests are accepted. The logger becomes the
// process's default, also of package log. The error says which
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
	// What net/http has no logger for, HTTP/2 above all, goes to the standard one.
	slog.SetLogLoggerLevel(slog.LevelWarn)
	slog.SetDefault(logger)
	b, err := backend.Open(ctx, config.backend, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	store := cachestore.New(b.Store, nil)
	defer func() { err = errors.Join(err, store.Close()) }()
	journal, err := oauth.OpenJournal(config.backend.JournalDir(), b.JournalSealer)
	if err != nil {
		return fmt.Errorf("STATE_DIR must be a folder that can be written to: %w", err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(config.host, strconv.Itoa(config.port)))
	if err != nil {
		return err
	}
	metrics := newMetrics(store.Stats)
	notices := newNotices(config.slackWebhook, logger)
	defer notices.end()
	refresher := oauth.NewRefresher(store, oauth.NewClient(&oauth.ClientOptions{
		ClientID: config.oauthClientID, TokenURL: config.oauthTokenURL,
	}), journal, &oauth.RefresherOptions{
		Logger: logger, OnRefresh: metrics.refreshed, OnNeedsReauth: notices.needsReauth,
	})
	defer refresher.Close()
	defer inBackground(ctx, refresher)()

	base := upstream.DefaultBase()
	defer base.CloseIdleConnections()
	s := newServer(config, store, logger, metrics, limits)
	s.useUpstream(refresher, base)
	warnAboutAuth(&config, logger, listener.Addr())
	logger.Info("listening", "address", listener.Addr().String(), "upstream", config.target.String(), "client_auth", config.clientAuth)
	if ready != nil {
		ready(listener.Addr())
	}
	return httpserver.Serve(ctx, listener, s.routes(), &httpserver.Options{Grace: limits.grace, OnStop: s.stop, Logger: logger})
}

// inBackground replays the journal, which logs what it cannot replay, and refreshes
// tokens until the function it returns is called.
func inBackground(ctx context.Context, refresher *oauth.Refresher) (end func()) {
	_ = refresher.Replay(ctx)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() { _ = refresher.Run(ctx) })
	return func() {
		cancel()
		done.Wait()
	}
}

func warnAboutAuth(c *config, logger *slog.Logger, address net.Addr) {
	if c.clientAuth {
		return
	}
	reach := "this machine"
	if tcp, ok := address.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		reach = "OTHER MACHINES"
	}
	logger.Warn("ENABLE_CLIENT_AUTH is false: whoever connects can use every account, without a client key", "reachable_from", reach)
}

// Both are what the server needs of its parts.
var (
	_ selection.CredentialSource = (*oauth.Refresher)(nil)
	_ upstream.Refuser           = (*oauth.Refresher)(nil)
)
