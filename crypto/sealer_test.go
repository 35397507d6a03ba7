package crypto_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/crypto"
)

func TestSealerOpensWhatItSealedWithoutDeriving(t *testing.T) {
	sealer := newSealer(t, testKey, nil)
	first, err := sealer.Seal("first")
	require.NoError(t, err)
	second, err := sealer.Seal("second")
	require.NoError(t, err)
	require.NotEqual(t, first[:44], second[:44], "a salt each")
	require.EqualValues(t, 2, sealer.Derivations())

	for range 3 {
		plaintext, err := sealer.Open(first)
		require.NoError(t, err)
		require.Equal(t, "first", plaintext)
	}
	require.EqualValues(t, 2, sealer.Derivations())

	plaintext, err := crypto.Decrypt(second, testKey)
	require.NoError(t, err)
	require.Equal(t, "second", plaintext)
}

func TestSealerReuseSalt(t *testing.T) {
	sealer := newSealer(t, testKey, &crypto.SealerOptions{ReuseSalt: true, CacheSize: 1})
	stranger, err := crypto.Encrypt("from elsewhere", testKey)
	require.NoError(t, err)

	var sealed []string
	for i := range 50 {
		value, err := sealer.Seal(fmt.Sprint("record ", i))
		require.NoError(t, err)
		sealed = append(sealed, value)
	}
	ivs := map[string]bool{}
	for i, value := range sealed {
		require.Equal(t, sealed[0][:44], value[:44], "one salt")
		ivs[value[45:69]] = true
		plaintext, err := sealer.Open(value)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("record ", i), plaintext)
	}
	require.Len(t, ivs, len(sealed), "an iv each")
	require.EqualValues(t, 1, sealer.Derivations())

	// A value from elsewhere takes the only place in the cache; the Sealer's own
	// key is held beside it.
	_, err = sealer.Open(stranger)
	require.NoError(t, err)
	_, err = sealer.Open(sealed[0])
	require.NoError(t, err)
	require.EqualValues(t, 2, sealer.Derivations())
}

func TestSealerDerivesOnceForAllWhoAsk(t *testing.T) {
	value, err := crypto.Encrypt("wanted by all", testKey)
	require.NoError(t, err)
	sealer := newSealer(t, testKey, nil)

	start := make(chan struct{})
	errs := make([]error, 100)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			<-start
			plaintext, err := sealer.Open(value)
			if err == nil && plaintext != "wanted by all" {
				err = errors.New("opened as something else")
			}
			errs[i] = err
		})
	}
	close(start)
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.EqualValues(t, 1, sealer.Derivations())
}

func TestWrongValuesPushNoGoodKeyOut(t *testing.T) {
	sealer := newSealer(t, testKey, &crypto.SealerOptions{CacheSize: 1})
	value, err := sealer.Seal("kept")
	require.NoError(t, err)

	for _, letter := range []string{"X", "Y", "Z"} {
		salt := strings.Repeat(letter, 42) + "A=" // 32 bytes
		_, err := sealer.Open(salt + value[44:])
		require.ErrorIs(t, err, crypto.ErrAuthentication)
	}
	require.EqualValues(t, 1+3, sealer.Derivations(), "a wrong value costs a derivation")

	_, err = sealer.Open(value)
	require.NoError(t, err)
	require.EqualValues(t, 1+3, sealer.Derivations(), "the good key is still there")
}

func TestSealerClose(t *testing.T) {
	for name, opts := range map[string]*crypto.SealerOptions{
		"a salt each": nil,
		"one salt":    {ReuseSalt: true},
	} {
		t.Run(name, func(t *testing.T) {
			sealer := newSealer(t, testKey, opts)
			value, err := sealer.Seal("plaintext")
			require.NoError(t, err)
			sealer.Close()
			sealer.Close()

			_, err = sealer.Open(value)
			require.ErrorIs(t, err, crypto.ErrClosed)
			_, err = sealer.Seal("plaintext")
			require.ErrorIs(t, err, crypto.ErrClosed)
			require.EqualValues(t, 1, sealer.Derivations())
		})
	}
}

func TestNewSealerRefusesNegativeCacheSize(t *testing.T) {
	_, err := crypto.NewSealer(testKey, &crypto.SealerOptions{CacheSize: -1})
	require.ErrorContains(t, err, "CacheSize is -1")
}

func TestSealerPrintsNoKey(t *testing.T) {
	sealer := newSealer(t, testKey, &crypto.SealerOptions{ReuseSalt: true})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		text := fmt.Sprintf(verb, sealer)
		require.NotContains(t, text, testKey, verb)
		require.NotContains(t, text, fmt.Sprintf("%x", testKey), verb)
	}
}
