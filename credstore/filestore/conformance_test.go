package filestore_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/credstoretest"
	"github.com/signalbox-go/signalbox/credstore/filestore"
)

func TestConformance(t *testing.T) {
	credstoretest.Run(t, credstoretest.Harness{
		New: newFixture,
		Exceptions: credstoretest.Exceptions{
			NoAdmin:     "accounts and trains are managed by editing files",
			NoMappings:  "the files of existing deployments have no place for mappings",
			NoSlack:     "Slack configurations in account files belong to no train",
			NoLastUsed:  "the last use is known only to the process that saw it",
			NoTrainText: "client key files have neither name nor description",
		},
	})
}

func newFixture(t *testing.T) *credstoretest.Fixture {
	f := newFolders(t)
	stores := []*filestore.Store{f.open(nil)}
	// await waits until all stores see what was done to the files.
	await := func(seen func(s *filestore.Store) bool) {
		for _, s := range stores {
			eventually(t, func() bool { return seen(s) }, "the change is seen")
		}
	}
	return &credstoretest.Fixture{
		Store: stores[0],
		AddAccount: func(t testing.TB, account credstore.NewAccount) {
			f.replace(f.accountPath(account.Name), accountText(t, account))
			await(func(s *filestore.Store) bool {
				_, err := s.GetAccount(t.Context(), account.ID)
				return err == nil
			})
		},
		AddTrain: func(t testing.TB, train credstore.NewTrain) {
			keys := []string{}
			for _, key := range train.ClientKeys {
				keys = append(keys, key.Reveal())
			}
			f.replace(f.keysPath(train.ID), jsonText(t, map[string]any{"keys": keys}))
			await(func(s *filestore.Store) bool {
				_, err := s.GetTrain(t.Context(), train.ID)
				return err == nil
			})
		},
		RemoveAccount: func(t testing.TB, accountID string) {
			require.NoError(t, os.Remove(f.accountPath(strings.TrimPrefix(accountID, "acc_"))))
			await(func(s *filestore.Store) bool {
				_, err := s.GetAccount(t.Context(), accountID)
				return errors.Is(err, credstore.ErrNotFound)
			})
		},
		Reopen: func(testing.TB) credstore.Store {
			stores = append(stores, f.open(nil))
			return stores[len(stores)-1]
		},
		Damage: func(t testing.TB, accountID string) {
			path := f.accountPath(strings.TrimPrefix(accountID, "acc_"))
			f.replace(path, `{"type":"oauth","accountId":"`+accountID+`","oauth":{"refreshToken":["sk-ant-ort01-a"]}}`)
		},
		Break: func(t testing.TB) {
			for _, dir := range []string{f.accounts, f.keys} {
				require.NoError(t, os.Rename(dir, filepath.Join(t.TempDir(), "gone")))
				require.NoError(t, os.WriteFile(dir, nil, 0o600))
			}
			await(func(s *filestore.Store) bool { return s.Ping(t.Context()) != nil && len(s.Problems()) == 2 })
		},
	}
}

// accountText is the account file that holds the account.
func accountText(t testing.TB, account credstore.NewAccount) string {
	text := map[string]any{"type": account.Type, "accountId": account.ID}
	if !account.APIKey.IsZero() {
		text["api_key"] = account.APIKey.Reveal()
	}
	oauth := map[string]any{"isMax": account.IsMax}
	if tokens := account.Tokens; !tokens.Access.IsZero() {
		oauth["accessToken"], oauth["refreshToken"] = tokens.Access.Reveal(), tokens.Refresh.Reveal()
		if !tokens.ExpiresAt.IsZero() {
			oauth["expiresAt"] = tokens.ExpiresAt.UnixMilli()
		}
		if tokens.Scopes != nil {
			oauth["scopes"] = tokens.Scopes
		}
	}
	text["oauth"] = oauth
	return jsonText(t, text)
}

func jsonText(t testing.TB, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return string(data)
}
