package browser

import (
	"fmt"
	"regexp"
	"unicode/utf8"
)

// canary is what marks the secrets of tests, as scripts/find-canaries has it.
var canary = regexp.MustCompile(`CANARY[-_][A-Za-z0-9]+`)

// mask hides the planted secrets in a message for people.
func mask(text string) string {
	return canary.ReplaceAllString(text, "[planted secret]")
}

// short quotes the beginning of a text from the page, with the secrets masked.
func short(text string) string {
	const limit = 200
	text = mask(text)
	if runes := []rune(text); utf8.RuneCountInString(text) > limit {
		text = string(runes[:limit]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
