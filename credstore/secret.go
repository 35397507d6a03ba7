package credstore

import (
	"crypto/sha256"
	"crypto/subtle"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
)

// redacted stands for every secret in text.
const redacted = "[redacted]"

// A Secret is the plaintext of a key, a token or a webhook URL. Printed, logged
// or encoded by any of the standard library's ways it reads "[redacted]", also
// inside other values; only [Secret.Reveal] gives the plaintext. The zero Secret
// is empty and means "none". Compare with [Secret.Equal], not with ==.
type Secret struct {
	// A pointer, because package fmt prints an unexported field of another
	// type's struct without asking its Format method: it then finds an address.
	plaintext *string
}

// NewSecret makes a secret of plaintext.
func NewSecret(plaintext string) Secret {
	if plaintext == "" {
		return Secret{}
	}
	return Secret{plaintext: &plaintext}
}

// Reveal returns the plaintext. Call it only where the secret is used: in a
// header, in a sealing, in a hash.
func (s Secret) Reveal() string {
	if s.plaintext == nil {
		return ""
	}
	return *s.plaintext
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s.plaintext == nil }

// Equal compares two secrets in constant time; not even their lengths show.
func (s Secret) Equal(other Secret) bool {
	a, b := sha256.Sum256([]byte(s.Reveal())), sha256.Sum256([]byte(other.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Format implements [fmt.Formatter]: "[redacted]" under every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String implements [fmt.Stringer].
func (Secret) String() string { return redacted }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler], and so covers JSON and XML.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// GobEncode implements [encoding/gob.GobEncoder].
func (Secret) GobEncode() ([]byte, error) { return []byte(redacted), nil }

// Value implements [driver.Valuer] and always fails: a secret is sealed or
// hashed before it goes into a database.
func (Secret) Value() (driver.Value, error) {
	return nil, errors.New("credstore: a secret cannot be stored in the clear")
}
