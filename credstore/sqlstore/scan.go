package sqlstore

import (
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// What the columns hold is read into these types, which accept what either
// driver returns, and NULL wherever existing databases may have it.

// A nullTime reads a time, in UTC; the zero time for NULL.
type nullTime struct{ time.Time }

// Scan implements [sql.Scanner].
func (t *nullTime) Scan(value any) error {
	switch value := value.(type) {
	case nil:
		t.Time = time.Time{}
		return nil
	case time.Time:
		t.Time = value.UTC()
		return nil
	case string:
		parsed, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			return errors.New("not a time") // without the value
		}
		t.Time = parsed.UTC()
		return nil
	}
	return errors.New("not a time")
}

// A textList reads a JSON array of texts; nil for NULL. NULL elements are left out.
type textList []string

// Scan implements [sql.Scanner].
func (l *textList) Scan(value any) error {
	var data sql.RawBytes
	switch value := value.(type) {
	case nil:
		*l = nil
		return nil
	case []byte:
		data = value
	case string:
		data = []byte(value)
	}
	var elements []*string
	if err := json.Unmarshal(data, &elements); err != nil {
		return errors.New("not a list of texts") // without the value
	}
	*l = make([]string, 0, len(elements))
	for _, element := range elements {
		if element != nil {
			*l = append(*l, *element)
		}
	}
	return nil
}

// hashes are the client keys of a stored list: what looks like one (64 lower-case
// hexadecimal digits), once. Anything else opens nothing, and could be a key
// that somebody stored in the clear: it is never shown.
func (l textList) hashes() []string {
	seen := make(map[string]bool, len(l))
	found := make([]string, 0, len(l))
	for _, entry := range l {
		if isHash(entry) && !seen[entry] {
			seen[entry] = true
			found = append(found, entry)
		}
	}
	return found
}

func isHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

// nullText is the parameter that stores a text; NULL for the empty one.
func nullText(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// expiry reads oauth_expires_at: milliseconds since 1970, where NULL and 0 mean
// that it is not known.
func expiry(milliseconds sql.NullInt64) time.Time {
	if milliseconds.Int64 == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds.Int64).UTC()
}

// expiryParam is the parameter that stores oauth_expires_at.
func expiryParam(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}
