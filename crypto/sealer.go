package crypto

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// DefaultCacheSize is how many derived keys a [Sealer] keeps when
// [SealerOptions] does not say: enough for 10,000 accounts of three values each.
// Full, the cache takes about 8 MB.
const DefaultCacheSize = 32_768

// SealerOptions are the choices of [NewSealer]; nil and the zero value are good.
type SealerOptions struct {
	// CacheSize is how many derived keys are kept, one for each sealed value
	// that was opened or sealed lately. Zero means [DefaultCacheSize]. A store
	// with more values than this derives again for those used least.
	CacheSize int

	// ReuseSalt gives everything sealed by this Sealer one salt, whose key
	// NewSealer derives, so that sealing costs microseconds. It is for
	// records that are written often and live for hours, such as a journal.
	// Values stored for long get a salt each: leave it false. Every value still
	// has a random iv; NIST SP 800-38D, section 8.3, allows 2^32 of them under
	// one key, so replace the Sealer before it has sealed that many.
	ReuseSalt bool
}

// A Sealer seals and opens values under one encryption key. It is made for a
// store to hold as long as it lives, and is safe for concurrent use.
//
// It keeps derived keys by salt, a bounded number, least recently used out
// first. However many goroutines ask for one value at once, its key is derived
// once. A key is kept only after it opened or sealed something, so wrong
// values cannot push good keys out; a wrong value costs a derivation each time.
// Derived keys are zeroed when they leave the cache.
type Sealer struct {
	// derive holds the encryption key, out of sight of whatever prints a Sealer.
	derive      func(key *[keySize]byte, salt [saltSize]byte) error
	derivations atomic.Uint64
	keys        *keyCache
	own         *cachedKey // with ReuseSalt: in use, hence not wiped, until Close
	closing     sync.Once
}

// NewSealer makes a Sealer for the encryption key; opts may be nil. Errors:
// [ErrShortKey], and one for a negative CacheSize.
func NewSealer(key string, opts *SealerOptions) (*Sealer, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	if opts == nil {
		opts = &SealerOptions{}
	}
	size := opts.CacheSize
	switch {
	case size < 0:
		return nil, fmt.Errorf("crypto: CacheSize is %d, want 0 or more", size)
	case size == 0:
		size = DefaultCacheSize
	}
	s := &Sealer{
		derive: func(derived *[keySize]byte, salt [saltSize]byte) error {
			return deriveKey(derived, key, salt)
		},
		keys: newKeyCache(size),
	}
	if opts.ReuseSalt {
		own, err := s.acquire(newSalt())
		if err != nil {
			return nil, err
		}
		s.own = own
	}
	return s, nil
}

// Seal seals plaintext with a salt of its own, at the cost of one derivation;
// opening the result then costs none. With ReuseSalt it costs none either.
// Errors: [ErrTooLarge], [ErrClosed].
func (s *Sealer) Seal(plaintext string) (sealed string, err error) {
	if len(plaintext) > MaxPlaintext {
		return "", ErrTooLarge
	}
	salt := newSalt()
	if s.own != nil {
		salt = s.own.salt
	}
	key, err := s.acquire(salt)
	if err != nil {
		return "", err
	}
	defer func() { s.keys.release(key, err == nil) }()
	return sealFormat1(plaintext, salt, &key.key)
}

// Open opens a value that was sealed under the same encryption key, by this
// Sealer or another, by [Encrypt] or by the TypeScript system. The first time
// costs one derivation, later ones none while the derived key is kept. Errors:
// [ErrMalformed], [ErrAuthentication], [ErrClosed].
func (s *Sealer) Open(value string) (plaintext string, err error) {
	sealed, err := parseFormat1(value)
	if err != nil {
		return "", err
	}
	key, err := s.acquire(sealed.salt)
	if err != nil {
		return "", err
	}
	defer func() { s.keys.release(key, err == nil) }()
	return sealed.open(&key.key)
}

// Derivations is how many keys were derived since [NewSealer]. A walk over a
// listing leaves it as it was; growth in a settled process means that the cache
// is too small, or that there are values which do not open.
func (s *Sealer) Derivations() uint64 { return s.derivations.Load() }

// Close zeroes all derived keys; one that a Seal or Open is using, when that is
// done. Afterwards Seal and Open return [ErrClosed]. Closing again does nothing.
func (s *Sealer) Close() {
	s.closing.Do(func() {
		s.keys.close()
		if s.own != nil {
			s.keys.release(s.own, false)
		}
	})
}

// acquire takes the derived key for salt out of the cache, or derives it; the
// caller releases it.
func (s *Sealer) acquire(salt [saltSize]byte) (*cachedKey, error) {
	key, err := s.keys.acquire(salt)
	if err != nil {
		return nil, err
	}
	key.once.Do(func() {
		s.derivations.Add(1)
		key.err = s.derive(&key.key, salt)
	})
	if key.err != nil {
		s.keys.release(key, false)
		return nil, key.err
	}
	return key, nil
}
