package filestore_test

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
	"github.com/signalbox-go/signalbox/internal/vectors"
)

// golden is credentials/expected.json of the golden data.
type golden struct {
	Accounts []goldenAccount
	Trains   []goldenTrain
}

type goldenAccount struct {
	File        string
	Listed      bool
	AccountName string `json:"account_name"`
	Proxy       struct {
		Loads     bool
		Reason    string
		Type      string
		AccountID *string `json:"account_id"`
		Key       any
		Usable    bool
		Slack     *struct {
			WebhookURL string `json:"webhook_url"`
			Channel    string
			Username   string
			IconEmoji  string `json:"icon_emoji"`
			Enabled    bool
		} `json:"slack_config"`
	}
	Import struct {
		Imported     bool
		APIKey       string   `json:"api_key"`
		AccessToken  string   `json:"access_token"`
		RefreshToken string   `json:"refresh_token"`
		ExpiresAt    int64    `json:"expires_at"`
		Scopes       []string `json:"scopes"`
		IsMax        bool     `json:"is_max"`
	}
}

// refuses tells whether the file is one that the store refuses: what the
// reference cannot use, with two exceptions. The reference uses a number as a key;
// we do not. We can refresh an account that lacks only its access token.
func (a *goldenAccount) refuses() bool {
	if _, text := a.Proxy.Key.(string); a.Proxy.Usable {
		return !text
	}
	return a.Proxy.Type != string(credstore.OAuth)
}

type goldenTrain struct {
	File    string
	TrainID string `json:"train_id"`
	Read    *bool
	Proxy   struct {
		ClientKeys []string `json:"client_keys"`
	}
}

func readGolden(t *testing.T) (expected golden, accountsDir, clientKeysDir string) {
	t.Helper()
	require.NoError(t, json.Unmarshal(vectors.Read(t, "credentials/expected.json"), &expected))
	require.NotEmpty(t, expected.Accounts)
	require.NotEmpty(t, expected.Trains)
	dir := filepath.Join(vectors.Dir(t), "credentials")
	return expected, filepath.Join(dir, "accounts"), filepath.Join(dir, "train-client-keys")
}

func TestGoldenScanAccounts(t *testing.T) {
	expected, dir, _ := readGolden(t)
	scanned, err := filestore.ScanAccounts(dir)
	require.NoError(t, err)
	byPath := map[string]filestore.ScannedAccount{}
	for _, s := range scanned {
		byPath[s.Path] = s
	}
	listed := 0
	for _, want := range expected.Accounts {
		got, found := byPath[want.File]
		require.Equal(t, want.Listed, found, want.File)
		if !found {
			continue
		}
		listed++
		if want.refuses() {
			require.ErrorIs(t, got.Err, credstore.ErrDamaged, want.File)
			require.ErrorContains(t, got.Err, want.File)
			require.Nil(t, got.File)
			continue
		}
		require.NoError(t, got.Err)
		checkGoldenAccount(t, want, got.File)
	}
	require.Len(t, scanned, listed)
}

func checkGoldenAccount(t *testing.T, want goldenAccount, got *filestore.AccountFile) {
	t.Helper()
	account := got.Account
	require.Equal(t, want.AccountName, account.Name)
	require.Equal(t, want.Proxy.Type, string(account.Type))
	if want.Proxy.AccountID == nil {
		require.Empty(t, account.ID)
	} else {
		require.Equal(t, *want.Proxy.AccountID, account.ID)
	}
	key := account.APIKey
	if account.Type == credstore.OAuth {
		key = account.Tokens.Access
	}
	if want.Proxy.Usable {
		require.True(t, key.Reveal() == want.Proxy.Key, "%s: another key", want.File)
	} else {
		require.True(t, key.IsZero(), want.File)
		require.True(t, account.Tokens.ExpiresAt.Before(time.Now()), want.File)
		require.False(t, account.Tokens.Refresh.IsZero(), want.File)
	}
	if slack := want.Proxy.Slack; slack != nil {
		require.NotNil(t, got.Slack, want.File)
		require.True(t, slack.WebhookURL == got.Slack.WebhookURL.Reveal(), want.File)
		require.Equal(t, slack.Channel, got.Slack.Channel)
		require.Equal(t, slack.Username, got.Slack.Username)
		require.Equal(t, slack.IconEmoji, got.Slack.IconEmoji)
		require.Equal(t, slack.Enabled, got.Slack.Enabled)
	} else {
		require.Nil(t, got.Slack, want.File)
	}
	if !want.Import.Imported {
		return
	}
	require.True(t, want.Import.APIKey == account.APIKey.Reveal(), want.File)
	require.True(t, want.Import.AccessToken == account.Tokens.Access.Reveal(), want.File)
	require.True(t, want.Import.RefreshToken == account.Tokens.Refresh.Reveal(), want.File)
	require.Equal(t, want.Import.Scopes, account.Tokens.Scopes, want.File)
	require.Equal(t, want.Import.IsMax, account.IsMax, want.File)
	if want.Import.ExpiresAt == 0 {
		require.True(t, account.Tokens.ExpiresAt.IsZero(), want.File)
	} else {
		require.Equal(t, want.Import.ExpiresAt, account.Tokens.ExpiresAt.UnixMilli(), want.File)
	}
}

