package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

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
	if !x.body.streams() {
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
	if !x.body.streams() {
		delete(header, "Expect") // the body is here already
	}
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
	if b.request.streams() && b.request.answered.Load() {
		b.request.finish()
	}
	return err
}

// What is read of an answer that is not passed on, so that its connection can be
// used again: as much, for so long. The API's errors have a few hundred bytes.
const (
	maxDrain  = 64 << 10
	drainTime = time.Second
)

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
