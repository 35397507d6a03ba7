package oauth

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// DefaultLifetime is how long an access token is taken to live when the answer
// does not say, or says nonsense: nothing, zero or less, more than 366 days. It is
// on the short side on purpose (Anthropic's tokens live for hours): too short
// costs a refresh, too long costs refused requests. RFC 6749, section 5.1, leaves
// the default to the server's documentation, and its example has an hour.
const DefaultLifetime = time.Hour

const maxLifetime = 366 * 24 * time.Hour

// parseTokens reads an answer of success; reason tells why it cannot be used, without
// quoting it. spent stays the refresh token when there is no other.
func parseTokens(body []byte, spent credstore.Secret, asked time.Time) (tokens credstore.Tokens, reason string) {
	if len(body) > maxAnswer {
		return tokens, "the answer is longer than 64 KiB"
	}
	var answer struct {
		AccessToken  string          `json:"access_token"`
		RefreshToken string          `json:"refresh_token"`
		ExpiresIn    json.RawMessage `json:"expires_in"`
		Scope        json.RawMessage `json:"scope"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return tokens, "the answer is not the JSON of a token"
	}
	if answer.AccessToken == "" {
		return tokens, "the answer has no access_token"
	}
	if !isToken(answer.AccessToken) || !isToken(answer.RefreshToken) {
		return tokens, "the answer has a token with characters that no header can carry"
	}
	tokens = credstore.Tokens{
		Access:    credstore.NewSecret(answer.AccessToken),
		Refresh:   spent,
		ExpiresAt: asked.Add(lifetime(answer.ExpiresIn)).UTC().Truncate(time.Millisecond),
		Scopes:    scopes(answer.Scope),
	}
	if answer.RefreshToken != "" {
		tokens.Refresh = credstore.NewSecret(answer.RefreshToken)
	}
	return tokens, ""
}

// isToken tells whether s has only visible ASCII characters (VSCHAR without the
// space; RFC 6749, appendix A.12, and RFC 6750, section 2.1).
func isToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// lifetime reads expires_in: seconds, which some servers write as text.
func lifetime(expiresIn json.RawMessage) time.Duration {
	var seconds float64
	text := strings.Trim(string(expiresIn), `"`)
	if json.Unmarshal([]byte(text), &seconds) != nil || !(seconds > 0) || seconds > maxLifetime.Seconds() {
		return DefaultLifetime
	}
	return time.Duration(seconds * float64(time.Second))
}

// scopes splits a scope string at its spaces (RFC 6749, section 3.3); nil when
// there is none.
func scopes(raw json.RawMessage) []string {
	var scope string
	if json.Unmarshal(raw, &scope) != nil {
		return nil
	}
	if fields := strings.Fields(scope); len(fields) > 0 {
		return fields
	}
	return nil
}

// errorCode finds the error code in an answer of failure: {"error":"code"}
// of RFC 6749, section 5.2, or {"error":{"type":"code"}} of the API. Descriptions
// are left alone, since they may quote what was sent, and so is a code that does
// not look like one.
func errorCode(body []byte) string {
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	var code string
	if json.Unmarshal(answer.Error, &code) == nil {
		return codeOrNone(code)
	}
	var object struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(answer.Error, &object) == nil {
		return codeOrNone(object.Type)
	}
	return ""
}

// codeOrNone returns s when it can be a code: up to 64 lower-case letters and
// underscores. All registered codes are; no token is.
func codeOrNone(s string) string {
	if len(s) > 64 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return s
}
