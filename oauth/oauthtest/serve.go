package oauthtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// clientID is the only client that the provider knows.
const clientID = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"

// An Answer is what the provider answers.
type Answer int

// The answers. Those marked so are given without looking at the token, so that
// it still works afterwards.
const (
	Healthy        Answer = iota // what is right: new tokens, or invalid_grant
	SameRefresh                  // new access token, no refresh_token: the old one goes on working
	NoExpiry                     // new tokens without expires_in
	DropAfter                    // changes the token, then closes the connection without an answer
	CutAfter                     // changes the token, then closes the connection in the middle of the answer
	RateLimited                  // 429 in the API's form, with Retry-After (token untouched)
	ServerError                  // 500 in the API's form (token untouched)
	Garbage                      // 200 with HTML (token untouched)
	NoAccessToken                // 200 with JSON that has no access_token (token untouched)
	Huge                         // 200 with 1 MiB of JSON (token untouched)
	Redirect                     // 302 to /elsewhere on the same server (token untouched)
	InvalidClient                // 401 invalid_client in the form of RFC 6749 (token untouched)
	InvalidGrant                 // 400 invalid_grant that quotes the token (token untouched)
	InvalidRequest               // 400 in the API's form (token untouched)
)

// A Behaviour is how the provider treats a request. The zero value is health.
type Behaviour struct {
	Answer Answer
	// Delay is waited before the token is looked at; a client that leaves
	// meanwhile has not spent it.
	Delay time.Duration
	// DelayAfter is waited between changing the token and answering.
	DelayAfter time.Duration
	// Hold is waited for after DelayAfter: the answer goes out when it is closed.
	// nil: at once.
	Hold <-chan struct{}
	// RetryAfter is the header of that name, for RateLimited and ServerError.
	RetryAfter string
}

// tokens is the body of an answer 200.
type tokens struct {
	TokenType string `json:"token_type"`
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token,omitempty"`
	ExpiresIn int    `json:"expires_in,omitempty"`
	Scope     string `json:"scope"`
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refresh, complaint := checkRequest(r)
	b := p.behaviour(refresh, complaint)
	if complaint != "" {
		writeAPIError(w, http.StatusBadRequest, "invalid_request_error", complaint)
		return
	}
	if !sleep(r, b.Delay) {
		return
	}
	if b.Answer.fault(w, b.RetryAfter, refresh) {
		return
	}
	answer, refused := p.spend(refresh, b.Answer)
	sleep(r, b.DelayAfter)
	if b.Hold != nil {
		select {
		case <-b.Hold:
		case <-r.Context().Done():
		}
	}
	if refused != "" {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": refused})
		return
	}
	switch b.Answer {
	case DropAfter:
		panic(http.ErrAbortHandler)
	case CutAfter:
		w.Header().Set("Content-Length", "4096")
		_, _ = io.WriteString(w, `{"token_type":"Bearer","access_token":"sk-`)
		_ = http.NewResponseController(w).Flush() // the panic would discard it
		panic(http.ErrAbortHandler)
	}
	writeJSON(w, http.StatusOK, answer)
}

// behaviour chooses the behaviour for a request and counts it.
func (p *Provider) behaviour(refresh, complaint string) Behaviour {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch g := p.refreshes[refresh]; {
	case complaint != "":
		p.malformed = append(p.malformed, complaint)
	case g == nil:
		p.unknown++
	default:
		g.login.counts.Requests++
	}
	b := p.always
	if len(p.next) > 0 {
		b, p.next = p.next[0], p.next[1:]
	}
	return b
}

// spend changes a refresh token for new tokens; refused says why not.
func (p *Provider) spend(refresh string, as Answer) (answer tokens, refused string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.refreshes[refresh]
	switch {
	case g == nil || g.login.revoked:
		return tokens{}, "Refresh token not found or invalid"
	case !g.spentAt.IsZero():
		g.login.counts.Reuses++
		if time.Since(g.spentAt) < p.opts.ReuseGrace {
			return g.answer, ""
		}
		g.login.revoked = true
		return tokens{}, "Refresh token was used before"
	}
	answer = p.issue(g.login)
	if as == SameRefresh {
		delete(p.refreshes, answer.Refresh)
		answer.Refresh = ""
		return answer, ""
	}
	if as == NoExpiry {
		answer.ExpiresIn = 0
	}
	g.spentAt, g.answer = time.Now(), answer
	g.login.counts.Rotations++
	return answer, ""
}

// fault gives the answers that leave the token untouched.
func (a Answer) fault(w http.ResponseWriter, retryAfter, refresh string) bool {
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	switch a {
	case RateLimited:
		writeAPIError(w, http.StatusTooManyRequests, "rate_limit_error", "Rate limited. Please try again later.")
	case ServerError:
		writeAPIError(w, http.StatusInternalServerError, "api_error", "Internal server error")
	case Garbage:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html><body>Checking your browser</body></html>")
	case NoAccessToken:
		writeJSON(w, http.StatusOK, map[string]string{"error": "invalid_grant"})
	case Huge:
		writeJSON(w, http.StatusOK, map[string]string{"access_token": strings.Repeat("x", 1<<20)})
	case Redirect:
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
	case InvalidClient:
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
	case InvalidGrant:
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": "no such token: " + refresh})
	case InvalidRequest:
		writeAPIError(w, http.StatusBadRequest, "invalid_request_error", "Invalid request format")
	default:
		return false
	}
	return true
}

// checkRequest returns the refresh token of a request, or what is wrong with it.
func checkRequest(r *http.Request) (refresh, complaint string) {
	switch {
	case r.Method != http.MethodPost:
		return "", "method " + r.Method
	case r.URL.Path != "/v1/oauth/token":
		return "", "path " + r.URL.Path
	case r.Header.Get("Content-Type") != "application/json":
		return "", "Content-Type " + r.Header.Get("Content-Type")
	case r.Header.Get("Anthropic-Beta") != "oauth-2025-04-20":
		return "", "anthropic-beta " + r.Header.Get("Anthropic-Beta")
	case r.Header.Get("Authorization") != "" || r.Header.Get("X-Api-Key") != "":
		return "", "a credential in the header"
	}
	var body map[string]any
	data, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(data, &body) != nil {
		return "", "a body that is not a JSON object"
	}
	refresh, _ = body["refresh_token"].(string)
	switch {
	case len(body) != 3:
		return "", fmt.Sprintf("a body with %d fields", len(body))
	case body["grant_type"] != "refresh_token":
		return "", "another grant_type than refresh_token"
	case body["client_id"] != clientID:
		return "", "another client_id"
	case refresh == "":
		return "", "no refresh_token"
	}
	return refresh, ""
}

// sleep waits, and tells whether the client is still there.
func sleep(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-r.Context().Done():
		return false
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

func writeAPIError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, map[string]any{"type": "error", "error": map[string]string{"type": code, "message": message}})
}
