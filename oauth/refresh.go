package oauth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

const (
	// storeTimeout bounds a single call of a store that has no shorter limit of
	// its own. With it, all calls of a refresh fit into the lease.
	storeTimeout = 10 * time.Second

	// releaseTimeout bounds giving a lease back, which callers wait for and
	// nothing depends on: it ends by itself.
	releaseTimeout = 2 * time.Second

	// pollMin and pollMax bound the wait between two looks at a lease that
	// another process holds; chance chooses, so that those who wait do not meet.
	pollMin = 50 * time.Millisecond
	pollMax = 250 * time.Millisecond

	// patience is how long a flight waits for another process while the token at
	// hand is still good, and how long it tries a store that is not available
	// while there is none.
	patience = 5 * time.Second

	// maxRounds bounds how often one flight starts again because the stored
	// refresh token was another one by the time it was done.
	maxRounds = 3
)

var (
	errSuperseded = errors.New("another refresh token was stored meanwhile")
	errBusy       = errors.New("another process is refreshing it")
)

// A result is what a flight brought: a credential and the one it replaced, or
// an error.
type result struct {
	cred     *credstore.Credential
	replaced *credstore.Credential
	spent    bool // the token endpoint gave cred
	err      error
}

func (r result) outcome() Outcome {
	switch {
	case errors.Is(r.err, credstore.ErrNeedsReauth):
		return OutcomeNeedsReauth
	case r.err != nil:
		return OutcomeFailed
	case r.spent:
		return OutcomeRefreshed
	}
	return OutcomeAdopted
}

// An attempt is the work of one flight. Its owner is whom the store knows it as.
type attempt struct {
	*Refresher
	accountID string
	owner     string
	entry     *entry    // in the journal; nil: none
	leasedAt  time.Time // when the lease was last asked for and got, or perhaps got; zero: never
	pending   bool      // a save goes on in the background, and will finish the attempt
}

// refresh takes the steps that the package comment tells of.
func (r *Refresher) refresh(stale *credstore.Credential, n need) result {
	a := &attempt{Refresher: r, accountID: stale.AccountID, owner: rand.Text()}
	defer func() {
		if !a.pending {
			a.finish()
		}
	}()
	for range maxRounds {
		var journalErr error
		a.entry, journalErr = a.journal.begin(a.accountID, a.owner)
		stored, err := a.acquire(stale, n)
		if err != nil || n.met(stored) {
			return result{cred: stored, replaced: stale, err: err}
		}
		if journalErr != nil {
			return result{err: fmt.Errorf("oauth: account %s: nothing was sent: %w", a.accountID, journalErr)}
		}
		fresh, err := a.spend(stored)
		if !errors.Is(err, errSuperseded) {
			return result{cred: fresh, replaced: stored, spent: true, err: err}
		}
		a.removeEntry()
	}
	return result{err: fmt.Errorf("oauth: account %s: %w, %d times", stale.AccountID, errSuperseded, maxRounds)}
}

// finish gives the lease back and removes the entry, in this order: who finds
// the entry of a process that was killed in between gives its lease back.
func (a *attempt) finish() {
	if !a.leasedAt.IsZero() {
		a.giveBack(a.life, a.accountID, a.owner)
	}
	a.removeEntry()
}

func (a *attempt) removeEntry() {
	if a.entry == nil {
		return
	}
	if err := a.entry.remove(); err != nil {
		a.log.Warn("oauth: journal entry was not removed", "account", a.accountID, "error", err)
	}
	a.entry = nil
}

// giveBack gives a lease back, also when ctx has ended.
func (r *Refresher) giveBack(ctx context.Context, accountID, owner string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if err := r.store.ReleaseLease(ctx, accountID, owner); err != nil {
		r.log.Warn("oauth: lease was not given back and runs out by itself", "account", accountID, "error", err)
	}
}

