package credstoretest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

// The samples set every field to a value that is not zero, so that a dropped
// column shows. Their secrets begin with "sk-ant-" and must show nowhere.

func secret(plaintext string) credstore.Secret { return credstore.NewSecret(plaintext) }

// expiry has milliseconds: the precision of a token's expiry.
var expiry = time.Date(2031, 5, 6, 7, 8, 9, 123_000_000, time.UTC)

// apiKeyAccount is an API key account with the id acc_<name>.
func apiKeyAccount(name string) credstore.NewAccount {
	return credstore.NewAccount{
		ID: "acc_" + name, Name: name, Type: credstore.APIKey, APIKey: secret("sk-ant-api03-" + name), IsMax: true,
	}
}

// oauthAccount is an OAuth account with the id acc_<name>.
func oauthAccount(name string) credstore.NewAccount {
	return credstore.NewAccount{
		ID: "acc_" + name, Name: name, Type: credstore.OAuth, Tokens: tokens(name), IsMax: true,
	}
}

// tokens are OAuth tokens that are told from others by their label.
func tokens(label string) credstore.Tokens {
	return credstore.Tokens{
		Access: secret("sk-ant-oat01-" + label), Refresh: secret("sk-ant-ort01-" + label),
		ExpiresAt: expiry, Scopes: []string{"user:inference", "user:profile"},
	}
}

// train is a train with one client key, clientKey(id).
func train(id string) credstore.NewTrain {
	return credstore.NewTrain{
		ID: id, Name: "Train " + id, Description: "What " + id + " is for", ClientKeys: []credstore.Secret{clientKey(id)},
	}
}

func clientKey(trainID string) credstore.Secret { return secret("sk-ant-client-" + trainID) }

// slackConfig is a Slack configuration with every field set.
func slackConfig() *credstore.SlackConfig {
	return &credstore.SlackConfig{
		WebhookURL: secret("https://hooks.slack.com/services/sk-ant-webhook"),
		Channel:    "#gateway", Username: "Signalbox", IconEmoji: ":vertical_traffic_light:", Enabled: true,
	}
}

// requireTokens compares tokens; require.Equal would compare addresses.
func requireTokens(t testing.TB, want, got credstore.Tokens) {
	t.Helper()
	require.Equal(t, want.Access.Reveal(), got.Access.Reveal(), "access token")
	require.Equal(t, want.Refresh.Reveal(), got.Refresh.Reveal(), "refresh token")
	require.Equal(t, want.ExpiresAt, got.ExpiresAt, "expiry")
	require.Equal(t, want.Scopes, got.Scopes, "scopes")
}

// stored is the account's credential as another reader sees it.
func (f *Fixture) stored(t testing.TB, accountID string) *credstore.Credential {
	t.Helper()
	credential, err := f.Store.GetCredential(t.Context(), accountID)
	require.NoError(t, err)
	if !credential.Renewable || !credential.Tokens.Refresh.IsZero() {
		return credential
	}
	lease, err := f.Store.AcquireLease(t.Context(), accountID, "stored", time.Millisecond)
	require.NoError(t, err)
	require.NoError(t, f.Store.ReleaseLease(t.Context(), accountID, "stored"))
	require.True(t, lease.Credential.Tokens.Access.Equal(credential.Tokens.Access))
	return lease.Credential
}

// account is the account as it is shown.
func (f *Fixture) account(t testing.TB, accountID string) *credstore.Account {
	t.Helper()
	account, err := f.Store.GetAccount(t.Context(), accountID)
	require.NoError(t, err)
	return account
}

// walk reads a listing page by page, limit items at a time, to its end.
func walk[T any](t testing.TB, limit int, list func(credstore.PageRequest) (credstore.Page[T], error)) []T {
	t.Helper()
	var items []T
	page := credstore.PageRequest{Limit: limit}
	for {
		result, err := list(page)
		require.NoError(t, err)
		require.LessOrEqual(t, len(result.Items), page.Size())
		items = append(items, result.Items...)
		if result.Next == "" {
			return items
		}
		require.Len(t, result.Items, page.Size(), "only the last page is short")
		page.After = result.Next
	}
}
