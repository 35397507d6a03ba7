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

// What is read of an answer that is not passed on, so that its connection can be
// used again: as much, for so long. The API's errors have a few hundred bytes.
const (
	maxDrain  = 64 << 10
	drainTime = time.Second
)

// An exchange is one request of a client and the attempts to have it answered.
//
// Its steps return an answer that goes to the client, or an error that ends the
// exchange, or neither when the next candidate is to be tried.
type exchange struct {
	*Transport
	request *http.Request
	body    *body

	limited  *http.Response // the latest 429 or 529, its body in memory
	cooling  time.Time      // until when the first of those accounts cools down
	failures []error        // why the other accounts could not serve
}

func (x *exchange) run(candidates []credstore.AccountRef) (*http.Response, error) {
	for _, account := range candidates {
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
	credential, err := x.source.Credential(x.request.Context(), account.ID)
	if err != nil {
		return nil, x.fail(account, err)
	}
	answer, err := x.send(account, credential)
	if answer == nil || err != nil || answer.StatusCode != http.StatusUnauthorized {
		return x.judge(account, answer, err)
	}
	drain(answer)
	if credential, err = x.refused(account, credential); err != nil {
		return nil, x.setAside(account, err)
	}
	answer, err = x.send(account, credential)
	return x.judge(account, answer, err)
}

// refused returns another credential for the one that the API refused.
func (x *exchange) refused(account credstore.AccountRef, credential *credstore.Credential) (*credstore.Credential, error) {
	if x.refuser == nil {
		return nil, errRefused
	}
	return x.refuser.Refused(x.request.Context(), account.ID, credential)
}

var errRefused = errors.New("the API refused the credential (401)")

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
		x.coolDowns.CoolDown(account.ID, time.Now().Add(SetAside))
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

// send makes one attempt.
func (x *exchange) send(account credstore.AccountRef, credential *credstore.Credential) (*http.Response, error) {
	header := outgoing(x.request.Header)
	if err := SetCredential(header, credential); err != nil {
		return nil, x.fail(account, err)
	}
	started := time.Now()
	answer, err := x.roundTrip(header)
	if x.opts.Observe != nil {
		attempt := Attempt{Account: account, Err: err, Duration: time.Since(started)}
		if answer != nil {
			attempt.Status = answer.StatusCode
		}
		x.opts.Observe(x.request.Context(), attempt)
	}
	return answer, err
}

func (x *exchange) roundTrip(header http.Header) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(x.request.Context())
	timer := x.startTimer(cancel)
	answer, err := x.await(x.outgoing(ctx, header))
	if timer != nil && !timer.Stop() && err == nil {
		_ = answer.Body.Close()
		err = ErrTimeout
	}
	if err != nil {
		cancel(nil)
		return nil, x.cause(ctx, err)
	}
	answer.Body = &answerBody{ReadCloser: answer.Body, cancel: cancel, request: x.body}
	return answer, nil
}

// await is the base transport's RoundTrip, but for one thing: when the context ends it
// returns at once. The base transport of net/http first waits until it is done with
// the request's body, and so for a client that has stopped sending.
func (x *exchange) await(out *http.Request) (*http.Response, error) {
	if out.Body == nil {
		return x.opts.Base.RoundTrip(out)
	}
	type result struct {
		answer *http.Response
		err    error
	}
	results := make(chan result, 1)
	go func() {
		answer, err := x.opts.Base.RoundTrip(out) //nolint:bodyclose // whoever gets the answer closes it
		results <- result{answer, err}
	}()
	select {
	case r := <-results:
		return r.answer, r.err
	case <-out.Context().Done():
	}
	go func() {
		if r := <-results; r.err == nil {
			_ = r.answer.Body.Close()
		}
	}()
	return nil, context.Cause(out.Context())
}

func (x *exchange) startTimer(cancel context.CancelCauseFunc) *time.Timer {
	if x.opts.Timeout <= 0 {
		return nil
	}
	return time.AfterFunc(x.opts.Timeout, func() { cancel(ErrTimeout) })
}

// outgoing returns the request as it goes to the API in this attempt.
func (x *exchange) outgoing(ctx context.Context, header http.Header) *http.Request {
	out := x.request.WithContext(ctx)
	out.Header, out.Trailer, out.Body, out.GetBody = header, nil, nil, nil
	if x.body == nil {
		return out
	}
	out.Body = x.body.start()
	// With GetBody, net/http sends the request again when a kept connection turns out
	// to be closed before anything was written. With an idempotency key it would also
	// do so later, when the API may be at work already.
	if header.Get("Idempotency-Key") == "" && header.Get("X-Idempotency-Key") == "" {
		out.GetBody = func() (io.ReadCloser, error) { return x.body.start(), nil }
	}
	return out
}

// cause says why there is no answer: the client's body and the client's leaving
// come before what they lead to in the connection upstream.
func (x *exchange) cause(ctx context.Context, err error) error {
	if failure := x.body.failure(); failure != nil {
		return failure
	}
	if gone := x.request.Context().Err(); gone != nil {
		return gone
	}
	if errors.Is(context.Cause(ctx), ErrTimeout) {
		return ErrTimeout
	}
	return err
}

// An answerBody ends the exchange when it is closed.
type answerBody struct {
	io.ReadCloser
	cancel  context.CancelCauseFunc
	request *body
}

func (b *answerBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	if b.request != nil && b.request.answered.Load() {
		b.request.finish()
	}
	return err
}

// drain reads and closes an answer that is not passed on. whole tells that data is
// all of its body.
func drain(answer *http.Response) (data []byte, whole bool) {
	body := answer.Body.(*answerBody)
	timer := time.AfterFunc(drainTime, func() { body.cancel(nil) })
	defer timer.Stop()
	data, err := io.ReadAll(io.LimitReader(body, maxDrain+1))
	_ = body.Close()
	return data, err == nil && len(data) <= maxDrain
}
