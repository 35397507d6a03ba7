package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/selection"
)

// An exchange is one request of a client and the attempts to have it answered.
//
// Its steps return an answer that goes to the client, or an error that ends the
// exchange, or neither when the next candidate is to be tried.
type exchange struct {
	*Transport
	request *http.Request
	body    *body
	last    bool // no candidate is left after this one

	limited  *http.Response // the latest 429 or 529, its body in memory
	cooling  time.Time      // until when the first of those accounts cools down
	failures []error        // why the other accounts could not serve
}

func (x *exchange) run(candidates []credstore.AccountRef) (*http.Response, error) {
	for i, account := range candidates {
		x.last = i == len(candidates)-1
		// Once a limit was hit, accounts known to be at theirs are spared.
		if !x.cooling.IsZero() && time.Now().Before(x.coolDowns.CoolingUntil(account.ID)) {
			continue
		}
		if answer, err := x.try(account); answer != nil || err != nil {
			return answer, err
		}
	}
	switch {
	case x.limited != nil:
		x.body.finish()
		return x.limited, nil
	case !x.cooling.IsZero():
		return nil, &selection.CoolingError{Until: x.cooling}
	}
	return nil, noAccount(x.failures)
}

// noAccount says why no candidate could serve.
func noAccount(failures []error) error {
	cause := errors.Join(failures...)
	switch {
	case cause == nil:
		return fmt.Errorf("%w: the request has no candidates", selection.ErrNoAccount)
	case errors.Is(cause, credstore.ErrUnavailable):
		return cause
	}
	return fmt.Errorf("%w: %w", selection.ErrNoAccount, cause)
}

// try asks one account, a second time with another credential if the first is refused.
func (x *exchange) try(account credstore.AccountRef) (*http.Response, error) {
	credential, err := x.credential(account)
	if err != nil {
		return nil, x.fail(account, err)
	}
	answer, err := x.send(account, credential)
	if answer == nil || err != nil || answer.StatusCode != http.StatusUnauthorized {
		return x.judge(account, answer, err)
	}
	drain(answer)
	switch credential, err = x.refused(account, credential); {
	case errors.Is(err, errNotYet):
		return nil, x.fail(account, err)
	case err != nil:
		return nil, x.setAside(account, err)
	}
	answer, err = x.send(account, credential)
	return x.judge(account, answer, err)
}

func (x *exchange) credential(account credstore.AccountRef) (*credstore.Credential, error) {
	ctx, cancel := x.patience()
	defer cancel()
	return x.source.Credential(ctx, account.ID)
}

// refused returns another credential for the one that the API refused.
func (x *exchange) refused(account credstore.AccountRef, credential *credstore.Credential) (*credstore.Credential, error) {
	if x.refuser == nil {
		return nil, errRefused
	}
	ctx, cancel := x.patience()
	defer cancel()
	better, err := x.refuser.Refused(ctx, account.ID, credential)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", errNotYet, err)
	}
	return better, err
}

// patience bounds the wait for a credential, as long as another candidate is left.
func (x *exchange) patience() (context.Context, context.CancelFunc) {
	if x.last {
		return x.request.Context(), func() {}
	}
	return context.WithTimeout(x.request.Context(), Patience)
}

var (
	errRefused = errors.New("the API refused the credential (401)")
	errNotYet  = errors.New("the API refused the credential (401), and there is no better one yet")
)

// judge decides what an answer means for the client and for the account.
func (x *exchange) judge(account credstore.AccountRef, answer *http.Response, err error) (*http.Response, error) {
	if answer == nil || err != nil {
		return nil, err
	}
	switch status := answer.StatusCode; {
	case status == http.StatusUnauthorized:
		drain(answer)
		return nil, x.setAside(account, errRefused)
	case status == http.StatusTooManyRequests, status == StatusOverloaded:
		x.limit(account, answer)
		return nil, nil
	case status < 300 && x.opts.LastUsed != nil:
		x.opts.LastUsed(account.ID, time.Now())
	}
	return answer, nil
}

// limit lets the account cool down, and keeps the answer for the case that no other
// account can serve.
func (x *exchange) limit(account credstore.AccountRef, answer *http.Response) {
	until := coolUntil(answer, time.Now())
	x.coolDowns.CoolDown(account.ID, until)
	if x.cooling.IsZero() || until.Before(x.cooling) {
		x.cooling = until
	}
	x.opts.Logger.LogAttrs(x.request.Context(), slog.LevelWarn, "account cools down",
		slog.String("account", account.Name), slog.Int("status", answer.StatusCode), slog.Time("until", until))
	data, whole := drain(answer)
	if !whole {
		x.limited = nil
		return
	}
	answer.Body = io.NopCloser(bytes.NewReader(data))
	x.limited = answer
}

// setAside lets an account rest whose credential was refused, unless the client has
// left: then nobody knows whether there would have been a better one.
func (x *exchange) setAside(account credstore.AccountRef, err error) error {
	gone := x.fail(account, err)
	if gone == nil {
		x.coolDowns.SetAside(account.ID, time.Now().Add(SetAside))
	}
	return gone
}

// fail notes why an account could not serve; the error it returns ends the exchange.
func (x *exchange) fail(account credstore.AccountRef, err error) error {
	if gone := x.request.Context().Err(); gone != nil {
		return gone
	}
	x.opts.Logger.LogAttrs(x.request.Context(), slog.LevelWarn, "account cannot serve",
		slog.String("account", account.Name), slog.Any("error", err))
	x.failures = append(x.failures, fmt.Errorf("account %s: %w", account.Name, err))
	return nil
}
