package sqlstore_test

import (
	"database/sql"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/internal/vectors"
)

// adopted is a database as the TypeScript system leaves it, with NULL wherever its
// tables allow it, and a store on it.
type adopted struct {
	*sqlstore.Store
	db       *sql.DB
	postgres bool
}

func onAdopted(t *testing.T, test func(t *testing.T, s adopted)) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		test(t, adopted{Store: newStore(t, dialect, db), db: db, postgres: dialect == sqlstore.Postgres})
	})
}

// exec runs a statement whose lists are written ['a','b'].
func (s adopted) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := s.db.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

// list is a list in the engine's own notation.
func (s adopted) list(entries ...string) string {
	data, _ := json.Marshal(append([]string{}, entries...))
	if !s.postgres {
		return string(data)
	}
	return "{" + string(data[1:len(data)-1]) + "}"
}

func (s adopted) addNullAccount(t *testing.T, name string) {
	t.Helper()
	sealed, err := testSealer().Seal("sk-ant-" + name)
	require.NoError(t, err)
	s.exec(t, `INSERT INTO accounts (account_id, account_name, credential_type, api_key_encrypted, oauth_is_max, is_active, created_at, updated_at)
		VALUES ($1, $2, 'api_key', $3, $4, $4, $5, $5)`, "acc_"+name, name, sealed, sql.NullBool{}, sql.NullTime{})
}

func TestAdoptedAccountOfNulls(t *testing.T) {
	onAdopted(t, func(t *testing.T, s adopted) {
		s.addNullAccount(t, "msl:team.alpha_1-x")
		account, err := s.GetAccountByName(t.Context(), "msl:team.alpha_1-x")
		require.NoError(t, err)
		require.Equal(t, &credstore.Account{ID: "acc_msl:team.alpha_1-x", Name: "msl:team.alpha_1-x", Type: credstore.APIKey}, account)
		_, err = s.GetCredential(t.Context(), account.ID)
		require.ErrorIs(t, err, credstore.ErrInactive, "only true is active, as for the TypeScript system")
		for _, sort := range []credstore.AccountSort{credstore.SortAccountCreated, credstore.SortAccountLastUsed} {
			page, err := s.ListAccounts(t.Context(), credstore.AccountFilter{Sort: sort}, credstore.PageRequest{})
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
		}

		require.NoError(t, s.DeactivateAccount(t.Context(), account.ID, false))
		require.NoError(t, s.ReactivateAccount(t.Context(), account.ID))
		credential, err := s.GetCredential(t.Context(), account.ID)
		require.NoError(t, err)
		require.Equal(t, "sk-ant-msl:team.alpha_1-x", credential.APIKey.Reveal())
		account, err = s.GetAccount(t.Context(), account.ID)
		require.NoError(t, err)
		require.False(t, account.UpdatedAt.IsZero())
		require.True(t, account.CreatedAt.IsZero())
	})
}

func TestAdoptedPagingThroughNulls(t *testing.T) {
	onAdopted(t, func(t *testing.T, s adopted) {
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			s.addNullAccount(t, name)
		}
		s.exec(t, `UPDATE accounts SET created_at = '2024-01-02T03:04:05.678901Z' WHERE account_name IN ('b', 'd')`)
		for _, descending := range []bool{false, true} {
			filter := credstore.AccountFilter{Sort: credstore.SortAccountCreated, Descending: descending}
			require.Equal(t, 5, walkAccounts(t, s.Store, filter, 1))
			require.Equal(t, 5, walkAccounts(t, s.Store, filter, 2))
			first, err := s.ListAccounts(t.Context(), filter, credstore.PageRequest{Limit: 3})
			require.NoError(t, err)
			second, err := s.ListAccounts(t.Context(), filter, credstore.PageRequest{Limit: 3, After: first.Next})
			require.NoError(t, err)
			back, err := s.ListAccounts(t.Context(), filter, credstore.PageRequest{Limit: 3, Before: second.Prev})
			require.NoError(t, err)
			require.Equal(t, first, back)
		}
		unused, err := s.CountAccounts(t.Context(), credstore.AccountFilter{UnusedSince: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)})
		require.NoError(t, err)
		require.Equal(t, 3, unused, "those of an unknown age are old")
	})
}

func TestAdoptedExpiry(t *testing.T) {
	onAdopted(t, func(t *testing.T, s adopted) {
		sealed, err := testSealer().Seal("sk-ant-token")
		require.NoError(t, err)
		for name, expiry := range map[string]any{"null": nil, "zero": 0, "set": int64(1_790_000_000_123)} {
			s.exec(t, `INSERT INTO accounts (account_id, account_name, credential_type, oauth_access_token_encrypted,
				oauth_refresh_token_encrypted, oauth_expires_at) VALUES ($1, $1, 'oauth', $2, $2, $3)`, name, sealed, expiry)
			credential, err := s.GetCredential(t.Context(), name)
			require.NoError(t, err)
			if name == "set" {
				require.Equal(t, time.UnixMilli(1_790_000_000_123).UTC(), credential.Tokens.ExpiresAt)
			} else {
				require.True(t, credential.Tokens.ExpiresAt.IsZero(), name)
			}
		}
		expired, err := s.ListAccounts(t.Context(), credstore.AccountFilter{ExpiresBefore: time.Now().AddDate(100, 0, 0)}, credstore.PageRequest{})
		require.NoError(t, err)
		require.Len(t, expired.Items, 1)
		require.Equal(t, "set", expired.Items[0].Name)
	})
}

