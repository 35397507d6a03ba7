package sqlstore

import (
	"context"
	"database/sql/driver"
	"net"
	"time"

	"github.com/lib/pq"
)

// The driver asks the server to cancel when a context ends, and then waits for
// its answer for as long as it takes. A server that has fallen silent (a cut
// network, a frozen machine) never answers, so the connections bound that wait.

// cancelGrace is how long past its context's deadline an answer is waited for:
// a server that lives answers a cancelled query at once.
const cancelGrace = time.Second

// keepAlive finds dead machines in 25 seconds, also where no context has a deadline.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}

// A connector is lib/pq's whose connections do not wait for a silent server.
type connector struct{ *pq.Connector }

// linkKey finds in the context of a Connect where the dialer leaves its link.
type linkKey struct{}

// Connect implements [driver.Connector].
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	var dialled *link // the last one, where there are several hosts
	connected, err := c.Connector.Connect(context.WithValue(ctx, linkKey{}, &dialled))
	if err != nil {
		return nil, err
	}
	return &conn{connected.(pqConn), dialled}, nil
}

type pqConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// A conn is a connection whose link waits no longer than the operation's context
// does. What comes without a context (rows, commit, rollback) waits as long, for
// each answer, as the operation before it could.
type conn struct {
	pqConn
	link *link
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.link.waitFor(ctx)
	return c.pqConn.BeginTx(ctx, opts)
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.link.waitFor(ctx)
	return c.pqConn.PrepareContext(ctx, query)
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.link.waitFor(ctx)
	return c.pqConn.ExecContext(ctx, query, args)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.link.waitFor(ctx)
	return c.pqConn.QueryContext(ctx, query, args)
}

func (c *conn) Ping(ctx context.Context) error {
	c.link.waitFor(ctx)
	return c.pqConn.Ping(ctx)
}

// A link is a network connection on which each read and write ends after limit;
// 0: it does not end.
type link struct {
	net.Conn
	limit time.Duration
}

func (l *link) waitFor(ctx context.Context) {
	l.limit = 0
	if deadline, ok := ctx.Deadline(); ok {
		l.limit = max(time.Until(deadline), 0) + cancelGrace
	}
}

// SetDeadline bounds what comes next. lib/pq calls it to bound the connecting, and
// with no time before a last question to the server: the limit stays for that.
func (l *link) SetDeadline(t time.Time) error {
	if !t.IsZero() {
		l.limit = max(time.Until(t), time.Millisecond)
	}
	return nil
}

func (l *link) Read(p []byte) (int, error) {
	if err := l.SetReadDeadline(l.deadline()); err != nil {
		return 0, err
	}
	return l.Conn.Read(p)
}

func (l *link) Write(p []byte) (int, error) {
	if err := l.SetWriteDeadline(l.deadline()); err != nil {
		return 0, err
	}
	return l.Conn.Write(p)
}

func (l *link) deadline() time.Time {
	if l.limit == 0 {
		return time.Time{}
	}
	return time.Now().Add(l.limit)
}

// A dialer makes links.
type dialer struct{ net.Dialer }

// DialContext implements [pq.DialerContext].
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l := &link{Conn: c}
	if dialled, ok := ctx.Value(linkKey{}).(**link); ok { // not for a cancel request
		*dialled = l
	}
	return l, nil
}

// DialTimeout is there for [pq.Dialer]; lib/pq calls DialContext.
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}
