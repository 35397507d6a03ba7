package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/examples/proxy/server"
	"github.com/signalbox-go/signalbox/internal/httpserver"
	"github.com/signalbox-go/signalbox/internal/settings"
)

// quiet is for the servers beside the proxy, which speaks for all of them.
var quiet = &httpserver.Options{Logger: slog.New(slog.DiscardHandler)}

// An app is one run of the quickstart.
type app struct {
	files  files
	getenv func(string) string // with the database of the data folder
	out    io.Writer
	store  credstore.AdminStore
	page   net.Listener
	demo   bool   // there is no account but the demo's
	key    string // the demo train's client key
	proxy  string // the proxy's address, as host:port
}

// run is the whole program: it prepares the data folder, and serves proxy and page
// until ctx ends.
func run(ctx context.Context, getenv func(string) string, out io.Writer, dataDir string) error {
	a := &app{files: filesIn(dataDir), out: out}
	key, err := a.files.readKey(out)
	if err != nil {
		return err
	}
	a.getenv = a.files.settings(getenv, key)
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
	if err := a.listen(); err != nil {
		return err
	}
	defer func() { _ = a.page.Close() }()
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
	ready := make(chan struct{})
	group.Go(func() error {
		return server.Run(ctx, getenv, a.out, func(address net.Addr) {
			a.proxy = address.String()
			close(ready)
		})
	})
	select {
	case <-ready:
	case <-ctx.Done():
		return group.Wait()
	}
	group.Go(func() error { return httpserver.Serve(ctx, a.page, http.HandlerFunc(a.servePage), quiet) })
	a.printHow(ctx)
	return group.Wait()
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

// listen takes the page's address before anything is promised on the screen.
func (a *app) listen() (err error) {
	var host string
	var port int
	set := new(settings.Set)
	set.Text(&host, "DASHBOARD_HOST", "127.0.0.1", "the address of the page")
	set.Int(&port, "DASHBOARD_PORT", 3001, 0, 65535, "the port of the page")
	if err := set.Load(a.getenv); err != nil {
		return err
	}
	a.page, err = net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
	return err
}
