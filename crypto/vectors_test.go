package crypto_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/vectors"
)

type encryptionVector struct {
	Name, Key, Plaintext, Ciphertext string
}

func readEncryptionVectors(t testing.TB) (valid, altered, lenient []encryptionVector) {
	t.Helper()
	var file struct {
		Valid, Altered []encryptionVector
		Lenient        []encryptionVector `json:"lenient_base64"`
	}
	require.NoError(t, json.Unmarshal(vectors.Read(t, "encryption.json"), &file))
	require.NotEmpty(t, file.Valid)
	require.NotEmpty(t, file.Altered)
	require.NotEmpty(t, file.Lenient)
	return file.Valid, file.Altered, file.Lenient
}

// Every vector goes through every way in: Decrypt, a Sealer, and back out again.
func TestVectorsValid(t *testing.T) {
	valid, _, _ := readEncryptionVectors(t)
	for _, v := range valid {
		t.Run(v.Name, func(t *testing.T) {
			plaintext, err := crypto.Decrypt(v.Ciphertext, v.Key)
			require.NoError(t, err)
			require.Equal(t, v.Plaintext, plaintext)

			sealer := newSealer(t, v.Key, &crypto.SealerOptions{ReuseSalt: true})
			plaintext, err = sealer.Open(v.Ciphertext)
			require.NoError(t, err)
			require.Equal(t, v.Plaintext, plaintext)

			sealed, err := sealer.Seal(v.Plaintext)
			require.NoError(t, err)
			require.Len(t, sealed, len(v.Ciphertext))
			plaintext, err = sealer.Open(sealed)
			require.NoError(t, err)
			require.Equal(t, v.Plaintext, plaintext)
		})
	}
}

// What the TypeScript system refuses is refused, and so is what it takes only
// because its runtime is lenient (a tag cut to 4 bytes).
func TestVectorsAltered(t *testing.T) {
	_, altered, _ := readEncryptionVectors(t)
	for _, v := range altered {
		t.Run(v.Name, func(t *testing.T) {
			plaintext, err := crypto.Decrypt(v.Ciphertext, v.Key)
			require.Empty(t, plaintext)
			requireOneSentinel(t, err)
			requireTellsNothing(t, err, v.Key, v.Ciphertext)
		})
	}
}

func TestVectorsLenientBase64(t *testing.T) {
	_, _, lenient := readEncryptionVectors(t)
	for _, v := range lenient {
		t.Run(v.Name, func(t *testing.T) {
			plaintext, err := crypto.Decrypt(v.Ciphertext, v.Key)
			require.Empty(t, plaintext)
			require.ErrorIs(t, err, crypto.ErrMalformed)
			requireTellsNothing(t, err, v.Key, v.Ciphertext)
		})
	}
}

func TestVectorsHash(t *testing.T) {
	var file struct {
		Cases []struct {
			Name, Input string
			SHA256      string `json:"sha256_hex"`
		}
	}
	require.NoError(t, json.Unmarshal(vectors.Read(t, "hash.json"), &file))
	require.NotEmpty(t, file.Cases)
	for _, v := range file.Cases {
		t.Run(v.Name, func(t *testing.T) {
			require.Equal(t, v.SHA256, crypto.HashAPIKey(v.Input))
			require.True(t, crypto.VerifyAPIKeyHash(v.Input, v.SHA256))
			require.False(t, crypto.VerifyAPIKeyHash(v.Input+" ", v.SHA256))
		})
	}
}
