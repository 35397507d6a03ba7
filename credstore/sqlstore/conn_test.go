package sqlstore_test

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// A network is a proxy in front of a PostgreSQL server that can be cut: then what
// was connected stays so, and connections are taken, but nothing gets through.
type network struct {
	net.Listener
	server string
	silent atomic.Bool

	mu    sync.Mutex
	links []net.Conn
}

// newNetwork returns a network and the DSN of the database by way of it.
func newNetwork(t *testing.T, dsn string) (*network, string) {
	t.Helper()
	database, err := url.Parse(dsn)
	require.NoError(t, err)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	n := &network{Listener: listener, server: database.Host}
	var group sync.WaitGroup
	group.Go(func() { n.serve(&group) })
	t.Cleanup(func() {
		_ = n.Close()
		n.cut()
		group.Wait()
	})
	database.Host = listener.Addr().String()
	return n, database.String()
}

// cut closes all connections.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, link := range n.links {
		_ = link.Close()
	}
}

func (n *network) serve(group *sync.WaitGroup) {
	for {
		client, err := n.Accept()
		if err != nil {
			return
		}
		server, err := new(net.Dialer).DialContext(context.Background(), "tcp", n.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		n.mu.Lock()
		n.links = append(n.links, client, server)
		n.mu.Unlock()
		group.Go(func() { n.pass(client, server) })
		group.Go(func() { n.pass(server, client) })
	}
}

func (n *network) pass(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 4096)
	for {
		count, err := from.Read(buffer)
		if err != nil {
			return
		}
		if !n.silent.Load() {
			_, _ = to.Write(buffer[:count])
		}
	}
}

// A server that falls silent holds nobody up for long, whatever is under way, and
// when it is back so is the store.
func TestSilentPostgres(t *testing.T) {
	t.Parallel()
	dsn := engines[0].create(t)
	addOAuth(t, newStore(t, sqlstore.Postgres, open(t, sqlstore.Postgres, dsn)), "a")
	for name, call := range map[string]func(context.Context, *sqlstore.Store, func()) error{
		"query": func(ctx context.Context, store *sqlstore.Store, silence func()) error {
			silence()
			_, err := store.GetCredential(ctx, "a")
			return err
		},
		"begin": func(ctx context.Context, store *sqlstore.Store, silence func()) error {
			silence()
			return store.DeactivateAccount(ctx, "a", false)
		},
		"statement in a transaction": func(ctx context.Context, store *sqlstore.Store, silence func()) error {
			return store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
				silence()
				return tx.PutAccount(ctx, accountRow("a"))
			})
		},
		"commit": func(ctx context.Context, store *sqlstore.Store, silence func()) error {
			return store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
				err := tx.PutAccount(ctx, accountRow("b"))
				silence()
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network, dsn := newNetwork(t, dsn)
			store := sqlstore.New(open(t, sqlstore.Postgres, dsn), sqlstore.Postgres, testSealer(),
				&sqlstore.Options{QueryTimeout: 2 * time.Second})
			defer store.Close()
			answers := func() bool { return store.Ping(t.Context()) == nil }
			require.Eventually(t, answers, 30*time.Second, time.Millisecond)
			ended := make(chan error, 1)
			go func() { ended <- call(t.Context(), store, func() { network.silent.Store(true) }) }()
			select {
			case err := <-ended:
				require.ErrorIs(t, err, credstore.ErrUnavailable)
			case <-time.After(30 * time.Second):
				network.cut()
				require.Fail(t, "still waiting for a silent server")
			}
			network.silent.Store(false)
			require.Eventually(t, answers, 30*time.Second, time.Millisecond)
		})
	}
}

// Who has no deadline, as a migration, waits as long as it takes.
func TestSlowStatement(t *testing.T) {
	t.Parallel()
	db := open(t, sqlstore.Postgres, engines[0].create(t))
	db.SetMaxOpenConns(1)
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := db.ExecContext(short, "SELECT pg_sleep(60)")
	require.Error(t, err, "a living server ends it at the deadline")
	limit := time.Second
	for err != nil { // a busy machine takes longer
		bounded, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		if _, err = db.ExecContext(bounded, "SELECT 1"); err != nil {
			limit *= 2
			require.Less(t, limit, time.Minute)
		}
	}
	_, err = db.ExecContext(t.Context(), "SELECT pg_sleep($1)", limit.Seconds()+0.5)
	require.NoError(t, err, "the deadline before does not count")
}

// A first host that takes connections and says nothing leaves time for the second.
func TestFailover(t *testing.T) {
	t.Parallel()
	hung, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer hung.Close()
	database, err := url.Parse(engines[0].create(t))
	require.NoError(t, err)
	password, _ := database.User.Password()
	_, hungPort, _ := net.SplitHostPort(hung.Addr().String())
	dsn := "host=127.0.0.1," + database.Hostname() + " port=" + hungPort + "," + database.Port() +
		" user=" + database.User.Username() + " password='" + password + "' dbname=" + strings.TrimPrefix(database.Path, "/") +
		" sslmode=disable target_session_attrs=read-write"
	require.NoError(t, newStore(t, sqlstore.Postgres, open(t, sqlstore.Postgres, dsn)).Ping(t.Context()))
}
