package upstream

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/signalbox-go/signalbox/credstore"
)

// OAuthBeta is the value of the anthropic-beta header that the API asks of requests
// with an OAuth token.
const OAuthBeta = "oauth-2025-04-20"

// The headers in canonical form.
const (
	headerAPIKey        = "X-Api-Key" //nolint:gosec // the name of a header
	headerAuthorization = "Authorization"
	headerBeta          = "Anthropic-Beta"
	headerConnection    = "Connection"
	prefixMSL           = "Msl-"
)

// SetCredential makes h carry the credential and no other: x-api-key for an API key,
// Authorization and anthropic-beta for an OAuth token. White space around the secret
// is not sent. An error wraps [credstore.ErrDamaged], names the account, and leaves h
// without a credential.
func SetCredential(h http.Header, credential *credstore.Credential) error {
	delete(h, headerAPIKey)
	delete(h, headerAuthorization)
	secret := credential.APIKey
	if credential.Type == credstore.OAuth {
		secret = credential.Tokens.Access
	}
	value := strings.Trim(secret.Reveal(), " \t\r\n") // the white space of RFC 9110, section 5.5
	if !validHeaderValue(value) {
		return fmt.Errorf("%w: the %s of account %s is empty or has control characters, and cannot be sent",
			credstore.ErrDamaged, credential.Type, credential.AccountName)
	}
	if credential.Type != credstore.OAuth {
		h[headerAPIKey] = []string{value}
		return nil
	}
	h[headerAuthorization] = []string{"Bearer " + value}
	addBeta(h, OAuthBeta)
	return nil
}

// validHeaderValue tells whether value may stand in a header (RFC 9110, section 5.5).
func validHeaderValue(value string) bool {
	for i := range len(value) {
		if b := value[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return value != ""
}

// addBeta adds a beta feature to those the client asked for, which may come in
// several header lines, each a list. Order is kept, nothing is named twice.
func addBeta(h http.Header, beta string) {
	var betas []string
	for _, line := range append(slices.Clip(h[headerBeta]), beta) {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			if name != "" && !slices.Contains(betas, name) {
				betas = append(betas, name)
			}
		}
	}
	h[headerBeta] = []string{strings.Join(betas, ",")}
}

// outgoing returns the client's headers without those that are not for the API.
func outgoing(in http.Header) http.Header {
	out := make(http.Header, len(in)+2)
	for name, values := range in {
		if canonical := textproto.CanonicalMIMEHeaderKey(name); !private(canonical) {
			out[canonical] = values
		}
	}
	for _, line := range in[headerConnection] {
		for name := range strings.SplitSeq(line, ",") {
			delete(out, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
		}
	}
	return out
}

// private tells whether a header stays in the gateway: credentials of the client,
// words between client and gateway, and what concerns one connection (RFC 9110,
// section 7.6.1).
func private(canonical string) bool {
	switch canonical {
	case headerAuthorization, headerAPIKey, "Proxy-Authorization", "Cookie",
		headerConnection, "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return strings.HasPrefix(canonical, prefixMSL)
}
