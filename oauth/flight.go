package oauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// An account is what the refresher remembers of one. Guarded by Refresher.mu.
type account struct {
	flight *flight // under way; nil: none

	// The newest tokens that a flight brought, and which ones it found in the
	// store: as long as the store still shows those, for want of a save or
	// because a cache is behind, latest stands in for them.
	latest   *credstore.Credential
	replaced *credstore.Credential
	spentAt  time.Time // when the token endpoint gave latest; zero: another process got it

	coolUntil time.Time
	coolErr   error
}

// A flight is one refresh of an account; many callers may wait for it. cred and
// err are set when done is closed.
type flight struct {
	done chan struct{}
	cred *credstore.Credential
	err  error
}

// renew gets a better credential than cred, which is what the store has.
func (r *Refresher) renew(ctx context.Context, cred *credstore.Credential, n need) (*credstore.Credential, error) {
	if !cred.Renewable {
		return cred, nil // cannot be renewed, and is good for the moment
	}
	// A flight that was under way may have been content with the very token that
	// this caller was refused with; then a second one, made for it, is due.
	for range 2 {
		f, latest, err := r.join(cred, n) //nolint:contextcheck // a flight hangs on no caller's context
		if err != nil {
			return fallBack(cred, n, err)
		}
		if latest != nil {
			return latest, nil
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("oauth: account %s: waiting for a refresh: %w", cred.AccountID, ctx.Err())
		}
		if f.err != nil {
			return fallBack(cred, n, f.err)
		}
		if cred = f.cred; n.met(cred) {
			return cred, nil
		}
	}
	return fallBack(cred, n, fmt.Errorf("oauth: account %s: %w", cred.AccountID, ErrRefused))
}

// fallBack returns a credential that is good for the moment when refreshing it
// failed for a passing reason, or was of no use.
func fallBack(cred *credstore.Credential, n need, err error) (*credstore.Credential, error) {
	if n.usable(cred) && (passing(err) || errors.Is(err, ErrRefused) || errors.Is(err, ErrClosed)) {
		return cred, nil
	}
	return nil, err
}

// join returns the flight to wait for, or the newest tokens when these are newer
// than cred, or an error when there is to be no flight now.
func (r *Refresher) join(cred *credstore.Credential, n need) (*flight, *credstore.Credential, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.accounts[cred.AccountID]
	if a == nil {
		a = &account{}
		r.accounts[cred.AccountID] = a
	}
	if a.flight != nil {
		return a.flight, nil, nil
	}
	if latest, err := a.instead(cred, n); latest != nil || err != nil {
		return nil, latest, err
	}
	if time.Now().Before(a.coolUntil) {
		return nil, nil, &CoolDownError{AccountID: cred.AccountID, Until: a.coolUntil, Err: a.coolErr}
	}
	if r.closed {
		return nil, nil, fmt.Errorf("oauth: account %s: %w", cred.AccountID, ErrClosed)
	}
	a.flight = &flight{done: make(chan struct{})}
	r.flights.Add(1)
	go r.fly(a, cred, n)
	return a.flight, nil, nil
}

// instead returns the newest tokens when they can stand in for cred, and
// ErrRefused when they are what the API refused a moment after they were got.
func (a *account) instead(cred *credstore.Credential, n need) (*credstore.Credential, error) {
	if a.latest == nil || !sameTokens(cred, a.replaced) && !sameTokens(cred, a.latest) {
		return nil, nil
	}
	recent := time.Since(a.spentAt) < settleTime
	switch {
	case n.met(a.latest), recent && n.usable(a.latest):
		return a.latest, nil
	case recent && n.isRefused(a.latest):
		return nil, fmt.Errorf("oauth: account %s: %w: its tokens are new", cred.AccountID, ErrRefused)
	}
	return nil, nil
}

// sameTokens tells whether two credentials are of one answer of the provider. What
// GetCredential returned may lack the refresh token.
func sameTokens(a, b *credstore.Credential) bool {
	x, y := a.Tokens, b.Tokens
	return a == b || x.Access.Equal(y.Access) && (x.Refresh.IsZero() || y.Refresh.IsZero() || x.Refresh.Equal(y.Refresh))
}

// fly makes a flight. It hangs on no caller's context.
func (r *Refresher) fly(a *account, cred *credstore.Credential, n need) {
	defer r.flights.Done()
	started := time.Now()
	result := r.refresh(cred, n)
	r.report(cred, result, time.Since(started))
	r.land(a, cred.AccountID, result)
}

// land writes down what a flight brought and lets those who wait go.
func (r *Refresher) land(a *account, accountID string, result result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := a.flight
	a.flight = nil
	f.cred, f.err = result.cred, result.err
	switch {
	case f.err == nil:
		a.latest, a.replaced, a.spentAt = result.cred, result.replaced, time.Time{}
		if result.spent {
			a.spentAt = time.Now()
		}
		a.coolUntil = time.Time{}
	case passing(f.err):
		a.coolUntil, a.coolErr = time.Now().Add(coolDownFor(f.err)), f.err
		f.err = &CoolDownError{AccountID: accountID, Until: a.coolUntil, Err: f.err}
	}
	close(f.done)
}

// coolDownFor is how long to leave the token endpoint alone after err.
func coolDownFor(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return min(max(e.RetryAfter, coolDown), maxCoolDown)
	}
	return coolDown
}

// report logs how a flight ended and tells the hook.
func (r *Refresher) report(cred *credstore.Credential, result result, took time.Duration) {
	event := RefreshEvent{AccountID: cred.AccountID, Outcome: result.outcome(), Duration: took}
	var e *Error
	if errors.As(result.err, &e) {
		event.Code = e.Code
	}
	switch event.Outcome {
	case OutcomeFailed:
		r.log.Warn("oauth: refresh failed", "account", cred.AccountID, "name", cred.AccountName, "took", took, "error", result.err)
	case OutcomeRefreshed:
		r.log.Info("oauth: tokens refreshed", "account", cred.AccountID, "name", cred.AccountName, "took", took,
			"expires_at", result.cred.Tokens.ExpiresAt)
	case OutcomeAdopted, OutcomeNeedsReauth: // the first is no news, the second was logged
	}
	if r.opts.OnRefresh != nil {
		r.opts.OnRefresh(event)
	}
}
