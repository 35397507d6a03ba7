package filestore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
)

func TestDamagedAccountFiles(t *testing.T) {
	oauth := func(fields string) string { return `{"type":"oauth","oauth":{` + fields + `}}` }
	for name, c := range map[string]struct{ text, reason string }{
		"empty":                    {"", "it is empty"},
		"white space":              {" \n\t", "it is empty"},
		"byte order mark":          {"\uFEFF" + apiKeyFile("a", canary), "byte order mark"},
		"UTF-16":                   {"\xff\xfe{\x00\"\x00", "see byte 1"},
		"cut off":                  {`{"type":"api_key","api_key":"` + canary, "cut off"},
		"cut off between fields":   {`{"type":"api_key",`, "cut off"},
		"something behind":         {apiKeyFile("a", canary) + ` {"a":1}`, "not valid JSON"},
		"comma too many":           {`{"type":"api_key","api_key":"` + canary + `",}`, "not valid JSON"},
		"comment":                  {"// " + canary + "\n{}", "not valid JSON"},
		"list":                     {`["` + canary + `"]`, "not a JSON object"},
		"text":                     {`"` + canary + `"`, "not a JSON object"},
		"null":                     {`null`, "not a JSON object"},
		"too deep":                 {strings.Repeat("[", 20000), "not valid JSON"},
		"no type":                  {`{"api_key":"` + canary + `"}`, `field "type" is missing`},
		"type in capitals":         {`{"type":"API_KEY","api_key":"` + canary + `"}`, `field "type" is neither`},
		"type is a secret":         {`{"type":"` + canary + `"}`, `field "type" is neither`},
		"type is no text":          {`{"type":["api_key"],"api_key":"` + canary + `"}`, `field "type" is not text`},
		"type twice":               {`{"type":"api_key","type":"oauth","api_key":"` + canary + `"}`, `field "type" is there twice`},
		"names in other case":      {`{"Type":"api_key","API_KEY":"` + canary + `"}`, `field "type" is missing`},
		"key in other case":        {`{"type":"api_key","API_KEY":"` + canary + `"}`, `field "api_key" is missing`},
		"key missing":              {`{"type":"api_key"}`, `field "api_key" is missing or empty`},
		"key empty":                {`{"type":"api_key","api_key":""}`, `field "api_key" is missing or empty`},
		"key null":                 {`{"type":"api_key","api_key":null}`, `field "api_key" is missing or empty`},
		"key blank":                {`{"type":"api_key","api_key":" \t"}`, `field "api_key" is blank`},
		"key is a number":          {`{"type":"api_key","api_key":5}`, `field "api_key" is not text`},
		"key is an object":         {`{"type":"api_key","api_key":{"k":"` + canary + `"}}`, `field "api_key" is not text`},
		"key twice":                {`{"type":"api_key","api_key":"` + canary + `","api_key":"` + canary + `2"}`, `field "api_key" is there twice`},
		"key not UTF-8":            {"{\"type\":\"api_key\",\"api_key\":\"" + canary + "\xff\"}", `field "api_key" has characters that are damaged`},
		"key half of a surrogate":  {`{"type":"api_key","api_key":"` + canary + `\ud83d"}`, `field "api_key" has characters that are damaged`},
		"id is a number":           {`{"type":"api_key","accountId":7,"api_key":"` + canary + `"}`, `field "accountId" is not text`},
		"id outside the grammar":   {apiKeyFile("../"+canary, canary), `field "accountId" is not an id`},
		"id twice":                 {`{"accountId":"a","type":"api_key","accountId":"b","api_key":"` + canary + `"}`, `field "accountId" is there twice`},
		"no oauth":                 {`{"type":"oauth"}`, `field "oauth" is missing`},
		"oauth null":               {`{"type":"oauth","oauth":null}`, `field "oauth" is missing`},
		"oauth is no object":       {`{"type":"oauth","oauth":"` + canary + `"}`, `field "oauth" is not a JSON object`},
		"oauth twice":              {`{"type":"oauth","oauth":{"accessToken":"` + canary + `"},"oauth":{}}`, `field "oauth" is there twice`},
		"no token":                 {oauth(``), `"oauth.accessToken" and "oauth.refreshToken" are missing`},
		"empty tokens":             {oauth(`"accessToken":"","refreshToken":null`), `are missing or empty`},
		"access token is a number": {oauth(`"accessToken":7,"refreshToken":"` + canary + `"`), `field "oauth.accessToken" is not text`},
		"access token twice":       {oauth(`"accessToken":"` + canary + `","accessToken":"` + canary + `"`), `field "oauth.accessToken" is there twice`},
		"refresh token blank":      {oauth(`"accessToken":"` + canary + `","refreshToken":" "`), `field "oauth.refreshToken" is blank`},
		"expiry is a word":         {oauth(`"accessToken":"` + canary + `","expiresAt":"tomorrow"`), `field "oauth.expiresAt" is not a time`},
		"expiry is a date":         {oauth(`"accessToken":"` + canary + `","expiresAt":"2099-01-01T00:00:00Z"`), `field "oauth.expiresAt" is not a time`},
		"expiry is a list":         {oauth(`"accessToken":"` + canary + `","expiresAt":[1]`), `field "oauth.expiresAt" is not a time`},
		"expiry not a number":      {oauth(`"accessToken":"` + canary + `","expiresAt":"NaN"`), `field "oauth.expiresAt" is not a time`},
		"expiry without end":       {oauth(`"accessToken":"` + canary + `","expiresAt":1e300`), `field "oauth.expiresAt" is not a time`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolders(t)
			f.account("broken", c.text)
			f.account("sound", apiKeyFile("acc_sound", canary))
			scanned, err := filestore.ScanAccounts(f.accounts)
			require.NoError(t, err)
			require.Len(t, scanned, 2)
			require.Nil(t, scanned[0].File)
			require.ErrorIs(t, scanned[0].Err, credstore.ErrDamaged)
			require.ErrorContains(t, scanned[0].Err, "broken.credentials.json")
			require.NotErrorIs(t, scanned[0].Err, credstore.ErrInvalid, "the caller is not to blame")
			require.False(t, strings.Contains(scanned[0].Err.Error(), canary), "a secret shows")
			require.ErrorContains(t, scanned[0].Err, c.reason)
			require.NoError(t, scanned[1].Err)

			s := f.open(nil)
			_, err = s.GetAccountByName(t.Context(), "broken")
			require.ErrorIs(t, err, credstore.ErrDamaged)
			require.ErrorContains(t, err, c.reason)
			names, err := s.ListAccountNames(t.Context(), credstore.PageRequest{})
			require.NoError(t, err)
			require.Equal(t, []string{"sound"}, names.Items)
			_, err = s.GetCredential(t.Context(), "acc_sound")
			require.NoError(t, err)
			require.Contains(t, f.log.String(), "broken.credentials.json")
		})
	}
}

