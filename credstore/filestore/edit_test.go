package filestore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
)

func TestEditTokensKeepsTheRestToTheLetter(t *testing.T) {
	fresh := credstore.Tokens{
		Access: secret(`new"<a>&\`), Refresh: secret("new-r"), ExpiresAt: time.UnixMilli(1800000000123).UTC(), Scopes: []string{"s:1", "s:2"},
	}
	for name, c := range map[string]struct{ before, after string }{
		"all fields, odd spacing": {
			"{\n\t\"slack\" : {\"webhook_url\":\"h\", \"n\": 1.50e+2 },\r\n  \"type\":\"oauth\", \"zeta\": [ 1 ,2.0],\n \"oauth\" : { \"scopes\" : [ \"old\" ], \"expiresAt\":\"1\"  ,\"accessToken\":\"a\",\"x\":12345678901234567890,\"refreshToken\":\"r\" } ,\"accountId\":\"acc_\\u0031\"}\n\n",
			"{\n\t\"slack\" : {\"webhook_url\":\"h\", \"n\": 1.50e+2 },\r\n  \"type\":\"oauth\", \"zeta\": [ 1 ,2.0],\n \"oauth\" : { \"scopes\" : [\"s:1\",\"s:2\"], \"expiresAt\":1800000000123  ,\"accessToken\":\"new\\\"<a>&\\\\\",\"x\":12345678901234567890,\"refreshToken\":\"new-r\" } ,\"accountId\":\"acc_\\u0031\"}\n\n",
		},
		"fields missing, indented": {
			"{\n  \"type\": \"oauth\",\n  \"oauth\": {\n    \"refreshToken\": \"r\"\n  }\n}\n",
			"{\n  \"type\": \"oauth\",\n  \"oauth\": {\n    \"refreshToken\": \"new-r\",\n    \"accessToken\": \"new\\\"<a>&\\\\\",\n    \"expiresAt\": 1800000000123,\n    \"scopes\": [\"s:1\",\"s:2\"]\n  }\n}\n",
		},
		"fields null, names that look alike": {
			`{"type":"oauth","oauth":{"AccessToken":"A","accessToken":null,"oauth":{"accessToken":"B"},"refreshToken":"r","expiresAt":null,"scopes":null}}`,
			`{"type":"oauth","oauth":{"AccessToken":"A","accessToken":"new\"<a>&\\","oauth":{"accessToken":"B"},"refreshToken":"new-r","expiresAt":1800000000123,"scopes":["s:1","s:2"]}}`,
		},
		"empty object": {
			`{"oauth":{ }}`,
			`{"oauth":{"accessToken": "new\"<a>&\\","refreshToken": "new-r","expiresAt": 1800000000123,"scopes": ["s:1","s:2"]}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := filestore.EditTokens([]byte(c.before), fresh)
			require.NoError(t, err)
			require.Equal(t, c.after, string(after))
		})
	}
}

func TestEditTokensWithoutScopesAndExpiry(t *testing.T) {
	before := `{"oauth":{"accessToken":"a","refreshToken":"r","expiresAt":5,"scopes":"a b","isMax":true}}`
	after, err := filestore.EditTokens([]byte(before), credstore.Tokens{Access: secret("a2"), Refresh: secret("r2")})
	require.NoError(t, err)
	require.Equal(t, `{"oauth":{"accessToken":"a2","refreshToken":"r2","expiresAt":0,"scopes":"a b","isMax":true}}`, string(after))
	after, err = filestore.EditTokens([]byte(before), credstore.Tokens{Access: secret("a2"), Refresh: secret("r2"), Scopes: []string{}})
	require.NoError(t, err)
	require.Contains(t, string(after), `"scopes":[]`)
	_, err = filestore.EditTokens([]byte(`{"type":"oauth"}`), credstore.Tokens{Access: secret("a2"), Refresh: secret("r2")})
	require.ErrorContains(t, err, `field "oauth" is missing`)
}

func FuzzAccountFile(f *testing.F) {
	f.Add([]byte(apiKeyFile("acc_1", "k")))
	f.Add([]byte(oauthFile("acc_1", "a", "r")))
	f.Add([]byte(`{"type":"oauth","oauth":{"refreshToken":"r","expiresAt":"12", "scopes":"a b"},"oauth2":{}}`))
	f.Add([]byte(`{ "type" : "oauth" , "oauth" : { } , "api_key" : null }`))
	f.Add([]byte(`{"type":"api_key","api_key":"\ud83d\ude00","slack":{"enabled":false}}`))
	f.Add([]byte("\uFEFF{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := filestore.ParseAccount("name", data)
		if err != nil {
			return
		}
		account := file.Account
		if account.Type == credstore.APIKey {
			require.False(t, account.APIKey.IsZero())
		} else {
			require.False(t, account.Tokens.Access.IsZero() && account.Tokens.Refresh.IsZero())
		}
		if account.ID != "" {
			require.NoError(t, credstore.CheckID("id", account.ID))
		}
		if account.Tokens.Refresh.IsZero() {
			return
		}
		fresh := credstore.Tokens{Access: secret("new a"), Refresh: secret("new r"), ExpiresAt: time.UnixMilli(1800000000123).UTC(), Scopes: account.Tokens.Scopes}
		edited, err := filestore.EditTokens(data, fresh)
		require.NoError(t, err)
		again, err := filestore.ParseAccount("name", edited)
		require.NoError(t, err)
		fresh.Access, fresh.Refresh = again.Account.Tokens.Access, again.Account.Tokens.Refresh
		require.True(t, fresh.Access.Reveal() == "new a" && fresh.Refresh.Reveal() == "new r")
		require.Equal(t, account.ID, again.Account.ID)
		require.True(t, account.APIKey.Equal(again.Account.APIKey))
		require.Equal(t, account.IsMax, again.Account.IsMax)
		require.Equal(t, fresh, again.Account.Tokens)
	})
}

func FuzzClientKeysFile(f *testing.F) {
	f.Add([]byte(`["a", " b ", 5]`))
	f.Add([]byte(`{"keys":["a"],"client_api_keys":[]}`))
	f.Add([]byte(`{"keys":{},"client_api_keys":["a","a"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := filestore.ParseClientKeys("train", data)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, key := range file.Keys {
			require.False(t, key.IsZero())
			require.True(t, strings.TrimSpace(key.Reveal()) != "" || key.Reveal() == "\u0085")
			require.False(t, seen[key.Reveal()])
			seen[key.Reveal()] = true
		}
	})
}
