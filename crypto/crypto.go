package crypto

import (
	"errors"
	"unicode/utf16"
)

// Errors of this package, for errors.Is. None carries a key, a plaintext or a
// sealed value.
var (
	// ErrShortKey is returned by [CheckKey], and by everything that takes an
	// encryption key, when that key has fewer than [MinKeyLength] characters.
	ErrShortKey = errors.New("crypto: encryption key must have at least 32 characters")

	// ErrMalformed is returned by [Decrypt] and [Sealer.Open] for a value that
	// is not a sealed value at all; the text says which part is wrong.
	ErrMalformed = errors.New("crypto: malformed sealed value")

	// ErrAuthentication is returned by [Decrypt] and [Sealer.Open] for a
	// well-formed value that was sealed under another key, or altered since.
	ErrAuthentication = errors.New("crypto: wrong encryption key, or altered value")

	// ErrTooLarge is returned by [Encrypt] and [Sealer.Seal] for a plaintext of
	// more than [MaxPlaintext] bytes.
	ErrTooLarge = errors.New("crypto: plaintext is larger than 1 MiB")

	// ErrClosed is returned by [Sealer.Seal] and [Sealer.Open] after [Sealer.Close].
	ErrClosed = errors.New("crypto: sealer is closed")
)

const (
	// MinKeyLength is the least length of an encryption key, in UTF-16 code
	// units, as the TypeScript system has it.
	MinKeyLength = 32

	// MaxPlaintext is the largest plaintext that is sealed, in bytes. A value
	// longer than what that makes is not read.
	MaxPlaintext = 1 << 20
)

// CheckKey tells whether key can be an encryption key: nil, or [ErrShortKey]. It
// measures length and cannot measure randomness; see "Choosing a key" in the
// package documentation.
func CheckKey(key string) error {
	length := 0
	for _, r := range key {
		length += utf16.RuneLen(r)
	}
	if length < MinKeyLength {
		return ErrShortKey
	}
	return nil
}

// Encrypt seals plaintext under key, with a salt and an iv of its own. It costs
// one key derivation; whoever seals more than a few values uses a [Sealer].
// Errors: [ErrShortKey], [ErrTooLarge].
func Encrypt(plaintext, key string) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	if len(plaintext) > MaxPlaintext {
		return "", ErrTooLarge
	}
	salt := newSalt()
	var derived [keySize]byte
	defer clear(derived[:])
	if err := deriveKey(&derived, key, salt); err != nil {
		return "", err
	}
	return sealFormat1(plaintext, salt, &derived)
}

// Decrypt opens a value that was sealed under key. It costs one key derivation;
// whoever opens more than a few values uses a [Sealer]. Errors: [ErrShortKey],
// [ErrMalformed], [ErrAuthentication].
func Decrypt(ciphertext, key string) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	sealed, err := parseFormat1(ciphertext)
	if err != nil {
		return "", err
	}
	var derived [keySize]byte
	defer clear(derived[:])
	if err := deriveKey(&derived, key, sealed.salt); err != nil {
		return "", err
	}
	return sealed.open(&derived)
}
