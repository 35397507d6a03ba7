package crypto_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/crypto"
)

// TestUnderFIPS140Only runs itself again in a process with strict enforcement,
// and there seals, opens and reads a golden value.
func TestUnderFIPS140Only(t *testing.T) {
	if !fips140.Enforced() {
		self, err := os.Executable()
		require.NoError(t, err)
		child := exec.CommandContext(t.Context(), self, "-test.run=^TestUnderFIPS140Only$", "-test.v")
		child.Env = append(os.Environ(), "GODEBUG=fips140=only")
		output, err := child.CombinedOutput()
		require.NoError(t, err, "%s", output)
		require.Contains(t, string(output), "--- PASS: TestUnderFIPS140Only/enforced")
		return
	}
	t.Run("enforced", func(t *testing.T) {
		requireEnforced(t)
		valid, _, _ := readEncryptionVectors(t)
		plaintext, err := crypto.Decrypt(valid[0].Ciphertext, valid[0].Key)
		require.NoError(t, err)
		require.Equal(t, valid[0].Plaintext, plaintext)

		sealer := newSealer(t, testKey, nil)
		value, err := sealer.Seal("plaintext")
		require.NoError(t, err)
		plaintext, err = sealer.Open(value)
		require.NoError(t, err)
		require.Equal(t, "plaintext", plaintext)
		requireEnforced(t)
	})
}

// requireEnforced checks that what this package asks leave for is refused to others.
func requireEnforced(t *testing.T) {
	t.Helper()
	require.True(t, fips140.Enforced())
	block, err := aes.NewCipher(make([]byte, 32))
	require.NoError(t, err)
	_, err = cipher.NewGCMWithNonceSize(block, 16)
	require.Error(t, err)
}
