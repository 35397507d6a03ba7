// Package server is the reference proxy: HTTP around packages selection, oauth and
// upstream, with Gin.
//
//	/v1/*     to the API, any method but CONNECT and TRACE, streaming both ways
//	/healthz  200 while the process lives
//	/readyz   200 while the store answers, its secrets open, and nobody has said stop
//	/health   a summary in JSON
//	/metrics  for Prometheus
//
// # A request to /v1
//
// MSL-Train-Id names the train; without it, DEFAULT_TRAIN_ID does. The client key
// comes as Authorization: Bearer, or else as x-api-key. MSL-Account may name the only
// account to use. The path must not contain "." or ".." segments. A body may have
// 32 MB. Where a client sends no anthropic-version, 2023-06-01 is added, as clients
// of the TypeScript proxy expect.
//
// Every answer has X-Request-ID: the client's own, if it sent a well-formed one.
// Errors of the proxy have the API's shape:
//
//	400 invalid_request_error  a malformed id or path, a header given twice, a broken body
//	401 authentication_error   the client key is missing or does not open the train
//	403 permission_error       the train may not use that account, or is deactivated
//	404 not_found_error        not a path of this server
//	405 invalid_request_error  CONNECT, TRACE
//	408 timeout_error          the client stopped sending its body
//	413 request_too_large      the body is too large
//	429 rate_limit_error       all accounts are cooling down; with Retry-After
//	500 api_error              a bug
//	502 api_error              the API cannot be reached, or broke the connection
//	503 api_error              the store does not answer, or no account can serve
//	504 timeout_error          the API did not answer within CLAUDE_API_TIMEOUT
//
// Any other status is the API's own, with its headers. An answer that breaks off in
// the API breaks off for the client: it never looks complete.
//
// # Stopping
//
// When its context ends, [Run] accepts no more requests, /readyz says 503 on
// connections that are still open, running requests may finish for
// [httpserver.DefaultGrace], and then the store is flushed and closed.
package server
