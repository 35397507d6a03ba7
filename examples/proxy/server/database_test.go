package server

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore/backend"
)

// A relay is a TCP connection to a database that can be cut.
type relay struct {
	net.Listener
	target string

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
	done  sync.WaitGroup
}

func newRelay(t *testing.T, target string) *relay {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{Listener: listener, target: target}
	r.done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.connect(conn)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.set(true)
		r.done.Wait()
	})
	return r
}

func (r *relay) connect(client net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	server, err := net.Dial("tcp", r.target)
	if err != nil || r.cut {
		_ = client.Close()
		return
	}
	r.conns = append(r.conns, client, server)
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		r.done.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = pair[0].Close()
		})
	}
}

// set cuts all connections and refuses new ones, or lets them through again.
func (r *relay) set(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
	if cut {
		for _, conn := range r.conns {
			_ = conn.Close()
		}
		r.conns = nil
	}
}

// While the database is away requests get 503; nobody gets an account that is not its
// own. When it is back, all is well without a restart.
func TestDatabaseIsAway(t *testing.T) {
	w := newWorld(t, "postgres")
	w.addAccount("one")
	w.addAccount("two")
	w.addTrain("alpha", "one")
	dsn, err := url.Parse(w.env["DATABASE_URL"])
	require.NoError(t, err)
	relay := newRelay(t, dsn.Host)
	dsn.Host = relay.Addr().String()
	w.env["DATABASE_URL"] = dsn.String()
	w.start()
	w.api.handle(byAccount(nil))
	require.Equal(t, "one served", w.post("alpha", "{}").text)
	require.Equal(t, http.StatusOK, w.send(http.MethodGet, "/readyz", "", nil, nil).StatusCode)

	relay.set(true)
	require.Eventually(t, func() bool { return w.post("alpha", "{}").StatusCode == http.StatusServiceUnavailable }, waitLong, 50*time.Millisecond)
	w.requireError(w.post("alpha", "{}"), http.StatusServiceUnavailable, "api_error")
	wrong := w.send(http.MethodPost, "/v1/messages", "alpha", nil, map[string]string{"Authorization": "Bearer wrong"})
	w.requireError(wrong, http.StatusServiceUnavailable, "api_error")
	ready := w.send(http.MethodGet, "/readyz", "", nil, nil)
	require.Equal(t, http.StatusServiceUnavailable, ready.StatusCode)
	require.JSONEq(t, `{"status":"unavailable","reason":"store"}`, ready.text)
	require.Equal(t, http.StatusServiceUnavailable, w.send(http.MethodGet, "/health", "", nil, nil).StatusCode)
	require.Equal(t, http.StatusOK, w.send(http.MethodGet, "/healthz", "", nil, nil).StatusCode)

	relay.set(false)
	require.Eventually(t, func() bool { return w.post("alpha", "{}").StatusCode == http.StatusOK }, waitLong, 50*time.Millisecond)
	for _, account := range w.api.accounts() {
		require.Equal(t, "one", account)
	}
}

// Without one of the tables that requests need, no request could be served.
func TestMissingTable(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind)
			w.addAccount("one")
			w.start()
			require.Equal(t, http.StatusOK, w.send(http.MethodGet, "/readyz", "", nil, nil).StatusCode)

			config, err := backend.ConfigFromEnv(w.getenv)
			require.NoError(t, err)
			db, _, err := backend.OpenDatabase(config)
			require.NoError(t, err)
			defer db.Close()
			_, err = db.ExecContext(t.Context(), "DROP TABLE train_account_mappings")
			require.NoError(t, err)
			ready := w.send(http.MethodGet, "/readyz", "", nil, nil)
			require.Equal(t, http.StatusServiceUnavailable, ready.StatusCode)
			require.JSONEq(t, `{"status":"unavailable","reason":"store"}`, ready.text)
		})
	}
}
