package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// Sessions keeps the sessions of a dashboard in the store's database: the store of
// a session manager of github.com/alexedwards/scs/v2, whose CtxStore and
// IterableCtxStore it implements. Make it with [Store.Sessions]; it is safe for
// concurrent use.
//
// Of a token only its SHA-256 is stored: who reads the database cannot take over a
// session.
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
	err = s.store.get(ctx, &data, `SELECT data FROM dashboard_sessions WHERE token = ? AND expires_at > ?`, hashToken(token), timeParam(time.Now()))
	if errors.Is(err, credstore.ErrNotFound) {
		return nil, false, nil
	}
	return data, err == nil, about(err, "find session")
}

// CommitCtx stores the session's data until expiry, in place of what was stored.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	_, err := s.exec(ctx, `INSERT INTO dashboard_sessions (token, data, expires_at) VALUES (?, ?, ?)
		ON CONFLICT (token) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`, hashToken(token), data, timeParam(expiry))
	return about(err, "commit session")
}

// ExtendCtx moves the expiry of a session that is there. Unlike CommitCtx it does not
// bring back one that was deleted meanwhile.
func (s *Sessions) ExtendCtx(ctx context.Context, token string, expiry time.Time) error {
	_, err := s.exec(ctx, `UPDATE dashboard_sessions SET expires_at = ? WHERE token = ?`, timeParam(expiry), hashToken(token))
	return about(err, "extend session")
}

// DeleteCtx removes the session of a token, or of a key of AllCtx; it is no error when
// there is none.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	_, err := s.exec(ctx, `DELETE FROM dashboard_sessions WHERE token = ?`, storedToken(token))
	return about(err, "delete session")
}

// DeleteMany removes the sessions of these keys of AllCtx, or tokens, in one statement:
// all of them, or none with the error. It returns how many there were; without keys it
// removes none.
func (s *Sessions) DeleteMany(ctx context.Context, keys []string) (int, error) {
	stored := make([]string, len(keys))
	for i, key := range keys {
		stored[i] = storedToken(key)
	}
	dialect := s.store.dialect
	deleted, err := s.exec(ctx, `DELETE FROM dashboard_sessions WHERE token IN `+dialect.listed(), dialect.listParam(stored))
	return int(deleted), about(err, "delete sessions")
}

// keyPrefix marks a session's key, which is not its token and finds nothing.
const keyPrefix = "sha256:"

// storedToken is what the database holds for a token or a key.
func storedToken(token string) string {
	if hash, isKey := strings.CutPrefix(token, keyPrefix); isKey {
		return hash
	}
	return hashToken(token)
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// AllCtx returns the data of all sessions that have not expired, by a key that only
// DeleteCtx and DeleteMany take: their tokens are not known.
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
		sessions[keyPrefix+row.Token] = row.Data
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
