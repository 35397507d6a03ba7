package filestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"github.com/signalbox-go/signalbox/credstore"
)

// editTokens returns the text of an account file with other tokens in its oauth
// object. Every byte that does not have to change stays: unknown fields, their
// order, spacing, the digits of numbers.
func editTokens(data []byte, tokens credstore.Tokens) ([]byte, error) {
	root, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	f, err := root.find("oauth")
	if err != nil || f == nil {
		return nil, errors.Join(err, root.errorf("oauth", "is missing"))
	}
	oauth := data[f.start:f.end]
	for _, change := range []struct {
		name  string
		value any
	}{
		{"accessToken", tokens.Access.Reveal()},
		{"refreshToken", tokens.Refresh.Reveal()},
		{"expiresAt", milliseconds(tokens)},
		{"scopes", tokens.Scopes},
	} {
		if change.name == "scopes" && tokens.Scopes == nil {
			continue
		}
		if oauth, err = setField(oauth, change.name, change.value); err != nil {
			return nil, err
		}
	}
	return slices.Concat(data[:f.start], oauth, data[f.end:]), nil
}

// milliseconds is a token's expiry as files have it: 0 when it is not known.
func milliseconds(tokens credstore.Tokens) json.RawMessage {
	if tokens.ExpiresAt.IsZero() {
		return json.RawMessage("0")
	}
	return strconv.AppendInt(nil, tokens.ExpiresAt.UnixMilli(), 10)
}

// setField returns the text of a JSON object with another value in a field, or
// with the field behind its last one.
func setField(data []byte, name string, value any) ([]byte, error) {
	text, err := encode(value)
	if err != nil {
		return nil, err
	}
	o, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(o.fields, func(f field) bool { return f.name == name })
	if i >= 0 {
		return slices.Concat(data[:o.fields[i].start], text, data[o.fields[i].end:]), nil
	}
	text = slices.Concat([]byte(strconv.Quote(name)+": "), text)
	if len(o.fields) == 0 {
		return slices.Concat([]byte("{"), text, []byte("}")), nil
	}
	begin := bytes.IndexByte(data, '{') + 1
	indent := data[begin : begin+bytes.IndexByte(data[begin:], '"')]
	end := o.fields[len(o.fields)-1].end
	return slices.Concat(data[:end], []byte(","), indent, text, data[end:]), nil
}

// encode writes a value as JSON, without the escapes that are for HTML.
func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, errors.New("cannot be written as JSON")
	}
	return bytes.TrimSpace(out.Bytes()), nil
}