// acquire waits until the stored credential meets the need, or until the lease
// is ours and no journal has something newer.
func (a *attempt) acquire(stale *credstore.Credential, n need) (*credstore.Credential, error) {
	started := time.Now()
	for {
		lease, err := a.ask()
		if unavailable(err) && !n.usable(stale) && time.Since(started) < patience {
			a.pause()
			continue
		}
		if err != nil {
			return nil, err
		}
		stored := lease.Credential
		if n.met(stored) {
			return stored, nil
		}
		if err := final(stored, n); err != nil {
			return nil, err
		}
		alone, err := a.settle(stored.Tokens.Refresh)
		if err != nil {
			return nil, err
		}
		if alone && lease.Acquired {
			return stored, nil
		}
		if time.Since(started) > a.waitLimit(n.usable(stored)) {
			return nil, fmt.Errorf("oauth: account %s: %w", a.accountID, errBusy)
		}
		a.pause()
	}
}

// ask asks the store for the lease once.
func (a *attempt) ask() (credstore.Lease, error) {
	ctx, cancel := context.WithTimeout(a.life, storeTimeout)
	defer cancel()
	asked := time.Now()
	lease, err := a.store.AcquireLease(ctx, a.accountID, a.owner, a.lease)
	if lease.Acquired || err != nil && !errors.Is(err, credstore.ErrReadOnly) {
		a.leasedAt = asked // on an error, the store may have given it, and only its answer was lost
	}
	if err != nil && a.life.Err() != nil {
		err = ErrClosed
	}
	if err != nil {
		return lease, fmt.Errorf("oauth: account %s: lease: %w", a.accountID, err)
	}
	return lease, nil
}

// waitLimit is how long to wait for the lease. A holder that died is waited for
// until its lease ends, unless the token is usable as it is.
func (a *attempt) waitLimit(usable bool) time.Duration {
	if usable {
		return patience
	}
	return a.lease + a.client.timeout
}

// pause waits before the next look at the lease, or until the refresher is closed.
func (a *attempt) pause() {
	select {
	case <-time.After(pollMin + mathrand.N(pollMax-pollMin)): //nolint:gosec // chance, not a secret
	case <-a.life.Done():
	}
}

// spend exchanges the stored refresh token. Once it is sent, nothing is given up
// because somebody loses interest.
func (a *attempt) spend(stored *credstore.Credential) (*credstore.Credential, error) {
	if err := a.ready(stored); err != nil {
		return nil, fmt.Errorf("oauth: account %s: nothing was sent: %w", a.accountID, err)
	}
	tokens, err := a.client.Refresh(context.WithoutCancel(a.life), stored.Tokens.Refresh)
	if Permanent(err) {
		err = a.needsReauth(stored, err)
	}
	if err != nil {
		return nil, fmt.Errorf("oauth: account %s: %w", a.accountID, err)
	}
	if err := a.entry.answered(tokens); err != nil {
		// The store will have them in a moment.
		a.log.Error("oauth: new tokens are not in the journal", "account", a.accountID, "error", err)
	}
	return a.save(stored, tokens)
}

// ready writes the intent down and makes sure that the lease outlasts the request.
func (a *attempt) ready(stored *credstore.Credential) error {
	if err := a.entry.spending(stored.Tokens.Refresh); err != nil {
		return err
	}
	if took := time.Since(a.leasedAt); took > leaseMargin/2 {
		return fmt.Errorf("store and journal took %s of the lease", took)
	}
	return nil
}

// needsReauth records that the refresh token was refused for good, if it is
// still the stored one; otherwise it returns errSuperseded.
func (a *attempt) needsReauth(stored *credstore.Credential, refused error) error {
	var answer *Error
	errors.As(refused, &answer)
	err := a.retry(func(ctx context.Context) error {
		return a.store.MarkNeedsReauth(ctx, a.accountID, stored.Tokens.Refresh, answer.Code)
	})
	switch {
	case errors.Is(err, credstore.ErrConflict):
		return errSuperseded
	case err != nil:
		return fmt.Errorf("%w; marking the account: %w", refused, err)
	}
	a.log.Error("oauth: account needs re-authentication", "account", a.accountID, "name", stored.AccountName, "reason", answer.Code)
	if a.opts.OnNeedsReauth != nil {
		a.opts.OnNeedsReauth(a.accountID, stored.AccountName, answer.Code)
	}
	return fmt.Errorf("%w: %w", credstore.ErrNeedsReauth, refused)
}
