package oauth

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

const (
	// refreshBefore is how much of its life a token must have left to be handed
	// out as it is: enough for a request to reach the API with it, and for clocks
	// that differ.
	refreshBefore = 60 * time.Second

	// leaseMargin is what a lease lasts longer than the token request may take:
	// room for the store and the journal. Half of it may pass before the request
	// is sent; later, it is not sent under this lease any more.
	leaseMargin = 30 * time.Second

	// coolDown is how long an account's token endpoint is left alone after a
	// passing fault; Retry-After may ask for more, up to maxCoolDown.
	coolDown    = 5 * time.Second
	maxCoolDown = 5 * time.Minute

	// settleTime is how long after a refresh a valid token is not refreshed again
	// by this process, whatever is said of it. It bounds what tokens with a very
	// short life, or an API that refuses every token of an account, can do to the
	// token endpoint.
	settleTime = 60 * time.Second
)

// DefaultLead is how long before its expiry a token is refreshed in the background.
const DefaultLead = 10 * time.Minute

// A Store is what a [Refresher] needs of a store; every credstore.Store is one. In
// front of the store there should be a cache (package cachestore), since
// [Refresher.Credential] asks it for every request.
type Store interface {
	credstore.TokenStore
	GetCredential(ctx context.Context, accountID string) (*credstore.Credential, error)
	ListAccounts(ctx context.Context, filter credstore.AccountFilter, page credstore.PageRequest) (credstore.Page[credstore.Account], error)
}

// RefresherOptions are the choices of [NewRefresher]; nil and the zero value are
// good. The hooks are called from the goroutine of a refresh, one call at a time
// for an account: they must not block.
type RefresherOptions struct {
	// Lead is how long before their expiry [Refresher.Run] refreshes tokens, give
	// or take a quarter; zero: DefaultLead. It should be well below the lifetime
	// of the tokens.
	Lead time.Duration
	// OnRefresh is told of every refresh, for measurements.
	OnRefresh func(RefreshEvent)
	// OnNeedsReauth is told when this process found that a person has to log in
	// again for an account. reason is the provider's error code.
	OnNeedsReauth func(accountID, accountName, reason string)
	// Logger is told what happens, without secrets; nil: slog.Default().
	Logger *slog.Logger
}

// An Outcome is how a refresh ended.
type Outcome string

// The outcomes.
const (
	OutcomeRefreshed   Outcome = "refreshed"    // the token endpoint gave new tokens
	OutcomeAdopted     Outcome = "adopted"      // the store had newer ones: another process was faster
	OutcomeFailed      Outcome = "failed"       // a passing fault
	OutcomeNeedsReauth Outcome = "needs_reauth" // the refresh token was refused for good
)

// A RefreshEvent tells how a refresh went.
type RefreshEvent struct {
	AccountID string
	Outcome   Outcome
	Duration  time.Duration // waiting for another process included
	Code      string        // error code of the token endpoint, if any
}

// A Refresher gives out credentials and keeps OAuth tokens fresh. Make one for a
// process, and Close it before the store. It is safe for concurrent use.
type Refresher struct {
	store   Store
	client  *Client
	journal *Journal
	opts    RefresherOptions
	log     *slog.Logger
	lease   time.Duration
	told    told // what the background refresh logged of accounts

	life    context.Context // of this refresher: ends with Close
	end     context.CancelFunc
	flights sync.WaitGroup // of refreshes and saves under way

	mu       sync.Mutex // guards what follows
	closed   bool
	accounts map[string]*account // those that were ever refreshed here
}

// NewRefresher makes a refresher; opts may be nil. Call [Refresher.Replay] before
// it serves requests, and run [Refresher.Run] beside them.
func NewRefresher(store Store, client *Client, journal *Journal, opts *RefresherOptions) *Refresher {
	r := &Refresher{
		store:    store,
		client:   client,
		journal:  journal,
		lease:    client.timeout + leaseMargin,
		accounts: map[string]*account{},
	}
	if opts != nil {
		r.opts = *opts
	}
	if r.opts.Lead <= 0 {
		r.opts.Lead = DefaultLead
	}
	if r.log = r.opts.Logger; r.log == nil {
		r.log = slog.Default()
	}
	r.life, r.end = context.WithCancel(asRefresher(context.Background()))
	return r
}

// asRefresher names the refresher in the audit trail.
func asRefresher(ctx context.Context) context.Context {
	return credstore.WithActor(ctx, credstore.Actor{Kind: credstore.ActorProcess, Name: "token refresh"})
}

// Close begins no new refresh, waits for token requests under way (for as long as
// [ClientOptions].Timeout allows) and for one try each to save what they bring.
// What the store still has not got then stays in the journal.
func (r *Refresher) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.end()
	r.flights.Wait()
}

