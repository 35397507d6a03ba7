package crypto_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/crypto"
)

// 31 bytes each, so that the ciphertext part ends in == and has bits to spare.
const (
	damagedPlaintext = "victim plaintext, 31 bytes long"
	otherPlaintext   = "second plaintext, 31 bytes long"
)

// flip changes one bit of the first byte of a base64 part.
func flip(part string) string {
	data, err := base64.StdEncoding.DecodeString(part)
	if err != nil {
		panic(err)
	}
	data[0] ^= 1
	return base64.StdEncoding.EncodeToString(data)
}

func TestDamagedValues(t *testing.T) {
	sealer := newSealer(t, testKey, &crypto.SealerOptions{ReuseSalt: true})
	value, err := sealer.Seal(damagedPlaintext)
	require.NoError(t, err)
	otherValue, err := sealer.Seal(otherPlaintext)
	require.NoError(t, err)
	p, other := strings.Split(value, ":"), strings.Split(otherValue, ":")
	salt, iv, tag, ciphertext := p[0], p[1], p[2], p[3]
	join := func(parts ...string) string { return strings.Join(parts, ":") }
	b64 := func(size int) string { return base64.StdEncoding.EncodeToString(make([]byte, size)) }

	malformed := map[string]string{
		"nothing":                           "",
		"three colons":                      ":::",
		"plaintext":                         "sk-ant-made-up",
		"only a salt":                       salt,
		"without salt":                      join(iv, tag, ciphertext),
		"without iv":                        join(salt, tag, ciphertext),
		"without tag":                       join(salt, iv, ciphertext),
		"without ciphertext":                join(salt, iv, tag),
		"empty salt":                        join("", iv, tag, ciphertext),
		"empty iv":                          join(salt, "", tag, ciphertext),
		"empty tag":                         join(salt, iv, "", ciphertext),
		"fifth part":                        join(salt, iv, tag, ciphertext, ciphertext),
		"colon in front":                    ":" + value,
		"colon behind":                      value + ":",
		"colon doubled":                     strings.Replace(value, ":", "::", 1),
		"twice":                             value + value,
		"salt of 31 bytes":                  join(b64(31), iv, tag, ciphertext),
		"salt of 33 bytes":                  join(b64(33), iv, tag, ciphertext),
		"iv of 12 bytes":                    join(salt, b64(12), tag, ciphertext),
		"iv of 17 bytes":                    join(salt, b64(17), tag, ciphertext),
		"tag of 4 bytes":                    join(salt, iv, b64(4), ciphertext),
		"tag of 12 bytes":                   join(salt, iv, b64(12), ciphertext),
		"tag of 15 bytes":                   join(salt, iv, b64(15), ciphertext),
		"tag of 17 bytes":                   join(salt, iv, b64(17), ciphertext),
		"salt cut":                          join(salt[:43], iv, tag, ciphertext),
		"iv cut":                            join(salt, iv[:23], tag, ciphertext),
		"tag cut":                           join(salt, iv, tag[:23], ciphertext),
		"ciphertext cut inside four":        join(salt, iv, tag, ciphertext[:42]),
		"salt and iv swapped":               join(iv, salt, tag, ciphertext),
		"tag and ciphertext swapped":        join(salt, iv, ciphertext, tag),
		"backwards":                         join(ciphertext, tag, iv, salt),
		"semicolons":                        strings.ReplaceAll(value, ":", ";"),
		"dots":                              strings.ReplaceAll(value, ":", "."),
		"wide colons":                       strings.ReplaceAll(value, ":", "："),
		"blank in front":                    " " + value,
		"blank behind":                      value + " ",
		"blanks round the colons":           strings.ReplaceAll(value, ":", " : "),
		"tab behind":                        value + "\t",
		"newline in front":                  "\n" + value,
		"newline behind":                    value + "\n",
		"CR LF behind":                      value + "\r\n",
		"newline behind each part":          strings.ReplaceAll(value, ":", "\n:"),
		"newline inside the salt":           join(salt[:20]+"\n"+salt[20:], iv, tag, ciphertext),
		"newline instead of padding":        join(salt, iv, tag, strings.TrimRight(ciphertext, "=")+"\n"),
		"carriage return inside ciphertext": join(salt, iv, tag, ciphertext[:4]+"\r"+ciphertext[4:]),
		"ciphertext of newlines only":       join(salt, iv, tag, "\n\n\n\n"),
		"NUL behind":                        value + "\x00",
		"NUL inside":                        join(salt, iv, tag, ciphertext[:4]+"\x00"+ciphertext[5:]),
		"byte order mark in front":          "\ufeff" + value,
		"not UTF-8":                         join(salt, iv, tag, "\xff\xfe\xfd\xfc"),
		"quoted":                            `"` + value + `"`,
		"no padding":                        strings.ReplaceAll(value, "=", ""),
		"one = too many":                    value + "=",
		"= in the middle":                   join(salt, iv, tag, "AA==AAAA"),
		"text after the padding":            join(salt, iv, tag, ciphertext+"AAAA"),
		"stray bits after the salt":         join(b64(32)[:42]+"B=", iv, tag, ciphertext),
		"stray bits after the ciphertext":   join(salt, iv, tag, "AB=="),
		"URL-safe alphabet":                 join(salt, iv, tag, "-_-_"),
		"hexadecimal":                       join(strings.Repeat("0f", 32), strings.Repeat("0f", 16), strings.Repeat("0f", 16), "0f"),
		"a million colons":                  strings.Repeat(":", 1_000_000),
		"16 MB of letters":                  strings.Repeat("A", 16<<20),
		"salt of 1 MB":                      join(b64(1<<20), iv, tag, ciphertext),
		"ciphertext over the limit":         join(salt, iv, tag, b64(crypto.MaxPlaintext+3)),
	}
	forged := map[string]string{
		"salt flipped":              join(flip(salt), iv, tag, ciphertext),
		"iv flipped":                join(salt, flip(iv), tag, ciphertext),
		"tag flipped":               join(salt, iv, flip(tag), ciphertext),
		"ciphertext flipped":        join(salt, iv, tag, flip(ciphertext)),
		"empty ciphertext":          join(salt, iv, tag, ""),
		"ciphertext cut":            join(salt, iv, tag, ciphertext[:40]),
		"ciphertext longer":         join(salt, iv, tag, "AAAA"+ciphertext),
		"iv and tag swapped":        join(salt, tag, iv, ciphertext),
		"iv of another value":       join(salt, other[1], tag, ciphertext),
		"tag of another value":      join(salt, iv, other[2], ciphertext),
		"text of another value":     join(salt, iv, tag, other[3]),
		"all zero bytes":            join(salt, b64(16), b64(16), b64(31)),
		"ciphertext at its largest": join(salt, iv, tag, b64(crypto.MaxPlaintext)),
	}
	check := func(name, damaged string, want error) {
		t.Run(name, func(t *testing.T) {
			plaintext, err := sealer.Open(damaged)
			require.Empty(t, plaintext)
			require.ErrorIs(t, err, want)
			requireOneSentinel(t, err)
			require.Less(t, len(err.Error()), 100)
			requireTellsNothing(t, err, testKey, damagedPlaintext, value)
		})
	}
	for name, damaged := range malformed {
		check(name, damaged, crypto.ErrMalformed)
	}
	for name, damaged := range forged {
		check(name, damaged, crypto.ErrAuthentication)
	}

	plaintext, err := sealer.Open(value)
	require.NoError(t, err)
	require.Equal(t, damagedPlaintext, plaintext)
	require.EqualValues(t, 2, sealer.Derivations(), "one for the Sealer's salt, one for the flipped salt")
}

// No prefix opens, and no text with one character changed, dropped or added.
// The salt is left alone here: each other salt would cost a derivation.
func TestEveryCharacterCounts(t *testing.T) {
	sealer := newSealer(t, testKey, &crypto.SealerOptions{ReuseSalt: true})
	value, err := sealer.Seal(damagedPlaintext)
	require.NoError(t, err)

	refused := func(damaged string) {
		plaintext, err := sealer.Open(damaged)
		require.Empty(t, plaintext)
		requireOneSentinel(t, err)
	}
	for i := range value {
		refused(value[:i])
	}
	for i := strings.Index(value, ":"); i < len(value); i++ {
		for _, c := range "A/=:\n" {
			if string(c) != value[i:i+1] {
				refused(value[:i] + string(c) + value[i+1:])
			}
			if i > 44 {
				refused(value[:i] + string(c) + value[i:])
			}
		}
		refused(value[:i] + value[i+1:])
	}
	require.EqualValues(t, 1, sealer.Derivations())
}
