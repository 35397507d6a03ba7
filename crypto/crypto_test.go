package crypto_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/crypto"
)

const (
	testKey      = "an encryption key that only tests use, 48 chars."
	otherTestKey = "another encryption key that only tests use, too."
)

func newSealer(t testing.TB, key string, opts *crypto.SealerOptions) *crypto.Sealer {
	t.Helper()
	sealer, err := crypto.NewSealer(key, opts)
	require.NoError(t, err)
	t.Cleanup(sealer.Close)
	return sealer
}

// requireOneSentinel checks that err is one, and only one, of those for reading.
func requireOneSentinel(t *testing.T, err error) {
	t.Helper()
	matches := 0
	for _, sentinel := range []error{crypto.ErrShortKey, crypto.ErrMalformed, crypto.ErrAuthentication} {
		if errors.Is(err, sentinel) {
			matches++
		}
	}
	require.Equal(t, 1, matches, "%v", err)
}

// requireTellsNothing checks that err repeats no secret, nor any part of one
// that is long enough to be told from ordinary words.
func requireTellsNothing(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		for part := range strings.SplitSeq(secret, ":") {
			if len(part) >= 4 {
				require.NotContains(t, err.Error(), part)
			}
		}
	}
}

func TestEncryptThenDecrypt(t *testing.T) {
	first, err := crypto.Encrypt("sk-ant-made-up", testKey)
	require.NoError(t, err)
	second, err := crypto.Encrypt("sk-ant-made-up", testKey)
	require.NoError(t, err)

	firstParts, secondParts := strings.Split(first, ":"), strings.Split(second, ":")
	require.Len(t, firstParts, 4)
	for i := range firstParts {
		require.NotEqual(t, firstParts[i], secondParts[i], "salt and iv are fresh, so every part differs")
	}
	plaintext, err := crypto.Decrypt(second, testKey)
	require.NoError(t, err)
	require.Equal(t, "sk-ant-made-up", plaintext)

	_, err = crypto.Decrypt(first, otherTestKey)
	require.ErrorIs(t, err, crypto.ErrAuthentication)
	requireTellsNothing(t, err, first, otherTestKey, "sk-ant-made-up")
}

func TestLargestPlaintext(t *testing.T) {
	largest := strings.Repeat("x", crypto.MaxPlaintext)
	sealer := newSealer(t, testKey, &crypto.SealerOptions{ReuseSalt: true})

	sealed, err := sealer.Seal(largest)
	require.NoError(t, err)
	plaintext, err := sealer.Open(sealed)
	require.NoError(t, err)
	require.True(t, plaintext == largest)

	_, err = sealer.Seal(largest + "x")
	require.ErrorIs(t, err, crypto.ErrTooLarge)
	_, err = crypto.Encrypt(largest+"x", testKey)
	require.ErrorIs(t, err, crypto.ErrTooLarge)
}

func TestKeyLength(t *testing.T) {
	tests := []struct {
		name string
		key  string
		want error
	}{
		{"none", "", crypto.ErrShortKey},
		{"31 letters", strings.Repeat("k", 31), crypto.ErrShortKey},
		{"32 letters", strings.Repeat("k", 32), nil},
		{"32 blanks: not trimmed", strings.Repeat(" ", 32), nil},
		{"31 letters and a newline: not trimmed", strings.Repeat("k", 31) + "\n", nil},
		{"31 accented letters, 62 bytes", strings.Repeat("é", 31), crypto.ErrShortKey},
		{"32 accented letters", strings.Repeat("é", 32), nil},
		{"16 letters with combining accents: not composed", strings.Repeat("e\u0301", 16), nil},
		{"31 CJK characters, 93 bytes", strings.Repeat("鍵", 31), crypto.ErrShortKey},
		{"16 emoji, two units each", strings.Repeat("🔑", 16), nil},
		{"15 emoji and a letter, 61 bytes", strings.Repeat("🔑", 15) + "k", crypto.ErrShortKey},
		{"15 emoji and two letters", strings.Repeat("🔑", 15) + "kk", nil},
		{"31 bytes that are not UTF-8", strings.Repeat("\xff", 31), crypto.ErrShortKey},
		{"32 bytes that are not UTF-8", strings.Repeat("\xff", 32), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.ErrorIs(t, crypto.CheckKey(test.key), test.want)
			if test.want == nil {
				return
			}
			_, err := crypto.Encrypt("plaintext", test.key)
			require.ErrorIs(t, err, test.want)
			_, err = crypto.Decrypt("not sealed", test.key)
			require.ErrorIs(t, err, test.want)
			_, err = crypto.NewSealer(test.key, nil)
			require.ErrorIs(t, err, test.want)
		})
	}
}

func TestVerifyAPIKeyHash(t *testing.T) {
	hash := crypto.HashAPIKey("cnp_live_made_up")
	require.True(t, crypto.VerifyAPIKeyHash("cnp_live_made_up", hash))
	for name, wrong := range map[string]string{
		"none":           "",
		"of another key": crypto.HashAPIKey("cnp_live_other"),
		"upper case":     strings.ToUpper(hash),
		"cut":            hash[:63],
		"longer":         hash + "0",
		"blank in front": " " + hash,
		"newline behind": hash + "\n",
		"not hex":        strings.Repeat("z", 64),
		"the key itself": "cnp_live_made_up",
		"NUL":            hash[:63] + "\x00",
		"last digit":     hash[:63] + string(hash[63]^1),
	} {
		require.False(t, crypto.VerifyAPIKeyHash("cnp_live_made_up", wrong), name)
	}
}
