package filestore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/signalbox-go/signalbox/credstore"
)

// claims are what no two account files may share, with the path of the file that
// has it: the first in the order of names.
type claims struct {
	ids    map[string]string // account ids
	tokens map[string]string // hashes of OAuth accounts' refresh tokens, which work once
}

func newClaims() *claims {
	return &claims{ids: map[string]string{}, tokens: map[string]string{}}
}

// claim notes what the file has, or tells which file has it already.
func (c *claims) claim(file *AccountFile) error {
	id := file.id()
	if first, taken := c.ids[id]; taken {
		return damaged(file.Path, fmt.Errorf("its account id %s is that of %s", id, first))
	}
	refresh := file.Account.Tokens.Refresh
	if file.Account.Type == credstore.OAuth && !refresh.IsZero() {
		hash := hashToken(refresh)
		if first, taken := c.tokens[hash]; taken {
			return damaged(file.Path, &copyError{first})
		}
		c.tokens[hash] = file.Path
	}
	c.ids[id] = file.Path
	return nil
}

// A copyError says that an account file is a link to another, or a copy of it: two
// accounts that spend one refresh token lose it.
type copyError struct{ first string }

func (e *copyError) Error() string {
	return fmt.Sprintf("its refresh token is that of %s, or was when both were read: one of them is a link or a copy", e.first)
}

// stillCopy returns the error of an account that was refused as a copy, as long as
// its file is as it was and the other one is there. When the other one is
// refreshed, the copy keeps the token that was spent.
func stillCopy(before *account, source *file[AccountFile], files map[string]*file[AccountFile]) error {
	var refused *copyError
	if before == nil || !errors.As(before.err, &refused) || before.source.value != source.value ||
		files[strings.TrimSuffix(refused.first, accountSuffix)] == nil {
		return nil
	}
	return before.err
}
