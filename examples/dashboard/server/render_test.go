package server

import (
	"bytes"
	"encoding/json"
	"html"
	"math"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var jsonAttributes = regexp.MustCompile(`hx-(?:vals|headers)='([^']*)'`)

// Attributes that hold JSON hold it whatever the text is.
func TestJSONInAttributes(t *testing.T) {
	for _, text := range []string{"a", `","_method":"DELETE`, `a\`, evil, "'", "\n\u2028"} {
		var out bytes.Buffer
		require.NoError(t, pages["account_form"].ExecuteTemplate(&out, "layout", page{CSRF: text, Body: accountForm{ID: text}}))
		found := jsonAttributes.FindAllStringSubmatch(out.String(), -1)
		require.Len(t, found, 3)
		for _, attribute := range found {
			var values map[string]string
			require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(attribute[1])), &values), attribute[1])
			require.Len(t, values, 1)
			require.Equal(t, text, values["account_id"]+values["X-CSRF-Token"])
		}
	}
}

func TestPlural(t *testing.T) {
	for n, want := range map[int]string{
		0: "0 trains", 1: "1 train", 2: "2 trains", 999: "999 trains", 1000: "1,000 trains", 10000: "10,000 trains",
		123456: "123,456 trains", 1234567: "1,234,567 trains", -1: "-1 trains", -100: "-100 trains", -1000: "-1,000 trains",
		math.MinInt64: "-9,223,372,036,854,775,808 trains",
	} {
		require.Equal(t, want, plural(n, "train"))
	}
}
