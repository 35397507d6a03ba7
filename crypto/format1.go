package crypto

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// The numbers of format 1; see the package documentation. None may change.
const (
	iterations = 100_000
	saltSize   = 32
	keySize    = 32 // AES-256
	ivSize     = 16
	tagSize    = 16
)

// strictBase64 refuses stray bits after the end. It still skips line breaks,
// which decodePart refuses.
var strictBase64 = base64.StdEncoding.Strict()

// maxSealedSize is the length in characters of a sealed plaintext of MaxPlaintext bytes.
var maxSealedSize = len(":::") +
	strictBase64.EncodedLen(saltSize) + strictBase64.EncodedLen(ivSize) +
	strictBase64.EncodedLen(tagSize) + strictBase64.EncodedLen(MaxPlaintext)

// format1 is a sealed value, taken apart.
type format1 struct {
	salt [saltSize]byte
	iv   [ivSize]byte
	box  []byte // ciphertext, then tag: the order of cipher.AEAD, not of the text
}

// parseFormat1 takes value apart. It accepts exactly what String writes, so that
// parsing and writing again gives the same text. Error: ErrMalformed.
func parseFormat1(value string) (format1, error) {
	if len(value) > maxSealedSize {
		return format1{}, fmt.Errorf("%w: longer than %d characters", ErrMalformed, maxSealedSize)
	}
	parts := strings.SplitN(value, ":", 5) // a fifth part is one too many, however many follow
	if len(parts) != 4 {
		return format1{}, fmt.Errorf("%w: want four parts joined by colons", ErrMalformed)
	}
	salt, err := decodePart("salt", parts[0], saltSize)
	if err != nil {
		return format1{}, err
	}
	iv, err := decodePart("iv", parts[1], ivSize)
	if err != nil {
		return format1{}, err
	}
	tag, err := decodePart("tag", parts[2], tagSize)
	if err != nil {
		return format1{}, err
	}
	ciphertext, err := decodePart("ciphertext", parts[3], anySize)
	if err != nil {
		return format1{}, err
	}
	return format1{salt: [saltSize]byte(salt), iv: [ivSize]byte(iv), box: append(ciphertext, tag...)}, nil
}

// anySize is the size of a part that may have any.
const anySize = -1

// decodePart decodes canonical base64 that holds size bytes.
func decodePart(name, text string, size int) ([]byte, error) {
	data, err := strictBase64.DecodeString(text)
	if err != nil || strictBase64.EncodedLen(len(data)) != len(text) {
		return nil, fmt.Errorf("%w: %s is not canonical base64", ErrMalformed, name)
	}
	if size != anySize && len(data) != size {
		return nil, fmt.Errorf("%w: %s has %d bytes, want %d", ErrMalformed, name, len(data), size)
	}
	return data, nil
}

// String is the sealed value as it is stored.
func (f format1) String() string {
	ciphertext, tag := f.box[:len(f.box)-tagSize], f.box[len(f.box)-tagSize:]
	return strings.Join([]string{
		strictBase64.EncodeToString(f.salt[:]),
		strictBase64.EncodeToString(f.iv[:]),
		strictBase64.EncodeToString(tag),
		strictBase64.EncodeToString(ciphertext),
	}, ":")
}

// open decrypts in place: it uses f up. Error: ErrAuthentication.
func (f format1) open(key *[keySize]byte) (string, error) {
	aead, err := newGCM(key)
	if err != nil {
		return "", err
	}
	plaintext, err := aead.Open(f.box[:0], f.iv[:], f.box, nil)
	if err != nil {
		return "", ErrAuthentication
	}
	defer clear(plaintext)
	return string(plaintext), nil
}

// sealFormat1 seals plaintext under the key derived from salt, with a random iv.
func sealFormat1(plaintext string, salt [saltSize]byte, key *[keySize]byte) (string, error) {
	aead, err := newGCM(key)
	if err != nil {
		return "", err
	}
	sealed := format1{salt: salt, box: make([]byte, len(plaintext), len(plaintext)+tagSize)}
	rand.Read(sealed.iv[:]) // never fails
	copy(sealed.box, plaintext)
	sealed.box = aead.Seal(sealed.box[:0], sealed.iv[:], sealed.box, nil)
	return sealed.String(), nil
}

// newGCM is AES-256-GCM with the 16-byte iv of format 1, the one thing here that
// GODEBUG=fips140=only refuses.
func newGCM(key *[keySize]byte) (aead cipher.AEAD, err error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("crypto: %w", err)
	}
	fips140.WithoutEnforcement(func() {
		aead, err = cipher.NewGCMWithNonceSize(block, ivSize)
	})
	if err != nil {
		return nil, fmt.Errorf("crypto: %w", err)
	}
	return aead, nil
}

func newSalt() (salt [saltSize]byte) {
	rand.Read(salt[:]) // never fails
	return salt
}

// deriveKey writes the AES key for salt to key: 15 to 25 ms of CPU.
func deriveKey(key *[keySize]byte, encryptionKey string, salt [saltSize]byte) error {
	derived, err := pbkdf2.Key(sha256.New, encryptionKey, salt[:], iterations, keySize)
	if err != nil {
		return fmt.Errorf("crypto: %w", err)
	}
	copy(key[:], derived)
	clear(derived)
	return nil
}