func TestAdoptedTrainOfNulls(t *testing.T) {
	onAdopted(t, func(t *testing.T, s adopted) {
		s.addNullAccount(t, "a")
		s.exec(t, `INSERT INTO trains (train_id, is_active, created_at, updated_at) VALUES ('main', $1, $2, $2)`, sql.NullBool{}, sql.NullTime{})
		s.exec(t, `INSERT INTO train_account_mappings (train_id, account_id, priority, created_at) VALUES ('main', 'acc_a', $1, $2)`, sql.NullInt32{}, sql.NullTime{})
		train, err := s.GetTrain(t.Context(), "main")
		require.NoError(t, err)
		require.Equal(t, &credstore.Train{ID: "main", Mappings: 1}, train)
		route, err := s.GetRoute(t.Context(), "main")
		require.NoError(t, err)
		require.False(t, route.Active)
		require.Zero(t, route.Mappings[0].Priority)
		require.True(t, route.Mappings[0].CreatedAt.IsZero())
		_, err = s.ClientKeyHashes(t.Context(), "main")
		require.ErrorIs(t, err, credstore.ErrInactive)

		added, err := s.AddClientKeys(t.Context(), "main", credstore.NewSecret("first"))
		require.NoError(t, err)
		require.Equal(t, 1, added)
		require.NoError(t, s.ReactivateTrain(t.Context(), "main"))
		require.NoError(t, s.ValidateClientKey(t.Context(), "main", credstore.NewSecret("first")))
	})
}

// What is no hash opens nothing and is never shown, but it is not ours to delete.
func TestAdoptedClientKeys(t *testing.T) {
	onAdopted(t, func(t *testing.T, s adopted) {
		hash := credstore.HashClientKey(credstore.NewSecret("key"))
		s.exec(t, `INSERT INTO trains (train_id, client_api_keys_hashed) VALUES ('main', $1), ('empty', $2)`,
			s.list("ptk_in_the_clear", hash, hash, "", "ABCDEF"), s.list())
		require.NoError(t, s.ValidateClientKey(t.Context(), "main", credstore.NewSecret("key")))
		for _, key := range []string{"ptk_in_the_clear", "ABCDEF", ""} {
			require.ErrorIs(t, s.ValidateClientKey(t.Context(), "main", credstore.NewSecret(key)), credstore.ErrUnauthorized)
		}
		page, err := s.ListClientKeys(t.Context(), "main", credstore.PageRequest{})
		require.NoError(t, err)
		require.Equal(t, []credstore.ClientKey{{Hash: hash}}, page.Items)
		s.exec(t, `INSERT INTO trains (train_id, client_api_keys_hashed) VALUES ('clear', $1)`, s.list("ptk_in_the_clear", "ABCDEF"))
		without, err := s.ListTrains(t.Context(), credstore.TrainFilter{WithoutClientKeys: true}, credstore.PageRequest{})
		require.NoError(t, err)
		require.Len(t, without.Items, 2)
		require.Equal(t, []string{"clear", "empty"}, []string{without.Items[0].ID, without.Items[1].ID})
		require.Zero(t, without.Items[0].ClientKeys)
		train, err := s.GetTrain(t.Context(), "main")
		require.NoError(t, err)
		require.Equal(t, 1, train.ClientKeys)

		require.NoError(t, s.RevokeClientKey(t.Context(), "main", hash))
		_, err = s.AddClientKeys(t.Context(), "main", credstore.NewSecret("new"))
		require.NoError(t, err)
		column := `client_api_keys_hashed`
		if s.postgres {
			column = `array_to_json(client_api_keys_hashed)`
		}
		var stored string
		require.NoError(t, s.db.QueryRowContext(t.Context(), `SELECT `+column+` FROM trains WHERE train_id = 'main'`).Scan(&stored))
		require.JSONEq(t, `["ptk_in_the_clear","","ABCDEF","`+credstore.HashClientKey(credstore.NewSecret("new"))+`"]`, stored)

		hashes, err := s.ClientKeyHashes(t.Context(), "empty")
		require.NoError(t, err)
		require.Empty(t, hashes)
	})
}