func TestDamagedAccountIsKnownByItsID(t *testing.T) {
	f := newFolders(t)
	f.account("a", `{"type":"api_key","accountId":"acc_1","api_key":5}`)
	f.account("b", `not JSON`)
	s := f.open(nil)
	for _, id := range []string{"acc_1", "acc_b"} {
		_, err := s.GetCredential(t.Context(), id)
		require.ErrorIs(t, err, credstore.ErrDamaged, id)
		_, err = s.AcquireLease(t.Context(), id, "owner", time.Minute)
		require.ErrorIs(t, err, credstore.ErrDamaged, id)
		err = s.SaveTokens(t.Context(), id, secret(canary), tokens(canary+"2", canary+"3"))
		require.ErrorIs(t, err, credstore.ErrDamaged, id)
	}
	accounts, err := s.ActiveAccounts(t.Context())
	require.NoError(t, err)
	require.Empty(t, accounts)

	f.replace(f.accountPath("b"), apiKeyFile("acc_2", canary))
	_, err = s.GetAccountByName(t.Context(), "b")
	require.NoError(t, err)
	f.replace(f.accountPath("b"), `{"type":`)
	_, err = s.GetCredential(t.Context(), "acc_2")
	require.ErrorIs(t, err, credstore.ErrDamaged, "by the id that it had")
}

