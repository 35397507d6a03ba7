package migrate

import (
	"slices"
	"time"

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// decide sets the row to write, what the report says, and which of the file's
// secrets are to be sealed for it. The rules are those of the package
// documentation, under "What wins".
func (a *accountImport) decide(opened plainSecrets) (take [secretCount]bool) {
	a.item.Changed = nil
	if a.stored == nil {
		return a.decideNew()
	}
	a.row = *a.stored
	fileIsNewer := a.fileIsNewer()
	take[apiKey] = a.decideAPIKey(opened, fileIsNewer)
	a.decideTokens(opened, fileIsNewer, &take)
	if t := a.file.Account.Type; t != a.stored.Type {
		if fileIsNewer {
			a.row.Type = t
			a.changed("type")
		} else {
			a.kept("type")
		}
	}
	a.item.Outcome = OutcomeUnchanged
	if len(a.item.Changed) > 0 {
		a.item.Outcome = OutcomeUpdated
	}
	return take
}

func (a *accountImport) decideNew() (take [secretCount]bool) {
	account := &a.file.Account
	a.row = sqlstore.AccountRow{
		ID: a.item.ID, Name: account.Name, Type: account.Type,
		ExpiresAt: account.Tokens.ExpiresAt, Scopes: account.Tokens.Scopes, IsMax: account.IsMax, Active: true,
	}
	for k, secret := range fileSecrets(a.file) {
		take[k] = !secret.IsZero()
	}
	a.item.Outcome = OutcomeNew
	return take
}

// fileTick is how much earlier than now a file system may say that a file was
// written: it asks a clock that ticks 100 times a second or more often.
const fileTick = 10 * time.Millisecond

func (a *accountImport) fileIsNewer() bool {
	return a.modified.Add(fileTick).After(a.stored.UpdatedAt)
}

func (a *accountImport) decideAPIKey(opened plainSecrets, fileIsNewer bool) (take bool) {
	key := a.file.Account.APIKey
	switch {
	case key.IsZero(), key.Equal(opened[apiKey]):
		return false
	case a.stored.APIKey != "" && !fileIsNewer:
		a.kept("API key")
		return false
	}
	a.changed("api_key")
	return true
}

// decideTokens takes or leaves access token, refresh token and expiry together:
// they belong to one login.
func (a *accountImport) decideTokens(opened plainSecrets, fileIsNewer bool, take *[secretCount]bool) {
	tokens := &a.file.Account.Tokens
	if tokens.Access.IsZero() && tokens.Refresh.IsZero() {
		return
	}
	same := tokens.Access.Equal(opened[accessToken]) && tokens.Refresh.Equal(opened[refreshToken])
	takeTokens := a.tokensAreNewer(fileIsNewer)
	switch {
	case !same && takeTokens:
		take[accessToken], take[refreshToken] = !tokens.Access.IsZero(), !tokens.Refresh.IsZero()
		a.row.ExpiresAt = tokens.ExpiresAt
		a.changed("tokens")
	case !same:
		a.kept("tokens")
		return
	case !fileIsNewer:
		return
	case !tokens.ExpiresAt.IsZero() && !tokens.ExpiresAt.Equal(a.stored.ExpiresAt):
		a.row.ExpiresAt = tokens.ExpiresAt
		a.changed("expires_at")
	}
	if tokens.Scopes != nil && !slices.Equal(tokens.Scopes, a.stored.Scopes) {
		a.row.Scopes = tokens.Scopes
		a.changed("scopes")
	}
	if a.file.Account.IsMax != a.stored.IsMax {
		a.row.IsMax = a.file.Account.IsMax
		a.changed("is_max")
	}
}

// tokensAreNewer tells whether the file's tokens replace the stored ones: only if
// the file was written after the row, and they do not expire earlier. Expiry alone
// cannot tell: a refreshed token may live for less time than the one before had left.
func (a *accountImport) tokensAreNewer(fileIsNewer bool) bool {
	ours, theirs := a.file.Account.Tokens.ExpiresAt, a.stored.ExpiresAt
	switch {
	case a.stored.AccessToken == "" && a.stored.RefreshToken == "":
		return true
	case ours.Before(theirs): // also when the file does not know the expiry, and the row does
		return false
	}
	return fileIsNewer
}

func (a *accountImport) changed(what string) { a.item.Changed = append(a.item.Changed, what) }

func (a *accountImport) kept(what string) {
	a.item.note("kept the stored %s, newer than the file's", what)
}
