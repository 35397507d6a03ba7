package upstream

import "errors"

// The errors of [Transport.RoundTrip] that are its own. Beside them it returns those
// of package selection when no account can serve, the context's error when the caller
// gave up, and what the base transport returned when the API could not be reached.
var (
	// ErrBodyTooLarge: the request's body is larger than Options.MaxBody. A gateway
	// answers 413.
	ErrBodyTooLarge = errors.New("request body too large")

	// ErrRequestBody: the request's body could not be read to its end; the client's
	// fault. A gateway answers 400. Wraps the cause.
	ErrRequestBody = errors.New("request body could not be read")

	// ErrTimeout: the headers of the answer did not come within Options.Timeout. A
	// gateway answers 504.
	ErrTimeout = errors.New("upstream did not answer in time")
)