func TestAccountFileValues(t *testing.T) {
	oauth := func(fields string) string {
		return `{"type":"oauth","oauth":{"accessToken":"` + canary + `a","refreshToken":"` + canary + `r",` + fields + `}}`
	}
	parse := func(t *testing.T, text string) *filestore.AccountFile {
		t.Helper()
		file, err := filestore.ParseAccount("name", []byte(text))
		require.NoError(t, err)
		return file
	}
	for text, want := range map[string]time.Time{
		`"expiresAt":4102444800000`:       time.UnixMilli(4102444800000).UTC(),
		`"expiresAt":4102444800000.75`:    time.UnixMilli(4102444800000).UTC(),
		`"expiresAt":4.1024448e12`:        time.UnixMilli(4102444800000).UTC(),
		`"expiresAt":" 4102444800001 "`:   time.UnixMilli(4102444800001).UTC(),
		`"expiresAt":-1`:                  time.UnixMilli(-1).UTC(),
		`"expiresAt":0`:                   {},
		`"expiresAt":""`:                  {},
		`"expiresAt":null`:                {},
		`"ExpiresAt":4102444800000`:       {},
		`"x":{"expiresAt":4102444800000}`: {},
	} {
		require.Equal(t, want, parse(t, oauth(text)).Account.Tokens.ExpiresAt, text)
	}
	for text, want := range map[string][]string{
		`"scopes":["a","b"]`:        {"a", "b"},
		`"scopes":" a  b\n"`:        {"a", "b"},
		`"scopes":[]`:               {},
		`"scopes":["a",5,null,"b"]`: {"a", "b"},
		`"scopes":null`:             nil,
		`"scopes":7`:                nil,
		`"x":1`:                     nil,
	} {
		require.Equal(t, want, parse(t, oauth(text)).Account.Tokens.Scopes, text)
	}
	for text, want := range map[string]bool{`"isMax":true`: true, `"isMax":false`: false, `"isMax":"true"`: false, `"x":1`: false} {
		require.Equal(t, want, parse(t, oauth(text)).Account.IsMax, text)
	}

	// What an account does not depend on need not be sound.
	file := parse(t, `{"type":"api_key","api_key":"`+canary+`","oauth":"none","slack":7,"accountId":""}`)
	require.True(t, file.Account.Tokens.Access.IsZero())
	require.Nil(t, file.Slack)
	require.Empty(t, file.Account.ID)
	file = parse(t, `{"type":"api_key","api_key":"`+canary+`","slack":{"webhook_url":"`+canary+`","channel":5,"enabled":false}}`)
	require.Equal(t, &credstore.SlackConfig{WebhookURL: file.Slack.WebhookURL}, file.Slack)
	require.True(t, parse(t, `{"type":"api_key","api_key":"`+canary+`","slack":{"channel":"#c"}}`).Slack.Enabled)
	file = parse(t, `{"type":"oauth","api_key":"`+canary+`k","oauth":{"accessToken":"`+canary+`"}}`)
	require.True(t, file.Account.APIKey.Reveal() == canary+"k")
}

func TestTwoFilesWithOneID(t *testing.T) {
	f := newFolders(t)
	f.account("c", apiKeyFile("acc_1", canary+"c"))
	f.account("a", `{"type":"api_key","accountId":"acc_1"}`) // damaged: claims nothing
	f.account("b", apiKeyFile("acc_1", canary+"b"))
	f.account("x", `{"type":"api_key","api_key":"`+canary+`x"}`)
	f.account("y", apiKeyFile("acc_x", canary+"y"))
	s := f.open(nil)
	for id, want := range map[string]string{"acc_1": canary + "b", "acc_x": canary + "x"} {
		credential, err := s.GetCredential(t.Context(), id)
		require.NoError(t, err)
		require.True(t, credential.APIKey.Reveal() == want, id)
	}
	_, err := s.GetAccountByName(t.Context(), "c")
	require.ErrorIs(t, err, credstore.ErrDamaged)
	require.ErrorContains(t, err, "its account id acc_1 is that of b.credentials.json")
	require.Contains(t, f.log.String(), "its account id acc_1 is that of b.credentials.json")
	require.Contains(t, f.log.String(), "its account id acc_x is that of x.credentials.json")

	f.account("b", apiKeyFile("acc_2", canary+"b"))
	eventually(t, func() bool {
		credential, err := s.GetCredential(t.Context(), "acc_1")
		return err == nil && credential.AccountName == "c"
	}, "the id is free for the other file")
}
