package crypto_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/crypto"
)

const benchPlaintext = "sk-ant-api03-made-up-0123456789abcdefghijklmnopqrstuvwxyz-0123456789abcdefghijklmnopqrstuvwxyz-made-up-AA"

// BenchmarkDerivation is what one derivation costs by itself; compare the others with it.
func BenchmarkDerivation(b *testing.B) {
	salt := make([]byte, 32)
	for b.Loop() {
		_, err := pbkdf2.Key(sha256.New, testKey, salt, 100_000, 32)
		require.NoError(b, err)
	}
}

func BenchmarkSeal(b *testing.B) {
	benchmarkSeal(b, newSealer(b, testKey, nil))
}

func BenchmarkSealReuseSalt(b *testing.B) {
	benchmarkSeal(b, newSealer(b, testKey, &crypto.SealerOptions{ReuseSalt: true}))
}

func benchmarkSeal(b *testing.B, sealer *crypto.Sealer) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sealer.Seal(benchPlaintext); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenCold opens a value for the first time.
func BenchmarkOpenCold(b *testing.B) {
	value := benchValue(b)
	b.ReportAllocs()
	for b.Loop() {
		sealer := newSealer(b, testKey, nil)
		if _, err := sealer.Open(value); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenWarm opens a value whose derived key is kept.
func BenchmarkOpenWarm(b *testing.B) {
	value := benchValue(b)
	sealer := newSealer(b, testKey, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sealer.Open(value); err != nil {
			b.Fatal(err)
		}
	}
	require.EqualValues(b, 1, sealer.Derivations())
}

func BenchmarkOpenWarmParallel(b *testing.B) {
	value := benchValue(b)
	sealer := newSealer(b, testKey, nil)
	_, err := sealer.Open(value)
	require.NoError(b, err)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := sealer.Open(value); err != nil {
				b.Error(err)
				return
			}
		}
	})
	require.EqualValues(b, 1, sealer.Derivations())
}

func BenchmarkHashAPIKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		crypto.HashAPIKey(benchPlaintext)
	}
}

func BenchmarkVerifyAPIKeyHash(b *testing.B) {
	hash := crypto.HashAPIKey(benchPlaintext)
	b.ReportAllocs()
	for b.Loop() {
		if !crypto.VerifyAPIKeyHash(benchPlaintext, hash) {
			b.Fatal("not verified")
		}
	}
}

func benchValue(b *testing.B) string {
	b.Helper()
	value, err := crypto.Encrypt(benchPlaintext, testKey)
	require.NoError(b, err)
	return value
}
