package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/httpserver"
	"github.com/signalbox-go/signalbox/selection"
	"github.com/signalbox-go/signalbox/upstream"
)

// The error types of the API (its documentation, "Errors").
const (
	typeInvalidRequest = "invalid_request_error"
	typeAuthentication = "authentication_error"
	typePermission     = "permission_error"
	typeNotFound       = "not_found_error"
	typeTooLarge       = "request_too_large"
	typeRateLimit      = "rate_limit_error"
	typeTimeout        = "timeout_error"
	typeAPI            = "api_error"
)

// The server's own errors.
var (
	errNotFound = errors.New("not a path of this server")
	errMethod   = errors.New("method not allowed")
	errNoKey    = errors.New("no client key")
	errUpstream = errors.New("upstream cannot be reached")
	errStore    = errors.New("store failed")
	errLeft     = errors.New("the client has left")
	errPanic    = errors.New("panic")

	errBodyStalled = errors.New("the request body did not come in time")
)

// storeError marks an error of the store that is no answer to the question asked:
// whatever it is, nobody is let in.
func storeError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if gone(ctx) {
		return errLeft
	}
	if _, known := answerTo(err); known {
		return err
	}
	return fmt.Errorf("%w: %w", errStore, err)
}

// upstreamError marks an error of the connection to the API.
func upstreamError(ctx context.Context, err error) error {
	if body := recordOf(ctx).body; body != nil && body.hasStalled() {
		return errBodyStalled // net/http takes the client for gone, but it only waits
	}
	if gone(ctx) {
		return errLeft
	}
	if _, known := answerTo(err); known {
		return err
	}
	return fmt.Errorf("%w: %w", errUpstream, err)
}

// gone tells whether the client has left.
func gone(ctx context.Context) bool { return ctx.Err() != nil }

// An answer is how an error is told to the client.
type answer struct {
	status  int
	kind    string
	message string
}

var (
	internal     = answer{http.StatusInternalServerError, typeAPI, "internal error"}
	unauthorized = answer{http.StatusUnauthorized, typeAuthentication, "the client key does not open this train"}
	noLookUp     = answer{http.StatusServiceUnavailable, typeAPI, "credentials cannot be looked up now"}
)

// answers are tried in this order: when no account can serve, the error also holds
// what was wrong with each of them, which does not concern the client. What a client
// is told never depends on the text of such an error.
var answers = []struct {
	err    error
	answer answer
}{
	{errNotFound, answer{http.StatusNotFound, typeNotFound, "there is nothing here; the API is below /v1/"}},
	{errMethod, answer{http.StatusMethodNotAllowed, typeInvalidRequest, "this method is not allowed"}},
	{errNoKey, answer{http.StatusUnauthorized, typeAuthentication, "a client key is missing: send Authorization: Bearer, or x-api-key"}},
	{errLeft, answer{statusClientLeft, typeAPI, "the client has left"}},
	{errUpstream, answer{http.StatusBadGateway, typeAPI, "the API cannot be reached"}},
	{errStore, noLookUp},
	{errBodyStalled, answer{http.StatusRequestTimeout, typeTimeout, "the request body did not come in time"}},
	{upstream.ErrRequestBody, answer{http.StatusBadRequest, typeInvalidRequest, "the request body could not be read to its end"}},
	{upstream.ErrBodyTooLarge, answer{http.StatusRequestEntityTooLarge, typeTooLarge, "the request body is too large"}},
	{upstream.ErrTimeout, answer{http.StatusGatewayTimeout, typeTimeout, "the API did not answer in time"}},
	{selection.ErrNoAccount, answer{http.StatusServiceUnavailable, typeAPI, "no account can serve this request now"}},
	{credstore.ErrUnavailable, noLookUp},
	{selection.ErrNotAllowed, answer{http.StatusForbidden, typePermission, "this train may not use that account"}},
	{credstore.ErrUnauthorized, unauthorized},
	{credstore.ErrNotFound, unauthorized}, // the train was removed after its key was checked
	{credstore.ErrInactive, answer{http.StatusForbidden, typePermission, "this train is deactivated"}},
}

// answerTo returns how err is told, and whether it is a known one.
func answerTo(err error) (a answer, known bool) {
	var cooling *selection.CoolingError
	if errors.As(err, &cooling) {
		return answer{http.StatusTooManyRequests, typeRateLimit, "all accounts that may serve this request are cooling down"}, true
	}
	for _, entry := range answers {
		if errors.Is(err, entry.err) {
			return entry.answer, true
		}
	}
	if errors.Is(err, credstore.ErrInvalid) {
		// The text names a header and a rule, and holds nothing that was not sent.
		return answer{http.StatusBadRequest, typeInvalidRequest, err.Error()}, true
	}
	return internal, false
}

// fail tells the client of err, in the API's own shape, and the log if it is the
// gateway's trouble.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	record := recordOf(r.Context())
	answer, _ := answerTo(err)
	if answer.status >= http.StatusInternalServerError {
		s.log.LogAttrs(r.Context(), slog.LevelWarn, "request failed",
			slog.String("request_id", record.id), slog.String("train", record.train), slog.Any("error", err))
	}
	if answer.status == statusClientLeft {
		w.WriteHeader(answer.status) // for the log
		return
	}
	header := w.Header()
	switch answer.status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", "Bearer") // RFC 9110, section 11.6.1
	case http.StatusTooManyRequests:
		header.Set("Retry-After", retryAfter(err))
	}
	header.Set(httpserver.RequestIDHeader, record.id)
	header.Set("Content-Type", "application/json")
	w.WriteHeader(answer.status)
	_, _ = w.Write(errorBody(answer, record.id))
	if record.body != nil {
		record.body.flushRefusal()
	}
}

func errorBody(a answer, requestID string) []byte {
	type detail struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	body, _ := json.Marshal(struct { // strings always marshal
		Type      string `json:"type"`
		Error     detail `json:"error"`
		RequestID string `json:"request_id"`
	}{"error", detail{a.kind, a.message}, requestID})
	return append(body, '\n')
}

// retryAfter is in whole seconds, at least one (RFC 9110, section 10.2.3).
func retryAfter(err error) string {
	var cooling *selection.CoolingError
	errors.As(err, &cooling)
	return strconv.Itoa(max(1, int(math.Ceil(time.Until(cooling.Until).Seconds()))))
}
