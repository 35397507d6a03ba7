package sqlstore

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/signalbox-go/signalbox/credstore"
)

// checkText refuses what a text column cannot hold. PostgreSQL would refuse it
// too; SQLite would not. The error does not quote it.
func checkText(what, text string) error {
	if strings.ContainsRune(text, 0) {
		return fmt.Errorf("%w: %s has a NUL byte", credstore.ErrInvalid, what)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%w: %s is not UTF-8", credstore.ErrInvalid, what)
	}
	return nil
}

// checkShortText is checkText for a column of 255 characters.
func checkShortText(what, text string) error {
	if n := utf8.RuneCountInString(text); n > credstore.MaxIDLength {
		return fmt.Errorf("%w: %s has %d characters, at most %d are allowed", credstore.ErrInvalid, what, n, credstore.MaxIDLength)
	}
	return checkText(what, text)
}

func checkSecret(what string, secret credstore.Secret) error { return checkText(what, secret.Reveal()) }

// checkTokens looks at tokens that are about to be stored, present or not.
func checkTokens(tokens credstore.Tokens) error {
	if err := checkSecret("access token", tokens.Access); err != nil {
		return err
	}
	if err := checkSecret("refresh token", tokens.Refresh); err != nil {
		return err
	}
	for _, scope := range tokens.Scopes {
		if err := checkText("scope", scope); err != nil {
			return err
		}
	}
	return nil
}

// checkPriority refuses what the column (a 32-bit integer) cannot hold.
func checkPriority(priority int) error {
	if priority < math.MinInt32 || priority > math.MaxInt32 {
		return fmt.Errorf("%w: priority %d is not within %d and %d", credstore.ErrInvalid, priority, math.MinInt32, math.MaxInt32)
	}
	return nil
}
