package credstore

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// HashClientKey returns what is stored of a client key: the lower-case hex of
// the SHA-256 of its UTF-8 bytes. A client key is long and random, so a plain
// hash is enough; the format is that of existing databases.
func HashClientKey(key Secret) string {
	sum := sha256.Sum256([]byte(key.Reveal()))
	return hex.EncodeToString(sum[:])
}

// TrimClientKey removes white space at both ends, as is done with every client
// key before it is hashed, when stored and when presented.
func TrimClientKey(key Secret) Secret {
	trimmed := TrimSpace(key.Reveal())
	if len(trimmed) == len(key.Reveal()) {
		return key // as on nearly every request: nothing to allocate
	}
	return NewSecret(trimmed)
}

// MatchClientKey tells whether key's hash is among hashes. Every hash is compared,
// in constant time, so that the time taken tells nothing of which one matched.
func MatchClientKey(hashes []string, key Secret) bool {
	if key.IsZero() {
		return false
	}
	sum := sha256.Sum256([]byte(key.Reveal()))
	var digest [2 * sha256.Size]byte
	hex.Encode(digest[:], sum[:])
	found := 0
	for _, hash := range hashes {
		found |= subtle.ConstantTimeCompare([]byte(hash), digest[:])
	}
	return found == 1
}
