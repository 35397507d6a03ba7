package filestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/signalbox-go/signalbox/credstore"
)

// clientKeysSuffix ends the names of client key files; what stands before it is
// the train's id.
const clientKeysSuffix = ".client-keys.json"

// A ClientKeysFile is what a client key file holds. Package filestore's
// documentation draws the format.
type ClientKeysFile struct {
	Path    string // base name, such as team-a.client-keys.json
	TrainID string
	// Keys are the client keys in the order of the file, trimmed of white space
	// at both ends, each once.
	Keys []credstore.Secret
	// Skipped is how many entries were left out because they are blank or no text.
	Skipped int
}

// parseClientKeys reads a client key file. The error is the reason only, without
// file name, and never shows a value.
func parseClientKeys(train string, data []byte) (*ClientKeysFile, error) {
	elements, err := keyElements(data)
	if err != nil {
		return nil, err
	}
	f := &ClientKeysFile{Path: train + clientKeysSuffix, TrainID: train}
	seen := map[string]bool{}
	for _, element := range elements {
		text, _ := unquote(element)
		key := credstore.TrimClientKey(credstore.NewSecret(text))
		switch hash := credstore.HashClientKey(key); {
		case key.IsZero():
			f.Skipped++
		case !seen[hash]:
			seen[hash] = true
			f.Keys = append(f.Keys, key)
		}
	}
	return f, nil
}

// keyElements finds the list of client keys: the file itself, or the first of the
// fields "keys" and "client_api_keys" that is a list, an empty one included.
func keyElements(data []byte) ([]json.RawMessage, error) {
	if err := checkJSON(data); err != nil {
		return nil, err
	}
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8") // a key that is read otherwise opens nothing
	}
	if elements, ok := list(bytes.TrimSpace(data)); ok {
		return elements, nil
	}
	const wanted = `neither a list of client keys nor an object with the list "keys" or "client_api_keys"`
	root, err := parseObject(data)
	if err != nil {
		return nil, errors.New(wanted)
	}
	for _, name := range []string{"keys", "client_api_keys"} {
		value, err := root.value(name)
		if err != nil {
			return nil, err
		}
		if elements, ok := list(value); ok {
			return elements, nil
		}
	}
	return nil, errors.New(wanted)
}
