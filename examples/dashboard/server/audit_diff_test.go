package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// text is a line as a person reads it.
func (l diffLine) text() string {
	parts := []string{l.Kind, l.Field}
	value := func(mark string, v *diffValue) {
		if v != nil {
			parts = append(parts, mark+v.Text)
		}
	}
	value("-", l.Old)
	value("+", l.New)
	for _, list := range [][]diffItem{l.Order, l.Items} {
		for _, item := range list {
			parts = append(parts, map[string]string{"kept": "", "added": "+", "removed": "-"}[item.Kind]+item.Text)
		}
	}
	return strings.Join(parts, " ")
}

func TestDiff(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		want          []string
	}{
		"nothing":          {"", "", nil},
		"creation":         {"", `{"name":"a","max":true}`, []string{"added max +true", "added name +a"}},
		"removal":          {`{"name":"a"}`, "", []string{"removed name -a"}},
		"change":           {`{"name":"a"}`, `{"name":"b"}`, []string{"changed name -a +b"}},
		"null":             {`{"expires":null}`, `{"expires":"x"}`, []string{"changed expires -none +x"}},
		"empty":            {`{"name":""}`, `{"name":"x"}`, []string{"changed name -empty +x"}},
		"number":           {`{"n":9007199254740993}`, `{"n":9007199254740992}`, []string{"changed n -9007199254740993 +9007199254740992"}},
		"other type":       {`{"n":1}`, `{"n":"1"}`, []string{"changed n -1 +1"}},
		"rotation":         {`{"api_key":"[redacted]"}`, `{"api_key":"[redacted]"}`, []string{"changed api_key -[redacted] +[redacted]"}},
		"list":             {`{"s":["a","b"]}`, `{"s":["a","c"]}`, []string{"changed s a +c -b"}},
		"new list":         {``, `{"s":["a"]}`, []string{"added s +a"}},
		"list for null":    {`{"s":null}`, `{"s":["a"]}`, []string{"changed s +a"}},
		"emptied list":     {`{"s":["a"]}`, `{"s":[]}`, []string{"changed s -a"}},
		"empty list":       {`{"s":null}`, `{"s":[]}`, []string{"changed s -none +[]"}},
		"same list":        {`{"s":["a"]}`, `{"s":["a"]}`, nil},
		"twice":            {`{"s":["a"]}`, `{"s":["a","a"]}`, []string{"changed s a +a"}},
		"order":            {`{"s":["a","b","c"]}`, `{"s":["b","c","a"]}`, []string{"changed s a b c b c a"}},
		"order and more":   {`{"s":["a","b","x"]}`, `{"s":["b","y","a"]}`, []string{"changed s a b -x b +y a"}},
		"list of objects":  {`{"s":[{"b":1,"a":2}]}`, `{"s":[{"a":2,"b":1},{"c":"<"}]}`, []string{`changed s {"a":2,"b":1} +{"c":"<"}`}},
		"list of anything": {`{"s":"a"}`, `{"s":["a"]}`, []string{`changed s -a +["a"]`}},
		"object":           {`{"slack":{"channel":"#a","on":true}}`, `{"slack":{"channel":"#b","on":true}}`, []string{"changed slack.channel -#a +#b"}},
		"object for null":  {`{"slack":null}`, `{"slack":{"channel":"#b"}}`, []string{"added slack.channel +#b"}},
		"object removed":   {`{"slack":{"channel":"#b"}}`, `{"slack":null}`, []string{"removed slack.channel -#b"}},
		"secret inside": {
			`{"slack":{"webhook_url":"[redacted]"}}`, `{"slack":{"webhook_url":"[redacted]"}}`, []string{"hidden slack.webhook_url -[redacted] +[redacted]"},
		},
		"not an object": {`[1]`, `"x"`, []string{"changed  -[1] +x"}},
		"no JSON":       {`{"a":`, ``, []string{`removed  -{"a":`}},
		"unseen":        {``, `{"a":"x\u202ey\u0000"}`, []string{`added a +x\u202ey\x00`}},
	} {
		var got []string
		for _, line := range diffOf(json.RawMessage(c.before), json.RawMessage(c.after)).Lines {
			got = append(got, line.text())
		}
		require.Equal(t, c.want, got, name)
	}
}

func TestDiffIsBounded(t *testing.T) {
	fields, items := make(map[string]int), make([]int, 5*maxItems)
	for i := range 5 * maxLines {
		fields[fmt.Sprintf("f%04d", i)] = i
	}
	state, err := json.Marshal(fields)
	require.NoError(t, err)
	d := diffOf(nil, state)
	require.Len(t, d.Lines, maxLines)
	require.Equal(t, 4*maxLines, d.More)
	require.Contains(t, d.Summary(), "f0000, f0001, f0002, f0003, f0004 and 495 more fields")

	state, err = json.Marshal(map[string]any{"list": items})
	require.NoError(t, err)
	line := diffOf(nil, state).Lines[0]
	require.Len(t, line.Items, maxItems)
	require.Equal(t, 4*maxItems, line.More)

	d = diffOf(nil, json.RawMessage(`{"a":"`+strings.Repeat("é", maxValue+10)+`"}`))
	require.Len(t, []rune(d.Lines[0].New.Short), shortValue+1)
	require.Contains(t, d.Lines[0].New.Text, "10 more characters")
	require.True(t, diffOf(nil, json.RawMessage(`{"a":"`+strings.Repeat("x", maxState)+`"}`)).TooLarge)

	deep := strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000)
	d = diffOf(nil, json.RawMessage(deep))
	require.Len(t, d.Lines, 1)
	require.Equal(t, strings.Repeat("a.", maxDepth-1)+"a", d.Lines[0].Field)
}
