package credstoretest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var clientKeyTests = []test{
	{name: "Validate", run: testValidate},
	{name: "ValidateUnicode", run: testValidateUnicode},
	{name: "TrainsDifferingInCase", run: testTrainsDifferingInCase},
	{name: "Hashes", run: testHashes},
	{name: "NoAnswerIsNoAccess", run: testNoAnswerIsNoAccess},
	{name: "RevokedAtOnce", run: testRevokedAtOnce, requires: needs(admin)},
	{name: "DeactivatedTrain", run: testDeactivatedTrainKeys, requires: needs(admin)},
}

func testValidate(t *testing.T, f *Fixture) {
	f.addTrain(t, train("one"))
	f.addTrain(t, train("two"))
	ctx := t.Context()
	require.NoError(t, f.Store.ValidateClientKey(ctx, "one", clientKey("one")))
	padded := secret("\ufeff\t " + clientKey("one").Reveal() + "\u00a0\n")
	require.NoError(t, f.Store.ValidateClientKey(ctx, "one", padded), "trimmed when presented")

	hash := credstore.HashClientKey(clientKey("one"))
	for name, refused := range map[string]struct {
		train string
		key   credstore.Secret
	}{
		"another train's key":    {"one", clientKey("two")},
		"key in another case":    {"one", secret("SK-ANT-CLIENT-ONE")},
		"part of the key":        {"one", secret(clientKey("one").Reveal()[:10])},
		"the hash":               {"one", secret(hash)},
		"no key":                 {"one", credstore.Secret{}},
		"unknown train":          {"three", clientKey("one")},
		"no train":               {"", clientKey("one")},
		"a path":                 {"../one", clientKey("one")},
		"train id out of bounds": {"one\x00", clientKey("one")},
	} {
		require.ErrorIs(t, f.Store.ValidateClientKey(ctx, refused.train, refused.key), credstore.ErrUnauthorized, name)
	}
}

func testValidateUnicode(t *testing.T, f *Fixture) {
	key := secret("ключ-鍵-🔑")
	f.addTrain(t, credstore.NewTrain{ID: "unicode", ClientKeys: []credstore.Secret{key}})
	require.NoError(t, f.Store.ValidateClientKey(t.Context(), "unicode", key))
	require.ErrorIs(t, f.Store.ValidateClientKey(t.Context(), "unicode", secret("ключ-鍵-🗝")), credstore.ErrUnauthorized)
}

func testTrainsDifferingInCase(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	f.addTrain(t, train("MAIN"))
	require.NoError(t, f.Store.ValidateClientKey(t.Context(), "MAIN", clientKey("MAIN")))
	require.ErrorIs(t, f.Store.ValidateClientKey(t.Context(), "main", clientKey("MAIN")), credstore.ErrUnauthorized)
	require.ErrorIs(t, f.Store.ValidateClientKey(t.Context(), "Main", clientKey("main")), credstore.ErrUnauthorized)
}

func testHashes(t *testing.T, f *Fixture) {
	keys := []credstore.Secret{secret("second"), secret(" first\n"), secret("second"), secret("third")}
	f.addTrain(t, credstore.NewTrain{ID: "main", ClientKeys: keys})
	f.addTrain(t, credstore.NewTrain{ID: "keyless"})
	hashes, err := f.Store.ClientKeyHashes(t.Context(), "main")
	require.NoError(t, err)
	want := []string{credstore.HashClientKey(secret("second")), credstore.HashClientKey(secret("first")), credstore.HashClientKey(secret("third"))}
	require.Equal(t, want, hashes, "trimmed, each once, in order")

	hashes, err = f.Store.ClientKeyHashes(t.Context(), "keyless")
	require.NoError(t, err)
	require.Empty(t, hashes)
	_, err = f.Store.ClientKeyHashes(t.Context(), "unknown")
	require.ErrorIs(t, err, credstore.ErrNotFound)
	_, err = f.Store.ClientKeyHashes(t.Context(), "a/b")
	require.ErrorIs(t, err, credstore.ErrInvalidID)
}

// A store that cannot answer says so: it is no refusal, and no permission.
func testNoAnswerIsNoAccess(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	f.addAccounts(t, apiKeyAccount("a"))
	f.Break(t)
	err := f.Store.ValidateClientKey(t.Context(), "main", clientKey("main"))
	require.ErrorIs(t, err, credstore.ErrUnavailable)
	require.NotErrorIs(t, err, credstore.ErrUnauthorized)
	_, err = f.Store.GetRoute(t.Context(), "main")
	require.ErrorIs(t, err, credstore.ErrUnavailable)
	accounts, err := f.Store.ActiveAccounts(t.Context())
	require.ErrorIs(t, err, credstore.ErrUnavailable)
	require.Empty(t, accounts)
	_, err = f.Store.GetCredential(t.Context(), "acc_a")
	require.ErrorIs(t, err, credstore.ErrUnavailable)
	require.ErrorIs(t, f.Store.Ping(t.Context()), credstore.ErrUnavailable)
}

func testRevokedAtOnce(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	require.NoError(t, f.Store.ValidateClientKey(t.Context(), "main", clientKey("main")))
	require.NoError(t, f.Admin.RevokeClientKey(t.Context(), "main", credstore.HashClientKey(clientKey("main"))))
	require.ErrorIs(t, f.Store.ValidateClientKey(t.Context(), "main", clientKey("main")), credstore.ErrUnauthorized)

	_, err := f.Admin.AddClientKeys(t.Context(), "main", secret("another"))
	require.NoError(t, err)
	require.NoError(t, f.Store.ValidateClientKey(t.Context(), "main", secret("another")))
}

func testDeactivatedTrainKeys(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	require.NoError(t, f.Admin.DeactivateTrain(t.Context(), "main"))
	require.ErrorIs(t, f.Store.ValidateClientKey(t.Context(), "main", clientKey("main")), credstore.ErrUnauthorized)
	_, err := f.Store.ClientKeyHashes(t.Context(), "main")
	require.ErrorIs(t, err, credstore.ErrInactive)

	require.NoError(t, f.Admin.ReactivateTrain(t.Context(), "main"))
	require.NoError(t, f.Store.ValidateClientKey(t.Context(), "main", clientKey("main")))
}
