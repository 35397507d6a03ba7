package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

var (
	// ErrRefused says that the API refuses the credential, and neither the store nor a
	// refresh has a better one. Returned by [Refresher.Refused].
	ErrRefused = errors.New("refused by the API, and there is no better one")

	// ErrClosed says that the refresher was closed and begins nothing new.
	ErrClosed = errors.New("refresher closed")
)

// An Error is a refresh that brought no tokens. It holds nothing that the token
// endpoint wrote but a code of the protocol, so it is safe to print.
type Error struct {
	// StatusCode is the HTTP status; 0 when there was no answer, and then it is
	// not known whether the refresh token was used up.
	StatusCode int
	// Code is the error code of the answer: "error" of RFC 6749, section 5.2, or
	// "error.type" of the API's own form; empty when there was none that looks
	// like a code.
	Code string
	// RetryAfter is how long the endpoint asks to be left alone; 0: it did not ask.
	RetryAfter time.Duration

	reason string // what was wrong, in our words
	cause  error  // only what is known to quote nothing: see safeCause
}

// Error implements error.
func (e *Error) Error() string {
	text := "oauth: token endpoint "
	if e.StatusCode == 0 {
		text += "gave no answer"
	} else {
		text += fmt.Sprintf("answered %d", e.StatusCode)
	}
	if e.Code != "" {
		text += " " + e.Code
	}
	if e.reason != "" {
		text += ": " + e.reason
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause, such as [context.DeadlineExceeded], or nil.
func (e *Error) Unwrap() error { return e.cause }

// Permanent tells whether err means that the refresh token will never work
// again, so that a person has to log in: the token endpoint answered 400 or 401
// with the code invalid_grant (RFC 6749, section 5.2, names 400; some servers
// send 401).
//
// Everything else is passing, and leaves the account as it is: no answer, 408,
// 429, 5xx, a redirect, a success without tokens in it; and 400 or 401 with
// any other code. Among those, invalid_client, unauthorized_client and
// invalid_request say that this program is set up wrongly, which is not the
// account's fault.
func Permanent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == "invalid_grant" &&
		(e.StatusCode == http.StatusBadRequest || e.StatusCode == http.StatusUnauthorized)
}

// A CoolDownError says that the account has no usable token and could not get
// one, and that the token endpoint is left alone for a while. It wraps what
// went wrong.
type CoolDownError struct {
	AccountID string
	Until     time.Time // the next try is made no earlier
	Err       error
}

// Error implements error.
func (e *CoolDownError) Error() string {
	return fmt.Sprintf("oauth: account %s: no refresh before %s: %v",
		e.AccountID, e.Until.UTC().Format(time.RFC3339), e.Err)
}

// Unwrap returns what went wrong.
func (e *CoolDownError) Unwrap() error { return e.Err }

// passing tells whether a later try may succeed with nobody doing anything.
func passing(err error) bool {
	for _, final := range []error{
		credstore.ErrNeedsReauth, credstore.ErrNotFound, credstore.ErrInactive,
		credstore.ErrDamaged, credstore.ErrInvalid, ErrRefused, ErrClosed,
	} {
		if errors.Is(err, final) {
			return false
		}
	}
	return true
}

// unavailable tells whether the store gave no answer to a call, which may have had
// its effect all the same.
func unavailable(err error) bool {
	return errors.Is(err, credstore.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}

// safeCause reduces a transport's error to what cannot quote the answer: package
// net/http prints the first line of an answer that it does not understand.
func safeCause(err error) error {
	for _, known := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, known) {
			return known
		}
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return certificate
	}
	return errors.New("the connection broke")
}
