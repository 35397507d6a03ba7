package server

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
)

// A sessionStore keeps sessions: sqlstore.Sessions in the database, so that every
// replica knows them, or memory when there is no database.
type sessionStore interface {
	scs.CtxStore
	scs.IterableCtxStore
	// ExtendCtx moves the end of a session that is still there.
	ExtendCtx(ctx context.Context, token string, expiry time.Time) error
	// DeleteMany removes the sessions with these keys of AllCtx, and returns how many.
	DeleteMany(ctx context.Context, keys []string) (int, error)
	// DeleteExpired removes what has ended and returns how many those were.
	DeleteExpired(ctx context.Context) (int, error)
}

// sessions are the logins. What a session holds is written once, at login; after that
// only its end moves. So a request that is still running cannot bring a session back
// that somebody has ended meanwhile.
type sessions struct {
	manager *scs.SessionManager
	store   sessionStore
	limits  limits
	keyID   string // of the key that sessions were opened with: another ends them

	mu       sync.Mutex
	extended map[string]time.Time // by session id: when its end was moved last
}

// The fields of a session.
const (
	fieldID       = "id"
	fieldOperator = "operator"
	fieldVerified = "verified"
	fieldToken    = "csrf"
	fieldKey      = "key"
)

func newSessions(b *backend.Backend, key credstore.Secret, limits limits) *sessions {
	var store sessionStore = newMemorySessions()
	if b.Sessions != nil {
		store = b.Sessions
	}
	// Not scs.New, which starts a goroutine for a store of its own that nothing ends.
	manager := &scs.SessionManager{Store: store, Codec: lenientCodec{}, Lifetime: limits.lifetime, IdleTimeout: limits.idle}
	return &sessions{manager: manager, store: store, limits: limits, keyID: keyID(key), extended: make(map[string]time.Time)}
}

// A lenientCodec takes data that cannot be read for that of no session: whoever has its
// cookie logs in again.
type lenientCodec struct{ scs.GobCodec }

func (c lenientCodec) Decode(data []byte) (time.Time, map[string]any, error) {
	deadline, values, err := c.GobCodec.Decode(data)
	if err != nil {
		return time.Time{}, map[string]any{}, nil //nolint:nilerr // that is its purpose
	}
	return deadline, values, nil
}

// keyID tells keys apart without telling what they are.
func keyID(key credstore.Secret) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte("signalbox dashboard session"))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// open starts a session and returns the token that its cookie carries.
func (s *sessions) open(ctx context.Context, operator string, verified bool) (v *visitor, token string, err error) {
	ctx, err = s.manager.Load(ctx, "")
	if err != nil {
		return nil, "", err
	}
	v = &visitor{actor: credstore.Actor{Kind: credstore.ActorOperator, Name: operator, Verified: verified, Session: randomHex(8)}, token: randomHex(16)}
	for field, value := range map[string]any{
		fieldID: v.actor.Session, fieldOperator: operator, fieldVerified: verified, fieldToken: v.token, fieldKey: s.keyID,
	} {
		s.manager.Put(ctx, field, value)
	}
	token, _, err = s.manager.Commit(ctx)
	return v, token, err
}

// find returns who the token's session belongs to; nil when there is none.
func (s *sessions) find(ctx context.Context, token string) (*visitor, error) {
	if token == "" {
		return nil, nil
	}
	loaded, err := s.manager.Load(ctx, token)
	if err != nil {
		return nil, err
	}
	if s.manager.GetString(loaded, fieldID) == "" || s.manager.GetString(loaded, fieldKey) != s.keyID || !time.Now().Before(s.manager.Deadline(loaded)) {
		return nil, nil
	}
	v := &visitor{
		actor: credstore.Actor{
			Kind: credstore.ActorOperator, Name: s.manager.GetString(loaded, fieldOperator),
			Verified: s.manager.GetBool(loaded, fieldVerified), Session: s.manager.GetString(loaded, fieldID),
		},
		token: s.manager.GetString(loaded, fieldToken), cookie: token,
	}
	return v, s.extend(ctx, token, v.actor.Session, s.manager.Deadline(loaded))
}

// extend moves the end of a session that is in use, about twenty times in an idle
// time-out at most.
func (s *sessions) extend(ctx context.Context, token, id string, deadline time.Time) error {
	now := time.Now()
	s.mu.Lock()
	if now.Sub(s.extended[id]) < s.limits.idle/20 {
		s.mu.Unlock()
		return nil
	}
	if len(s.extended) >= maxBuckets {
		clear(s.extended)
	}
	s.extended[id] = now
	s.mu.Unlock()
	expiry := now.Add(s.limits.idle)
	if expiry.After(deadline) {
		expiry = deadline
	}
	return s.store.ExtendCtx(ctx, token, expiry)
}

// end ends one session.
func (s *sessions) end(ctx context.Context, token string) error { return s.store.DeleteCtx(ctx, token) }

// endAll ends every session of an operator, all at once, also if who asked does not wait
// for it, and returns how many those were.
func (s *sessions) endAll(ctx context.Context, operator string) (ended int, err error) {
	ctx = context.WithoutCancel(ctx)
	all, err := s.store.AllCtx(ctx)
	if err != nil {
		return 0, err
	}
	var keys []string
	for key, data := range all {
		if _, values, err := s.manager.Codec.Decode(data); err == nil && values[fieldOperator] == operator {
			keys = append(keys, key)
		}
	}
	return s.store.DeleteMany(ctx, keys)
}

// cleanUp removes what has ended from the store, now and then, until the function it
// returns is called.
func (s *sessions) cleanUp(ctx context.Context, logger *slog.Logger) (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		ticker := time.NewTicker(10 * time.Minute)
		defer ticker.Stop()
		for {
			if _, err := s.store.DeleteExpired(ctx); err != nil && ctx.Err() == nil {
				logger.Warn("cannot remove ended sessions", "error", err)
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

func randomHex(bytes int) string {
	random := make([]byte, bytes)
	_, _ = rand.Read(random) // never fails
	return hex.EncodeToString(random)
}

// cookieName has the prefix that browsers tie to Secure, Path=/ and no Domain (RFC
// 6265bis, section 4.1.3.2) where the connection is encrypted.
func cookieName(r *http.Request) string {
	if isSecure(r) {
		return "__Host-signalbox"
	}
	return "signalbox"
}

func setCookie(w http.ResponseWriter, r *http.Request, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure wherever the connection is
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: isSecure(r),
	})
}
