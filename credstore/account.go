package credstore

import (
	"fmt"
	"strings"
	"time"
)

// A CredentialType is the kind of credential an account holds.
type CredentialType string

// The credential types, as stored.
const (
	APIKey CredentialType = "api_key"
	OAuth  CredentialType = "oauth"
)

// CheckCredentialType returns an error that wraps [ErrInvalid] for anything but
// [APIKey] and [OAuth].
func CheckCredentialType(t CredentialType) error {
	if t != APIKey && t != OAuth {
		return fmt.Errorf("%w: credential type must be %q or %q", ErrInvalid, APIKey, OAuth)
	}
	return nil
}

// A SecretKind names one of an account's secrets, as audit events do.
type SecretKind string

// The kinds of secrets: an account of type [APIKey] has the first, one of type
// [OAuth] the others.
const (
	SecretAPIKey       SecretKind = "api_key"
	SecretAccessToken  SecretKind = "access_token"
	SecretRefreshToken SecretKind = "refresh_token"
)

// An Account is an upstream credential as it is listed and shown: everything but
// its secrets. Times have microsecond precision and are in UTC.
type Account struct {
	ID   string // such as acc_f3a3cc0537c4
	Name string // unique
	Type CredentialType
	// ExpiresAt is when the OAuth access token expires (millisecond precision);
	// zero when that is not known, and for API keys.
	ExpiresAt time.Time
	Scopes    []string // OAuth scopes; nil when not known
	IsMax     bool     // the subscription behind the tokens is of the Max tier
	Active    bool     // false after a soft delete
	CreatedAt time.Time
	UpdatedAt time.Time
	// LastUsedAt is when the account last served a request, coarsely (to about a
	// minute); zero when never.
	LastUsedAt time.Time
	// ReauthSince is when the provider refused the refresh token for good; zero
	// when it did not. Such an account serves nothing until somebody logs in again.
	ReauthSince time.Time
	// ReauthReason is the provider's error code, such as "invalid_grant".
	ReauthReason string
}

// NeedsReauth tells whether somebody has to log in again for this account.
func (a *Account) NeedsReauth() bool { return !a.ReauthSince.IsZero() }

// An AccountRef is as much of an account as choosing one needs.
type AccountRef struct {
	ID          string
	Name        string
	Type        CredentialType
	Active      bool
	NeedsReauth bool
}

// Usable tells whether the account can serve a request at all.
func (a AccountRef) Usable() bool { return a.Active && !a.NeedsReauth }

// A Credential is an account's secrets, ready for use. It is a value that many
// requests may share: do not modify what it points to.
type Credential struct {
	AccountID   string
	AccountName string
	Type        CredentialType
	APIKey      Secret // set for APIKey
	// Tokens is set for OAuth. Its Refresh may be left out where only Access is
	// needed: see [RequestStore.GetCredential].
	Tokens      Tokens
	Renewable   bool // there is a refresh token
	NeedsReauth bool // the refresh token was refused for good
}

// Tokens are an OAuth access token and the refresh token that renews it.
type Tokens struct {
	Access  Secret
	Refresh Secret // zero in a credential file without one: it cannot be renewed
	// ExpiresAt is when Access expires (millisecond precision); zero when not known.
	ExpiresAt time.Time
	Scopes    []string // nil when not known; a save with nil keeps what is stored
}

// A NewAccount is what [AccountAdmin.CreateAccount] takes.
type NewAccount struct {
	ID     string // empty: "acc_" and 16 random hex digits
	Name   string
	Type   CredentialType
	APIKey Secret
	// Tokens may be present beside an API key, as in some credential files; they
	// are kept and not used.
	Tokens Tokens
	IsMax  bool
}

// Check returns an error that wraps [ErrInvalid] unless the account has a valid
// id (or none), name and type and the secrets of its type: an API key, or both tokens.
func (a *NewAccount) Check() error {
	if a.ID != "" {
		if err := CheckID("account id", a.ID); err != nil {
			return err
		}
	}
	if err := CheckID("account name", a.Name); err != nil {
		return err
	}
	if err := CheckCredentialType(a.Type); err != nil {
		return err
	}
	return checkSecrets(a.Type, !a.APIKey.IsZero(), !a.Tokens.Access.IsZero(), !a.Tokens.Refresh.IsZero())
}

func checkSecrets(t CredentialType, apiKey, access, refresh bool) error {
	if t == APIKey && !apiKey {
		return fmt.Errorf("%w: an %s account needs an API key", ErrInvalid, t)
	}
	if t == OAuth && (!access || !refresh) {
		return fmt.Errorf("%w: an %s account needs an access token and a refresh token", ErrInvalid, t)
	}
	return nil
}

// An AccountUpdate says what to change of an account; nil and zero fields stay
// as they are. Setting a secret is a rotation, and is recorded as one.
type AccountUpdate struct {
	// IfUpdatedAt is the UpdatedAt that the caller saw: the update fails with
	// ErrConflict when the account has changed since. Zero: whatever is stored.
	IfUpdatedAt  time.Time
	Name         *string
	Type         *CredentialType
	APIKey       Secret
	AccessToken  Secret
	RefreshToken Secret
	ExpiresAt    *time.Time // a zero time: not known
	Scopes       *[]string
	IsMax        *bool
}

// Rotates tells whether the update sets a secret.
func (u *AccountUpdate) Rotates() bool {
	return !u.APIKey.IsZero() || !u.AccessToken.IsZero() || !u.RefreshToken.IsZero()
}

// An AccountSort is an order of [AccountReader.ListAccounts].
type AccountSort string

// The orders; ties are broken by name. Never used sorts before every time. Text
// sorts by its bytes or, in PostgreSQL, by the collation of the database.
const (
	SortAccountName     AccountSort = "name" // the default
	SortAccountCreated  AccountSort = "created"
	SortAccountLastUsed AccountSort = "last_used"
	SortAccountType     AccountSort = "type"
)

// An AccountFilter says which accounts to list, in which order.
type AccountFilter struct {
	Search string         // part of the name or id, in any case; empty: all
	Type   CredentialType // empty: both
	Active *bool          // nil: both
	Reauth *bool          // needs re-authentication; nil: both
	// ExpiresBefore leaves the OAuth accounts whose expiry is known and before
	// that time, long past ones included; zero: all.
	ExpiresBefore time.Time
	// UnusedSince leaves the accounts that were created before that time and did
	// not serve a request since; zero: all. An account whose creation time is not
	// known counts as old.
	UnusedSince time.Time
	Sort        AccountSort
	Descending  bool // the whole order reversed, ties too
}

// HasSearch tells whether text contains the search string, without regard to
// ASCII case: the meaning of Search that all backends share.
func HasSearch(text, search string) bool {
	return strings.Contains(lowerASCII(text), lowerASCII(search))
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