func TestAdoptedSlack(t *testing.T) {
	onAdopted(t, func(t *testing.T, s adopted) {
		const webhook = "https://hooks.slack.com/services/T/B/x"
		read := func(stored any) (*credstore.SlackConfig, bool, error) {
			s.exec(t, `DELETE FROM trains`)
			s.exec(t, `INSERT INTO trains (train_id, slack_config) VALUES ('main', $1)`, stored)
			slack, err := s.GetSlackConfig(t.Context(), "main")
			train, trainErr := s.GetTrain(t.Context(), "main")
			require.NoError(t, trainErr)
			return slack, train.HasSlack, err
		}
		for _, none := range []any{nil, "null"} {
			slack, has, err := read(none)
			require.NoError(t, err)
			require.Nil(t, slack)
			require.False(t, has)
		}
		for stored, want := range map[string]credstore.SlackConfig{
			`{}`:                                  {Enabled: true},
			`{"enabled": false}`:                  {},
			`{"channel": null, "enabled": null}`:  {Enabled: true},
			`{"webhook_url": "` + webhook + `"}`:  {WebhookURL: credstore.NewSecret(webhook), Enabled: true},
			`{"channel": "#ä", "other": [1, {}]}`: {Channel: "#ä", Enabled: true},
		} {
			slack, has, err := read(stored)
			require.NoError(t, err, stored)
			require.Equal(t, &want, slack, stored)
			require.True(t, has)
		}
		for _, damaged := range []string{`[]`, `"https://secret"`, `7`, `{"channel": 7}`, `{"enabled": "secret"}`} {
			_, has, err := read(damaged)
			require.ErrorIs(t, err, credstore.ErrDamaged, damaged)
			require.NotContains(t, err.Error(), "secret")
			require.True(t, has)
			require.NoError(t, s.SetSlackConfig(t.Context(), "main", &credstore.SlackConfig{Channel: "#mended"}))
			slack, err := s.GetSlackConfig(t.Context(), "main")
			require.NoError(t, err)
			require.Equal(t, &credstore.SlackConfig{Channel: "#mended"}, slack)
		}
	})
}

func TestSlackKeepsFieldsItDoesNotKnow(t *testing.T) {
	onAdopted(t, func(t *testing.T, s adopted) {
		s.exec(t, `INSERT INTO trains (train_id, slack_config) VALUES ('main', $1)`,
			`{"webhook_url":"https://h/x","username":"u","thread":{"ts":12345678901234567890},"enabled":true}`)
		require.NoError(t, s.SetSlackConfig(t.Context(), "main", &credstore.SlackConfig{Channel: "#c", IconEmoji: ":e:"}))
		var stored string
		require.NoError(t, s.db.QueryRowContext(t.Context(), `SELECT CAST(slack_config AS text) FROM trains`).Scan(&stored))
		require.JSONEq(t, `{"webhook_url":"https://h/x","thread":{"ts":12345678901234567890},"channel":"#c","icon_emoji":":e:","enabled":false}`, stored)
		require.Contains(t, stored, "12345678901234567890", "to the digit")
	})
}

// Values that the TypeScript system sealed open here.
func TestAdoptedSecrets(t *testing.T) {
	var golden struct {
		Valid []struct{ Key, Plaintext, Ciphertext string }
	}
	require.NoError(t, json.Unmarshal(vectors.Read(t, "encryption.json"), &golden))
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		for _, value := range golden.Valid {
			if value.Plaintext == "" || len(value.Plaintext) > 1000 {
				continue
			}
			sealer, err := crypto.NewSealer(value.Key, nil)
			require.NoError(t, err)
			store := sqlstore.New(db, dialect, sealer, nil)
			defer store.Close()
			_, err = db.ExecContext(t.Context(), `INSERT INTO accounts (account_id, account_name, credential_type, api_key_encrypted)
				VALUES ('a', 'a', 'api_key', $1)`, value.Ciphertext)
			require.NoError(t, err)
			credential, err := store.GetCredential(t.Context(), "a")
			require.NoError(t, err)
			require.Equal(t, value.Plaintext, credential.APIKey.Reveal())
			return
		}
		require.Fail(t, "no golden value to open")
	})
}

// What is written has the formats that the TypeScript system reads.
func TestWrittenFormats(t *testing.T) {
	onAdopted(t, func(t *testing.T, s adopted) {
		tokens := credstore.Tokens{
			Access: credstore.NewSecret("access"), Refresh: credstore.NewSecret("refresh"),
			ExpiresAt: time.UnixMilli(1_790_000_000_123), Scopes: []string{"a", "b"},
		}
		_, err := s.CreateAccount(t.Context(), credstore.NewAccount{ID: "acc_a", Name: "a", Type: credstore.OAuth, Tokens: tokens})
		require.NoError(t, err)
		require.NoError(t, s.SaveTokens(t.Context(), "acc_a", tokens.Refresh, tokens))
		var access, refresh string
		var expires int64
		require.NoError(t, s.db.QueryRowContext(t.Context(), `SELECT oauth_access_token_encrypted, oauth_refresh_token_encrypted, oauth_expires_at
			FROM accounts WHERE is_active = true AND api_key_encrypted IS NULL`).Scan(&access, &refresh, &expires))
		require.Equal(t, int64(1_790_000_000_123), expires)
		for sealed, want := range map[string]string{access: "access", refresh: "refresh"} {
			plaintext, err := crypto.Decrypt(sealed, testKey)
			require.NoError(t, err)
			require.Equal(t, want, plaintext)
		}
		require.NotEqual(t, access[:64], refresh[:64])
	})
}
