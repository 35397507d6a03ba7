// Package crypto seals the secrets that Signalbox stores (API keys, OAuth
// tokens) and hashes the client keys that it only has to recognise.
//
// # Which function
//
// A store, or anything else that handles more than a few values, makes one
// [Sealer] with [NewSealer] and uses [Sealer.Seal] and [Sealer.Open]: it keeps
// derived keys, so that opening a value again takes microseconds. [Encrypt] and
// [Decrypt] do the same work for a single value and pay for one derivation (15
// to 25 ms of CPU) each time. [CheckKey] is for configuration. [HashAPIKey] and
// [VerifyAPIKeyHash] are for client keys.
//
// # Format 1
//
// A sealed value is one line of text: four parts in base64 (RFC 4648, section 4,
// padded) joined by colons.
//
//	salt (32 bytes)      : iv (16 bytes)     : tag (16 bytes)    : ciphertext
//	44 characters        : 24 characters     : 24 characters     : 4 for each 3 bytes
//	H3tg…IdIls=          : DvKr…5h6Q==       : TgFl…jrAA==       : L4Z0LMPb
//
//	derived key = PBKDF2-HMAC-SHA256(encryption key, salt, 100,000 iterations, 32 bytes)
//	ciphertext, tag = AES-256-GCM(derived key, iv, plaintext, no associated data)
//
// Salt and iv are random for every value (with [SealerOptions], values may share
// a salt). The ciphertext is as long as the plaintext, and empty for an empty
// one. The encryption key is used as the bytes it has: not trimmed, not
// normalised, not decoded. It must have at least 32 characters, counted as
// UTF-16 code units as the TypeScript system does (an emoji counts as two; a
// byte that is not UTF-8 counts as one).
//
// # What is refused
//
// Reading is strict. A value that is not exactly what [Encrypt] would write is
// [ErrMalformed]: other than four parts, a salt, iv or tag of another length (a
// short tag is a forgery made cheap), and every lenient form of base64, which
// the TypeScript system never writes although it would read it: the URL-safe
// alphabet, missing padding, bits or text after the end, white space, line
// breaks. So each sealed value has one spelling only, and a column can be
// compared byte by byte.
//
// A plaintext is at most [MaxPlaintext] bytes (1 MiB), and longer values are
// refused before they are decoded: secrets are a few hundred bytes, and a damaged
// or hostile row must not decide how much memory is taken.
//
// A well-formed value that does not open is [ErrAuthentication]. Whether the key
// is the wrong one or the value was altered cannot be told apart. No error
// carries a key, a plaintext or a sealed value.
//
// # Choosing a key
//
// 100,000 iterations are part of the format: another number would be another
// format, unreadable to what reads this one. OWASP's Password Storage Cheat
// Sheet recommends 600,000 for PBKDF2-HMAC-SHA256 today
// (https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html).
// That number protects passwords that people make up. Do not use such a key
// here: take random bytes, as from
//
//	openssl rand -base64 32
//
// With 256 random bits there is nothing to guess, and the iterations do not
// matter. A sentence of 32 letters passes [CheckKey] and is a poor key.
//
// # Compatibility
//
// Every value in format 1, whether written by this package or by the TypeScript
// system, stays readable in every release of this module. What this package
// writes, the TypeScript system reads, provided that the plaintext is valid
// UTF-8. A later format begins with its name and a colon ("v2:"), as no value in
// format 1 can: its first part is 44 characters long.
//
// Under GODEBUG=fips140=only the standard library refuses GCM with a 16-byte iv.
// Format 1 has no other, so exactly that step is done in
// [crypto/fips140.WithoutEnforcement]; all the rest stays enforced.
//
// # What it does not do
//
// Format 1 has no associated data: it does not notice that a sealed value was
// moved to another row or column. It has no key id: a change of the encryption
// key means sealing every value again. It does not hide the length of the
// plaintext. It does not choose, store or fetch the encryption key. Wiping is
// best effort: derived keys are zeroed, but the encryption key and plaintexts
// are Go strings, and the expanded AES key belongs to the standard library;
// these go when the garbage collector takes them.
package crypto
