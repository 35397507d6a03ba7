package crypto

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/vectors"
)

// FuzzParse: parsing never panics, refuses with ErrMalformed only, and what it
// accepts is written again character by character.
func FuzzParse(f *testing.F) {
	var groups map[string][]struct{ Ciphertext string }
	require.NoError(f, json.Unmarshal(vectors.Read(f, "encryption.json"), &groups))
	seeds := 0
	for _, group := range groups {
		for _, v := range group {
			f.Add(v.Ciphertext)
			f.Add(v.Ciphertext + "\n")
			f.Add(strings.TrimRight(v.Ciphertext, "="))
			seeds++
		}
	}
	require.NotZero(f, seeds, "no vectors to start from")

	f.Fuzz(func(t *testing.T, value string) {
		sealed, err := parseFormat1(value)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.Equal(t, value, sealed.String())
	})
}

// FuzzOpenSeal: what was sealed opens as it was, under this key only, and not
// once a bit of it has changed.
func FuzzOpenSeal(f *testing.F) {
	newSealer := func(key string) *Sealer {
		sealer, err := NewSealer(key, &SealerOptions{ReuseSalt: true})
		require.NoError(f, err)
		f.Cleanup(sealer.Close)
		return sealer
	}
	sealer := newSealer("an encryption key that only tests use, 48 chars.")

	f.Add("", uint(0))
	f.Add("sk-ant-api03-made-up", uint(200))
	f.Add("\x00\xff\n:é鍵🔑", uint(300))
	f.Add(strings.Repeat("0123456789abcdef", 640), uint(1<<20))

	f.Fuzz(func(t *testing.T, plaintext string, bit uint) {
		value, err := sealer.Seal(plaintext)
		if len(plaintext) > MaxPlaintext {
			require.ErrorIs(t, err, ErrTooLarge)
			return
		}
		require.NoError(t, err)
		opened, err := sealer.Open(value)
		require.NoError(t, err)
		require.Equal(t, plaintext, opened)

		sealed, err := parseFormat1(value)
		require.NoError(t, err)
		bit %= 8 * uint(len(sealed.box))
		sealed.box[bit/8] ^= 1 << (bit % 8)
		_, err = sealer.Open(sealed.String())
		require.ErrorIs(t, err, ErrAuthentication)
	})
}
