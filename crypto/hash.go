package crypto

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// HashAPIKey is the stored form of a client key: lower-case hex of the SHA-256 of
// its bytes, 64 characters, nothing trimmed. There is no salt, so that a key can
// be found by its hash; this is safe for keys made at random, and only for those.
func HashAPIKey(apiKey string) string {
	hash := hashAPIKey(apiKey)
	return string(hash[:])
}

// VerifyAPIKeyHash tells whether hash is what [HashAPIKey] makes of apiKey, in a
// time that does not depend on where they differ. A malformed hash (another
// length, upper case, white space) is the hash of no key.
func VerifyAPIKeyHash(apiKey, hash string) bool {
	want := hashAPIKey(apiKey)
	return subtle.ConstantTimeCompare(want[:], []byte(hash)) == 1
}

func hashAPIKey(apiKey string) (hash [2 * sha256.Size]byte) {
	sum := sha256.Sum256([]byte(apiKey))
	hex.Encode(hash[:], sum[:])
	return hash
}
