package filestore_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
)

func TestClientKeyFiles(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		keys    string // with blanks between
		skipped int
		reason  string
	}{
		"list":                   {text: ` ["CANARY1","CANARY2"] `, keys: "CANARY1 CANARY2"},
		"keys":                   {text: `{"keys":["CANARY1"]}`, keys: "CANARY1"},
		"client_api_keys":        {text: `{"client_api_keys":["CANARY1"]}`, keys: "CANARY1"},
		"both":                   {text: `{"client_api_keys":["CANARY1"],"keys":["CANARY2"]}`, keys: "CANARY2"},
		"keys empty":             {text: `{"keys":[],"client_api_keys":["CANARY1"]}`},
		"keys no list":           {text: `{"keys":"CANARY2","client_api_keys":["CANARY1"]}`, keys: "CANARY1"},
		"keys null":              {text: `{"keys":null,"client_api_keys":["CANARY1"]}`, keys: "CANARY1"},
		"trimmed, once each":     {text: `[" CANARY1\n","CANARY1","\ufeffCANARY1\u00a0"]`, keys: "CANARY1"},
		"odd entries":            {text: `["", " ", 5, null, true, ["CANARY1"], {"keys":["CANARY1"]}, "CANARY2"]`, keys: "CANARY2", skipped: 7},
		"other case":             {text: `{"Keys":["CANARY1"]}`, reason: "neither a list"},
		"keys twice":             {text: `{"keys":["CANARY1"],"keys":["CANARY2"]}`, reason: `field "keys" is there twice`},
		"text":                   {text: `"CANARY1"`, reason: "neither a list"},
		"number":                 {text: `7`, reason: "neither a list"},
		"keys is text":           {text: `{"keys":"CANARY1"}`, reason: "neither a list"},
		"empty":                  {text: ``, reason: "it is empty"},
		"byte order mark":        {text: "\uFEFF" + `["CANARY1"]`, reason: "byte order mark"},
		"cut off":                {text: `["CANARY1",`, reason: "cut off"},
		"something behind":       {text: `["CANARY1"]["CANARY2"]`, reason: "not valid JSON"},
		"a comma too many":       {text: `{"keys":["CANARY1",]}`, reason: "not valid JSON"},
		"unicode, not shortened": {text: `["clé-鍵-CANARY"]`, keys: "clé-鍵-CANARY"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolders(t)
			f.clientKeys("train", c.text)
			scanned, err := filestore.ScanClientKeys(f.keys)
			require.NoError(t, err)
			require.Len(t, scanned, 1)
			wanted := strings.Fields(c.keys)
			if c.reason == "" {
				require.NoError(t, scanned[0].Err)
				require.Equal(t, c.skipped, scanned[0].File.Skipped)
				require.Len(t, scanned[0].File.Keys, len(wanted))
				for i, key := range scanned[0].File.Keys {
					require.True(t, key.Reveal() == wanted[i])
				}
			} else {
				require.ErrorIs(t, scanned[0].Err, credstore.ErrDamaged)
				require.ErrorContains(t, scanned[0].Err, c.reason)
				require.False(t, strings.Contains(scanned[0].Err.Error(), canary), "a secret shows")
			}
			checkKeys(t, f, wanted, c.reason, c.skipped)
		})
	}
}

// checkKeys checks that the store lets in exactly those who have the keys.
func checkKeys(t *testing.T, f *folders, wanted []string, reason string, skipped int) {
	t.Helper()
	s := f.open(nil)
	for _, key := range wanted {
		require.NoError(t, s.ValidateClientKey(t.Context(), "train", secret("\t"+key+" ")))
	}
	for _, key := range []string{"CANARY1", "CANARY2", "", "5", "null", "[object Object]", "CANARY1,"} {
		err := s.ValidateClientKey(t.Context(), "train", secret(key))
		if !strings.Contains(" "+strings.Join(wanted, " ")+" ", " "+key+" ") || key == "" {
			require.ErrorIs(t, err, credstore.ErrUnauthorized)
		}
	}
	train, err := s.GetTrain(t.Context(), "train")
	require.NoError(t, err)
	require.Equal(t, len(wanted), train.ClientKeys)
	if reason != "" {
		require.Contains(t, s.Problems()[0].Reason, reason)
	}
	if skipped > 0 {
		require.Contains(t, s.Problems()[0].Reason, "entries are no client keys")
	}
	if reason == "" && skipped == 0 {
		require.Empty(t, s.Problems())
	}
}