// Credential returns the account's credential, ready for use: an API key as it
// is, an access token that is good for another 60 seconds or whose expiry is not
// known. The value is shared: do not modify it.
//
// A token that is about to expire is refreshed first, once, however many callers
// and processes want it. When ctx ends, the caller stops waiting and the refresh
// goes on. When the refresh fails for a passing reason, a token that is still
// valid is returned all the same, and otherwise a [*CoolDownError], at once until
// the time it names. Errors besides those of the store's GetCredential:
// credstore.ErrNeedsReauth, also while the last access token might still be good
// (such an account serves nothing, here as in selection), and [ErrClosed].
func (r *Refresher) Credential(ctx context.Context, accountID string) (*credstore.Credential, error) {
	return r.credential(ctx, accountID, need{left: refreshBefore})
}

func (r *Refresher) credential(ctx context.Context, accountID string, n need) (*credstore.Credential, error) {
	cred, err := r.store.GetCredential(ctx, accountID)
	if err == nil && cred.Type == credstore.APIKey && n.isRefused(cred) {
		cred, err = r.readAgain(ctx, accountID) // tokens are read again under the lease
	}
	if err != nil {
		return nil, err
	}
	return r.better(ctx, cred, n)
}

// better returns cred if it meets the need, and otherwise one that does.
func (r *Refresher) better(ctx context.Context, cred *credstore.Credential, n need) (*credstore.Credential, error) {
	if n.met(cred) {
		return cred, nil
	}
	if err := final(cred, n); err != nil {
		return nil, err
	}
	return r.renew(ctx, cred, n)
}

// A cache is a store that remembers what another one answered, and forgets it when
// it is told of a change; cachestore.Store is one.
type cache interface{ Handle(event credstore.Event) }

// readAgain reads an account past the cache, if there is one.
func (r *Refresher) readAgain(ctx context.Context, accountID string) (*credstore.Credential, error) {
	if c, ok := r.store.(cache); ok {
		c.Handle(credstore.Event{Kind: credstore.EventAccount, ID: accountID})
	}
	return r.store.GetCredential(ctx, accountID)
}

// Refused is to be called when the API answered 401 to a credential; it returns
// another one that is worth a try. That is what the store has now, if it differs:
// the key was rotated, or the tokens were refreshed by another process. Otherwise
// OAuth tokens are refreshed, whatever their expiry says, and once for all
// callers who were refused with the same token. Errors: [ErrRefused] when there
// is nothing better, which includes tokens that this process got less than a
// minute ago (refreshing them once more would not help); else as Credential.
func (r *Refresher) Refused(ctx context.Context, accountID string, refused *credstore.Credential) (*credstore.Credential, error) {
	return r.credential(ctx, accountID, need{left: refreshBefore, refused: refused})
}

// need says which credential a caller can use.
type need struct {
	left    time.Duration         // how much longer its token must be good
	refused *credstore.Credential // the one that the API refused; nil: none
}

// met tells whether cred is good as it is.
func (n need) met(cred *credstore.Credential) bool {
	if cred.NeedsReauth || n.isRefused(cred) {
		return false
	}
	return cred.Type != credstore.OAuth || lasts(cred, n.left)
}

// usable tells whether cred is good for now, though it had better be refreshed.
func (n need) usable(cred *credstore.Credential) bool {
	n.left = 0
	return n.met(cred)
}

func (n need) isRefused(cred *credstore.Credential) bool {
	if n.refused == nil || n.refused.Type != cred.Type {
		return false
	}
	if cred.Type == credstore.OAuth {
		return n.refused.Tokens.Access.Equal(cred.Tokens.Access)
	}
	return n.refused.APIKey.Equal(cred.APIKey)
}

// lasts tells whether the access token is good for longer than left.
func lasts(cred *credstore.Credential, left time.Duration) bool {
	if cred.Tokens.Access.IsZero() {
		return false
	}
	return cred.Tokens.ExpiresAt.IsZero() || time.Until(cred.Tokens.ExpiresAt) > left
}

// final returns the error for a credential that no refresh can make good: nil
// when it can be refreshed, or does not need to.
func final(cred *credstore.Credential, n need) error {
	switch {
	case cred.NeedsReauth:
		return fmt.Errorf("oauth: account %s: %w", cred.AccountID, credstore.ErrNeedsReauth)
	case n.met(cred):
		return nil
	case cred.Type != credstore.OAuth:
		return fmt.Errorf("oauth: account %s: %w", cred.AccountID, ErrRefused)
	case !cred.Renewable && !n.usable(cred):
		return fmt.Errorf("oauth: account %s: its token is no longer good and it has no refresh token: %w",
			cred.AccountID, credstore.ErrNeedsReauth)
	}
	return nil
}
