package credstoretest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var credentialTests = []test{
	{name: "APIKey", run: testAPIKeyCredential},
	{name: "OAuth", run: testOAuthCredential},
	{name: "TokensBesideAPIKey", run: testTokensBesideAPIKey},
	{name: "Unicode", run: testUnicodeCredential},
	{name: "DifferingInCase", run: testCredentialsDifferingInCase},
	{name: "Refused", run: testCredentialRefused},
	{name: "Damaged", run: testDamagedCredential},
	{name: "Deactivated", run: testDeactivatedCredential, requires: needs(admin)},
	{name: "Rotated", run: testRotatedCredential, requires: needs(admin)},
}

func testAPIKeyCredential(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"))
	credential := f.stored(t, "acc_a")
	require.Equal(t, "acc_a", credential.AccountID)
	require.Equal(t, "a", credential.AccountName)
	require.Equal(t, credstore.APIKey, credential.Type)
	require.Equal(t, "sk-ant-api03-a", credential.APIKey.Reveal())
	require.False(t, credential.NeedsReauth)
	requireTokens(t, credstore.Tokens{}, credential.Tokens)
}

func testOAuthCredential(t *testing.T, f *Fixture) {
	unknown := oauthAccount("b")
	unknown.Tokens = credstore.Tokens{Access: secret("access"), Refresh: secret("refresh")}
	f.addAccounts(t, oauthAccount("a"), unknown)
	credential := f.stored(t, "acc_a")
	require.Equal(t, credstore.OAuth, credential.Type)
	require.True(t, credential.APIKey.IsZero())
	requireTokens(t, tokens("a"), credential.Tokens)
	requireTokens(t, unknown.Tokens, f.stored(t, "acc_b").Tokens)
}

func testTokensBesideAPIKey(t *testing.T, f *Fixture) {
	account := apiKeyAccount("a")
	account.Tokens = tokens("a")
	f.addAccounts(t, account)
	credential := f.stored(t, "acc_a")
	require.Equal(t, "sk-ant-api03-a", credential.APIKey.Reveal())
	requireTokens(t, credstore.Tokens{}, credential.Tokens)
}

func testUnicodeCredential(t *testing.T, f *Fixture) {
	account := oauthAccount("a")
	account.Tokens.Access, account.Tokens.Refresh = secret("Zugriff 🔑 'quoted' \"twice\" \\"), secret("обновление\n二行")
	account.Tokens.Scopes = []string{"größe", `a,b{c}"d"`, "NULL", ""}
	f.addAccounts(t, account)
	requireTokens(t, account.Tokens, f.stored(t, "acc_a").Tokens)
}

func testCredentialsDifferingInCase(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"), apiKeyAccount("A"))
	require.Equal(t, "sk-ant-api03-A", f.stored(t, "acc_A").APIKey.Reveal())
	require.Equal(t, "sk-ant-api03-a", f.stored(t, "acc_a").APIKey.Reveal())
	_, err := f.Store.GetCredential(t.Context(), "ACC_A")
	require.ErrorIs(t, err, credstore.ErrNotFound)
}

func testCredentialRefused(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"))
	for id, want := range map[string]error{
		"acc_b": credstore.ErrNotFound, "a": credstore.ErrNotFound, "": credstore.ErrInvalidID,
		"../acc_a": credstore.ErrInvalidID, "acc_a\x00": credstore.ErrInvalidID,
	} {
		_, err := f.Store.GetCredential(t.Context(), id)
		require.ErrorIs(t, err, want, "%q", id)
	}
}

func testDamagedCredential(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"), apiKeyAccount("b"))
	f.Damage(t, "acc_a")
	_, err := f.Store.GetCredential(t.Context(), "acc_a")
	require.ErrorIs(t, err, credstore.ErrDamaged)
	require.ErrorContains(t, err, "acc_a")
	require.NotContains(t, err.Error(), "sk-ant-")
	require.Equal(t, "sk-ant-api03-b", f.stored(t, "acc_b").APIKey.Reveal(), "the rest goes on")
}

func testDeactivatedCredential(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"))
	require.Equal(t, "sk-ant-api03-a", f.stored(t, "acc_a").APIKey.Reveal())
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_a", false))
	_, err := f.Store.GetCredential(t.Context(), "acc_a")
	require.ErrorIs(t, err, credstore.ErrInactive)
	require.NoError(t, f.Admin.ReactivateAccount(t.Context(), "acc_a"))
	require.Equal(t, "sk-ant-api03-a", f.stored(t, "acc_a").APIKey.Reveal())
}

func testRotatedCredential(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"))
	require.Equal(t, "sk-ant-api03-a", f.stored(t, "acc_a").APIKey.Reveal())
	name := "renamed"
	_, err := f.Admin.UpdateAccount(t.Context(), "acc_a", credstore.AccountUpdate{APIKey: secret("new"), Name: &name})
	require.NoError(t, err)
	credential := f.stored(t, "acc_a")
	require.Equal(t, "new", credential.APIKey.Reveal(), "visible at once")
	require.Equal(t, "renamed", credential.AccountName)
}
