package credstore

import (
	"strings"
	"unicode"
)

// TrimSpace removes white space at both ends of s as ECMAScript's trim does, so
// that train ids and client keys read the same as they always have: U+FEFF goes,
// U+0085 stays, unlike with [strings.TrimSpace].
func TrimSpace(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		switch r {
		case '\uFEFF':
			return true
		case '\u0085':
			return false
		}
		return unicode.IsSpace(r)
	})
}
