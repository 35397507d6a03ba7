package filestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalbox-go/signalbox/credstore"
)

// The files are read by hand, not into structs: encoding/json takes "API_KEY" for
// "api_key", lets the last of two equal fields win, and forgets what it does not
// know. No reason given here shows anything of a file's content but names of fields.

// An object is a JSON object in its text: the names of its fields, and where
// their values stand.
type object struct {
	path   string // of nested objects, with a dot, such as "oauth."
	data   []byte
	fields []field
}

// The value of a field is data[start:end].
type field struct {
	name       string
	start, end int
}

// parseObject reads the JSON object that data is, at the top of a file.
func parseObject(data []byte) (object, error) {
	if err := checkJSON(data); err != nil {
		return object{}, err
	}
	o := object{data: data}
	dec := json.NewDecoder(bytes.NewReader(data))
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return object{}, errors.New("not a JSON object")
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return object{}, errors.New("not valid JSON")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return object{}, errors.New("not valid JSON")
		}
		end := int(dec.InputOffset())
		o.fields = append(o.fields, field{name: fmt.Sprint(name), start: end - len(value), end: end})
	}
	return o, nil
}

// checkJSON returns an error unless data is one JSON value and nothing else.
func checkJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("\uFEFF")) {
		return errors.New("not valid JSON: it begins with a byte order mark")
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return errors.New("not valid JSON: it is empty")
	}
	var value json.RawMessage
	err := json.Unmarshal(data, &value)
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && syntax.Offset < int64(len(data)) {
		return fmt.Errorf("not valid JSON: see byte %d", syntax.Offset)
	}
	return errors.New("not valid JSON: it is cut off")
}

// find returns the field of exactly that name, nil when there is none or it is null.
func (o *object) find(name string) (*field, error) {
	var found *field
	for i := range o.fields {
		if o.fields[i].name != name {
			continue
		}
		if found != nil {
			return nil, o.errorf(name, "is there twice")
		}
		found = &o.fields[i]
	}
	if found == nil || string(o.data[found.start:found.end]) == "null" {
		return nil, nil
	}
	return found, nil
}

// value returns the JSON text of a field, nil when there is none or it is null.
func (o *object) value(name string) ([]byte, error) {
	f, err := o.find(name)
	if f == nil {
		return nil, err
	}
	return o.data[f.start:f.end], nil
}

func (o *object) errorf(name, reason string) error {
	return fmt.Errorf("field %q %s", o.path+name, reason)
}

// object returns a nested object; ok is false when there is none.
func (o *object) object(name string) (nested object, ok bool, err error) {
	value, err := o.value(name)
	if value == nil {
		return object{}, false, err
	}
	nested, err = parseObject(value)
	if err != nil {
		return object{}, false, o.errorf(name, "is not a JSON object")
	}
	nested.path = o.path + name + "."
	return nested, true, nil
}

// text returns a field that is a text, "" when there is none.
func (o *object) text(name string) (string, error) {
	value, err := o.value(name)
	if value == nil {
		return "", err
	}
	s, ok := unquote(value)
	if !ok {
		return "", o.errorf(name, "is not text")
	}
	return s, nil
}

// secret returns a field that is a key or token, kept byte for byte.
func (o *object) secret(name string) (credstore.Secret, error) {
	s, err := o.text(name)
	if err != nil || s == "" {
		return credstore.Secret{}, err
	}
	if credstore.TrimSpace(s) == "" {
		return credstore.Secret{}, o.errorf(name, "is blank")
	}
	// What encoding/json puts in the place of bytes that are no UTF-8.
	if strings.ContainsRune(s, utf8.RuneError) {
		return credstore.Secret{}, o.errorf(name, "has characters that are damaged")
	}
	return credstore.NewSecret(s), nil
}

// maxMilliseconds is the largest time of an ECMAScript Date, on either side of 1970.
const maxMilliseconds = 8.64e15

// time returns a field that is a time in milliseconds since 1970, as a number or
// as text. There being none, or 0, is the zero time: not known.
func (o *object) time(name string) (time.Time, error) {
	value, err := o.value(name)
	if value == nil {
		return time.Time{}, err
	}
	number := string(value)
	if s, ok := unquote(value); ok {
		number = credstore.TrimSpace(s)
	}
	if number == "" {
		return time.Time{}, nil
	}
	ms, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(ms) || math.Abs(ms) > maxMilliseconds {
		return time.Time{}, o.errorf(name, "is not a time in milliseconds")
	}
	if ms == 0 {
		return time.Time{}, nil
	}
	return time.UnixMilli(int64(ms)).UTC(), nil
}

// list returns the elements of a JSON array; ok is false for anything else.
func list(value []byte) (elements []json.RawMessage, ok bool) {
	if len(value) == 0 || value[0] != '[' {
		return nil, false
	}
	err := json.Unmarshal(value, &elements)
	return elements, err == nil
}

// unquote returns the text that a JSON string stands for; ok is false for anything else.
func unquote(value []byte) (s string, ok bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	err := json.Unmarshal(value, &s)
	return s, err == nil
}
