// Package upstream sends a request to the Anthropic API with the first of its
// candidate accounts that can serve it.
//
// [Transport] is an [http.RoundTripper]: put it under an
// [net/http/httputil.ReverseProxy], give each request its candidates with
// [WithCandidates], and what remains of a gateway is HTTP. The example is a
// complete one.
//
// # What happens to a request
//
// Client credentials (Authorization, x-api-key, Proxy-Authorization, Cookie), every
// MSL-* header and the hop-by-hop headers are removed. Then the candidates are tried
// in their order:
//
//   - The source gives the account's credential: an API key, or a fresh token.
//     Where it cannot, or not within [Patience] while another candidate is left,
//     that is logged and the next candidate is tried.
//   - The request leaves with x-api-key, or with Authorization: Bearer and
//     anthropic-beta: oauth-2025-04-20 merged into what the client sent.
//   - 429 and 529 let the account cool down, until the moment the answer names,
//     and the next candidate is tried. The last such answer goes to the client.
//   - 401 asks the source once for a better credential. Without one, or when that
//     is refused as well, the account is set aside for [SetAside] and the next
//     candidate is tried. The client never sees the 401: it would take its own key
//     for bad.
//   - Everything else is the answer: other errors of the API, 5xx, a connection that
//     breaks, a time-out. It is never tried again, because a repeated POST is paid
//     twice.
//
// Once a candidate was limited, those that are cooling down already are passed over.
// When nobody is left, the error says why: [selection.ErrNoAccount] or
// [credstore.ErrUnavailable] when none can serve.
//
// # Bodies
//
// A body of up to 64 KB is read before it is sent. A larger one, or one of unknown
// size, streams to the first candidate while it is recorded, so that the next one gets
// the recorded part and then the rest. The recording is released when the headers of
// the answer are in. Until then a request costs as much memory as has been read of its
// body, [DefaultMaxBody] at most.
package upstream
