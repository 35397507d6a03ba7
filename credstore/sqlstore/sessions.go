package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// Sessions keeps the sessions of a dashboard in the store's database: the store of
// a session manager of github.com/alexedwards/scs/v2, whose CtxStore and
// IterableCtxStore it implements. Make it with [Store.Sessions]; it is safe for
// concurrent use.
//
// Tokens are stored as they come. Have the session manager hash them
// (HashTokenInStore), or whoever reads the database can take over a session.
// What a session expires by is the clock of the machine that asks, as is the time
// that the session manager gives. Expired sessions are never found, and stay until
// [Sessions.DeleteExpired].
//
// Errors are those of the store: ErrUnavailable, [ErrSchema].
type Sessions struct{ store *Store }

// Sessions are the sessions in the store's database.
func (s *Store) Sessions() *Sessions { return &Sessions{store: s} }

// FindCtx returns what was committed for the token; found is false when there is
// nothing, or it has expired.
func (s *Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	if checkText("token", token) != nil {
		return nil, false, nil // nobody has such a token
	}
	err = s.store.get(ctx, &data, `SELECT data FROM dashboard_sessions WHERE token = ? AND expires_at > ?`, token, timeParam(time.Now()))
	if errors.Is(err, credstore.ErrNotFound) {
		return nil, false, nil
	}
	return data, err == nil, about(err, "find session")
}

// CommitCtx stores the session's data until expiry, in place of what was stored.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	err := checkText("token", token)
	if err == nil {
		_, err = s.exec(ctx, `INSERT INTO dashboard_sessions (token, data, expires_at) VALUES (?, ?, ?)
			ON CONFLICT (token) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`, token, data, timeParam(expiry))
	}
	return about(err, "commit session")
}

// DeleteCtx removes the session; it is no error when there is none.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	if checkText("token", token) != nil {
		return nil // nobody has such a token
	}
	_, err := s.exec(ctx, `DELETE FROM dashboard_sessions WHERE token = ?`, token)
	return about(err, "delete session")
}

// AllCtx returns the data of all sessions that have not expired, by token.
func (s *Sessions) AllCtx(ctx context.Context) (map[string][]byte, error) {
	var rows []struct {
		Token string `db:"token"`
		Data  []byte `db:"data"`
	}
	err := s.store.all(ctx, &rows, `SELECT token, data FROM dashboard_sessions WHERE expires_at > ?`, timeParam(time.Now()))
	if err != nil {
		return nil, about(err, "list sessions")
	}
	sessions := make(map[string][]byte, len(rows))
	for _, row := range rows {
		sessions[row.Token] = row.Data
	}
	return sessions, nil
}

// DeleteExpired removes the sessions that have expired and returns how many. Call
// it now and then: every few minutes is plenty.
func (s *Sessions) DeleteExpired(ctx context.Context) (int, error) {
	deleted, err := s.exec(ctx, `DELETE FROM dashboard_sessions WHERE expires_at <= ?`, timeParam(time.Now()))
	return int(deleted), about(err, "delete expired sessions")
}

// exec runs a statement in its turn.
func (s *Sessions) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	leave, err := s.store.enterWrite(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	return s.store.exec(ctx, statement, args...)
}

// Find is [Sessions.FindCtx] without a context, bound by the store's time-out alone,
// as are the others.
func (s *Sessions) Find(token string) (data []byte, found bool, err error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is [Sessions.CommitCtx] without a context.
func (s *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is [Sessions.DeleteCtx] without a context.
func (s *Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// All is [Sessions.AllCtx] without a context.
func (s *Sessions) All() (map[string][]byte, error) { return s.AllCtx(context.Background()) }
