package server

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/signalbox-go/signalbox/credstore"
)

// A client is what a request says of whom it comes from and what it wants.
type client struct {
	train   string
	account string           // the only account to use; empty: any
	key     credstore.Secret // zero: none
}

// clientOf reads the MSL headers and the client key. The error is the client's fault.
func (s *server) clientOf(h http.Header) (client, error) {
	if err := checkOnce(h); err != nil {
		return client{}, err
	}
	c := client{train: mslHeader(h, "Msl-Train-Id"), account: mslHeader(h, "Msl-Account"), key: clientKey(h)}
	if c.train == "" {
		c.train = s.config.defaultTrain
	}
	if err := credstore.CheckID("MSL-Train-Id", c.train); err != nil {
		return client{}, err
	}
	if c.account != "" {
		if err := credstore.CheckID("MSL-Account", c.account); err != nil {
			return client{}, err
		}
	}
	return c, nil
}

// checkOnce refuses a second header where it would be open which of the two counts.
func checkOnce(h http.Header) error {
	for name, values := range h {
		if len(values) > 1 && (strings.HasPrefix(name, "Msl-") || name == "Authorization" || name == "X-Api-Key") {
			return fmt.Errorf("%w: header %s is given more than once", credstore.ErrInvalid, name)
		}
	}
	return nil
}

func mslHeader(h http.Header, name string) string { return credstore.TrimSpace(h.Get(name)) }

// clientKey takes the key from Authorization: Bearer, its scheme in any case, or else
// from x-api-key.
func clientKey(h http.Header) credstore.Secret {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		if key := credstore.TrimClientKey(credstore.NewSecret(token)); !key.IsZero() {
			return key
		}
	}
	return credstore.TrimClientKey(credstore.NewSecret(h.Get("X-Api-Key")))
}
