package oauth

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

const (
	// The pause before a save is tried again: twice as long each time. A second at
	// the most, because until it is saved another machine may spend the old
	// refresh token once more.
	retryMin = 100 * time.Millisecond
	retryMax = time.Second

	// markTries is how often a mark is tried before it is left to the next flight.
	markTries = 4
)

// save stores new tokens. When the store does not take them now, they are used
// from memory, and saved as soon as it does.
func (a *attempt) save(stored *credstore.Credential, tokens credstore.Tokens) (*credstore.Credential, error) {
	spent := stored.Tokens.Refresh
	fresh := *stored
	fresh.Tokens = tokens
	if tokens.Scopes == nil {
		fresh.Tokens.Scopes = stored.Tokens.Scopes // which the store keeps, too
	}
	done, err := a.saveOnce(spent, tokens)
	if done {
		return &fresh, err
	}
	a.log.Error("oauth: new tokens could not be saved, trying on", "account", a.accountID, "error", err)
	a.pending = true
	a.flights.Add(1)
	go a.saveLater(spent, tokens)
	return &fresh, nil
}

// saveOnce tries to save; done tells that trying again would change nothing.
func (a *attempt) saveOnce(spent credstore.Secret, tokens credstore.Tokens) (done bool, _ error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.life), storeTimeout)
	defer cancel()
	err := a.store.SaveTokens(ctx, a.accountID, spent, tokens)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, credstore.ErrConflict):
		return true, errSuperseded
	case errors.Is(err, credstore.ErrNotFound), errors.Is(err, credstore.ErrInvalid):
		a.entry.close()
		a.entry = nil
		a.log.Error("oauth: new tokens cannot be saved and stay in the journal", "account", a.accountID, "error", err)
		return true, fmt.Errorf("oauth: account %s: save: %w", a.accountID, err)
	}
	return false, err
}

// saveLater tries until the tokens are saved or the refresher is closed; the
// journal has them then.
func (a *attempt) saveLater(spent credstore.Secret, tokens credstore.Tokens) {
	defer a.flights.Done()
	for pause := retryMin; ; pause = min(2*pause, retryMax) {
		select {
		case <-time.After(jitter(pause)):
		case <-a.life.Done():
			a.entry.close()
			return
		}
		done, err := a.saveOnce(spent, tokens)
		if !done {
			continue
		}
		if err == nil {
			a.log.Info("oauth: new tokens saved at last", "account", a.accountID)
		} else {
			a.log.Warn("oauth: new tokens not saved", "account", a.accountID, "error", err)
		}
		a.finish()
		return
	}
}

// retry calls do a few times, as long as the store is not available.
func (a *attempt) retry(do func(context.Context) error) (err error) {
	pause := retryMin
	for range markTries {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(a.life), storeTimeout)
		err = do(ctx)
		cancel()
		if !unavailable(err) {
			return err
		}
		select {
		case <-time.After(jitter(pause)):
		case <-a.life.Done():
			return err
		}
		pause *= 2
	}
	return err
}

// jitter returns d, give or take a quarter.
func jitter(d time.Duration) time.Duration {
	return d - d/4 + mathrand.N(d/2) //nolint:gosec // chance, not a secret
}
