package credstore_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

const canary = "sk-ant-CANARY-credstore01"

func TestSecretNeverShows(t *testing.T) {
	secret := credstore.NewSecret(canary)
	holder := struct {
		Public  credstore.Secret
		private credstore.Secret
		Tokens  credstore.Tokens
	}{secret, secret, credstore.Tokens{Access: secret}}
	_ = holder.private

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%t"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+" ", secret, holder, &holder)
		fmt.Fprintf(&out, verb+" ", []any{secret, map[string]credstore.Secret{"k": secret}})
	}
	logger := slog.New(slog.NewJSONHandler(&out, nil))
	logger.Info("m", "secret", secret, "holder", holder, "credential", &credstore.Credential{APIKey: secret})
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "secret", secret, "holder", holder)
	data, err := json.Marshal(holder)
	require.NoError(t, err)
	out.Write(data)
	data, err = xml.Marshal(holder.Public)
	require.NoError(t, err)
	out.Write(data)
	require.NoError(t, gob.NewEncoder(&out).Encode(secret))
	_, err = secret.Value()
	require.Error(t, err)

	if strings.Contains(out.String(), canary) || strings.Contains(out.String(), fmt.Sprintf("%x", canary)) {
		t.Fatal("a secret was printed")
	}
	require.Contains(t, out.String(), "[redacted]")
	require.Equal(t, canary, secret.Reveal())
}

func TestSecretEqual(t *testing.T) {
	require.True(t, credstore.NewSecret("a").Equal(credstore.NewSecret("a")))
	require.False(t, credstore.NewSecret("a").Equal(credstore.NewSecret("b")))
	require.False(t, credstore.NewSecret("a").Equal(credstore.Secret{}))
	require.True(t, credstore.Secret{}.IsZero())
	require.True(t, credstore.NewSecret("").IsZero())
}

func TestCheckID(t *testing.T) {
	for _, id := range []string{"a", "acc_1", "msl:team.alpha_train-7", "..", strings.Repeat("x", 255)} {
		require.NoError(t, credstore.CheckID("train id", id), id)
	}
	for _, id := range []string{"", " a", "a b", "a/b", "../x", "é", "a\x00", "a\n", "a%2f", strings.Repeat("x", 256)} {
		err := credstore.CheckID("train id", id)
		require.ErrorIs(t, err, credstore.ErrInvalidID, "%q", id)
		require.ErrorIs(t, err, credstore.ErrInvalid)
		require.ErrorContains(t, err, "train id")
	}
}

func TestMatchClientKey(t *testing.T) {
	key := credstore.NewSecret("cnp_live_1")
	hashes := []string{credstore.HashClientKey(credstore.NewSecret("cnp_live_0")), credstore.HashClientKey(key)}
	require.True(t, credstore.MatchClientKey(hashes, key))
	require.False(t, credstore.MatchClientKey(hashes, credstore.NewSecret("cnp_live_2")))
	require.False(t, credstore.MatchClientKey(hashes, credstore.Secret{}))
	require.False(t, credstore.MatchClientKey(nil, key))
	require.False(t, credstore.MatchClientKey([]string{"", "cnp_live_1", strings.ToUpper(hashes[1])}, key),
		"neither plaintext nor upper-case hex counts as a hash")
	twice := []string{hashes[1], hashes[1]}
	require.True(t, credstore.MatchClientKey(twice, key))
}

func TestTrimSpace(t *testing.T) {
	require.Equal(t, "a b", credstore.TrimSpace("\ufeff\u00a0\t a b\u3000\n\u2028"))
	require.Equal(t, "\u0085a\u200b", credstore.TrimSpace("\u0085a\u200b"))
	require.Equal(t, "k", credstore.TrimClientKey(credstore.NewSecret(" k\n")).Reveal())
}

func TestNewAccountCheck(t *testing.T) {
	secret := credstore.NewSecret("s")
	good := credstore.NewAccount{Name: "a", Type: credstore.APIKey, APIKey: secret}
	require.NoError(t, good.Check())
	for name, bad := range map[string]credstore.NewAccount{
		"no name":          {Type: credstore.APIKey, APIKey: secret},
		"bad id":           {ID: "a/b", Name: "a", Type: credstore.APIKey, APIKey: secret},
		"no type":          {Name: "a", APIKey: secret},
		"no key":           {Name: "a", Type: credstore.APIKey},
		"no refresh token": {Name: "a", Type: credstore.OAuth, Tokens: credstore.Tokens{Access: secret}},
		"no access token":  {Name: "a", Type: credstore.OAuth, Tokens: credstore.Tokens{Refresh: secret}},
	} {
		require.ErrorIs(t, bad.Check(), credstore.ErrInvalid, name)
	}
}

func TestActor(t *testing.T) {
	require.Equal(t, credstore.ActorUnknown, credstore.ActorFrom(context.Background()).Kind)
	actor := credstore.Actor{Kind: credstore.ActorOperator, Name: "op", Session: "s1", Address: "127.0.0.1"}
	require.Equal(t, actor, credstore.ActorFrom(credstore.WithActor(context.Background(), actor)))
}

func TestPageSize(t *testing.T) {
	for limit, want := range map[int]int{0: 100, -1: 100, 7: 7, 1000: 1000, 1001: 1000} {
		require.Equal(t, want, credstore.PageRequest{Limit: limit}.Size())
	}
}