func TestGoldenScanClientKeys(t *testing.T) {
	expected, _, dir := readGolden(t)
	scanned, err := filestore.ScanClientKeys(dir)
	require.NoError(t, err)
	byPath := map[string]filestore.ScannedClientKeys{}
	for _, s := range scanned {
		byPath[s.Path] = s
	}
	read := 0
	for _, want := range expected.Trains {
		got, found := byPath[want.File]
		require.Equal(t, want.Read == nil || *want.Read, found, want.File)
		if !found {
			continue
		}
		read++
		if len(want.Proxy.ClientKeys) > 0 {
			require.NoError(t, got.Err)
		}
		var keys []string
		if got.Err == nil {
			require.Equal(t, want.TrainID, got.File.TrainID)
			for _, key := range got.File.Keys {
				keys = append(keys, key.Reveal())
			}
		} else {
			require.ErrorIs(t, got.Err, credstore.ErrDamaged, want.File)
			require.ErrorContains(t, got.Err, want.File)
		}
		require.True(t, sameSet(want.Proxy.ClientKeys, keys), "%s: other client keys", want.File)
	}
	require.Len(t, scanned, read)
}

// sameSet tells whether two lists have the same elements, repetitions aside.
func sameSet(a, b []string) bool {
	set := map[string]int{}
	for _, s := range a {
		set[s] |= 1
	}
	for _, s := range b {
		set[s] |= 2
	}
	for _, in := range set {
		if in != 3 {
			return false
		}
	}
	return true
}

func TestGoldenStore(t *testing.T) {
	expected, accountsDir, clientKeysDir := readGolden(t)
	s, err := filestore.Open(accountsDir, clientKeysDir, &filestore.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for _, want := range expected.Accounts {
		if !want.Listed {
			continue
		}
		account, err := s.GetAccountByName(t.Context(), want.AccountName)
		if want.refuses() {
			require.ErrorIs(t, err, credstore.ErrDamaged, want.File)
			continue
		}
		require.NoError(t, err)
		if want.Proxy.AccountID == nil {
			require.Equal(t, "acc_"+want.AccountName, account.ID)
		} else {
			require.Equal(t, *want.Proxy.AccountID, account.ID)
		}
		credential, err := s.GetCredential(t.Context(), account.ID)
		require.NoError(t, err)
		require.Equal(t, want.Proxy.Type, string(credential.Type))
		if key := credential.APIKey; want.Proxy.Usable && credential.Type == credstore.APIKey {
			require.True(t, key.Reveal() == want.Proxy.Key, want.File)
		} else if want.Proxy.Usable {
			require.True(t, key.IsZero() && credential.Tokens.Access.Reveal() == want.Proxy.Key, want.File)
		}
	}
	for _, want := range expected.Trains {
		for _, key := range want.Proxy.ClientKeys {
			require.NoError(t, s.ValidateClientKey(t.Context(), want.TrainID, credstore.NewSecret(key)), want.File)
		}
		require.ErrorIs(t, s.ValidateClientKey(t.Context(), want.TrainID, credstore.NewSecret("x")), credstore.ErrUnauthorized)
		hashes, err := s.ClientKeyHashes(t.Context(), want.TrainID)
		if want.TrainID == "" {
			require.ErrorIs(t, err, credstore.ErrInvalidID)
			continue
		}
		require.NoError(t, err)
		require.True(t, len(hashes) <= len(want.Proxy.ClientKeys), want.File)
	}
}
