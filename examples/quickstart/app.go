package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-go/signalbox/credstore"
	dashboard "github.com/signalbox-go/signalbox/examples/dashboard/server"
	proxy "github.com/signalbox-go/signalbox/examples/proxy/server"
	"github.com/signalbox-go/signalbox/internal/httpserver"
	"github.com/signalbox-go/signalbox/internal/keyfile"
)

// quiet is for the stand-in: the proxy's log speaks for both.
var quiet = &httpserver.Options{Logger: slog.New(slog.DiscardHandler)}

// An app is one run of the quickstart.
type app struct {
	files     files
	getenv    func(string) string // with the database of the data folder
	out       io.Writer
	store     credstore.AdminStore
	demo      bool   // there is no account but the demo's
	key       string // the demo train's client key
	proxy     string // the proxy's address, as host:port
	dashboard string // the dashboard's
	madeKey   bool   // the dashboard's key is in the data folder
}

// run is the whole program: it prepares the data folder, and serves proxy and dashboard
// until ctx ends.
func run(ctx context.Context, getenv func(string) string, out io.Writer, dataDir string) error {
	a := &app{files: filesIn(dataDir), out: out}
	key, err := a.files.readKey(out)
	if err != nil {
		return err
	}
	a.getenv = a.files.settings(getenv, key)
	if a.getenv("DASHBOARD_API_KEY") == "" {
		if err := a.makeDashboardKey(); err != nil {
			return err
		}
	}
	b, err := open(ctx, a.getenv)
	if err != nil {
		return err
	}
	a.store = b.Admin
	return errors.Join(a.serve(ctx), b.Close())
}

func (a *app) serve(ctx context.Context) error {
	if err := a.switchDemo(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	getenv := a.getenv
	if a.demo {
		api, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		getenv = replace(getenv, "CLAUDE_API_BASE_URL", "http://"+api.Addr().String())
		group.Go(func() error { return httpserver.Serve(ctx, api, standIn(), quiet) })
	}
	ready := make(chan struct{}, 2)
	group.Go(func() error {
		return proxy.Run(ctx, getenv, a.out, func(address net.Addr) { a.proxy = address.String(); ready <- struct{}{} })
	})
	group.Go(func() error {
		return dashboard.Run(ctx, a.dashboardSettings(), a.out, func(address net.Addr) { a.dashboard = address.String(); ready <- struct{}{} })
	})
	for range cap(ready) {
		select {
		case <-ready:
		case <-ctx.Done():
			return group.Wait()
		}
	}
	a.printHow(ctx)
	return group.Wait()
}

// dashboardSettings are those of the dashboard, which says on every page whether this is
// the demo. The proxy's log speaks for both, but for troubles.
func (a *app) dashboardSettings() func(string) string {
	notice := "REAL: requests go to " + a.target() + ", and are paid for by your accounts."
	if a.demo {
		notice = "DEMO: there is no account of yours, so requests go to a stand-in on this machine. Once you have added accounts, stop the quickstart and start it again."
	}
	return replace(replace(a.getenv, "DASHBOARD_NOTICE", notice), "LOG_LEVEL", "warn")
}

// makeDashboardKey reads the dashboard's key from the data folder; it makes one on the
// first start.
func (a *app) makeDashboardKey() error {
	key, err := keyfile.ReadOrMake(a.files.dashboardKey)
	a.madeKey = true
	a.getenv = replace(a.getenv, "DASHBOARD_API_KEY", strings.TrimSpace(key))
	return err
}

// switchDemo decides between demo and real accounts, and prepares the demo.
func (a *app) switchDemo(ctx context.Context) error {
	ctx = credstore.WithActor(ctx, credstore.Actor{Kind: credstore.ActorProcess, Name: "quickstart"})
	real, err := isReal(ctx, a.store)
	if err != nil {
		return err
	}
	if real {
		return switchDemoOff(ctx, a.store)
	}
	a.demo = true
	a.key, err = switchDemoOn(ctx, a.store, a.files.dir)
	return err
}
