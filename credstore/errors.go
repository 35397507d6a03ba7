package credstore

import (
	"errors"
	"fmt"
)

// The sentinels that stores return, wrapped with what and where. Test with
// [errors.Is]; the texts are for people and may change.
var (
	// ErrNotFound: no account, train, mapping or client key of that name.
	ErrNotFound = errors.New("not found")

	// ErrAlreadyExists: the id or name is taken.
	ErrAlreadyExists = errors.New("already exists")

	// ErrConflict: the stored value is no longer the one the caller saw. Read
	// again, decide again.
	ErrConflict = errors.New("changed meanwhile")

	// ErrWouldWiden: the change would leave the train without any account, mapped
	// or default, and the caller did not allow that: it could then use every
	// active one. Nothing was changed.
	ErrWouldWiden = errors.New("the train could use every account")

	// ErrInvalid: the caller's value breaks a rule; the message says which.
	// Nothing was changed.
	ErrInvalid = errors.New("invalid")

	// ErrInvalidID: an id or name outside the grammar of [CheckID]. Wraps ErrInvalid.
	ErrInvalidID = fmt.Errorf("%w id", ErrInvalid)

	// ErrUnauthorized: the client key does not open the train. Unknown train,
	// deactivated train and wrong key look the same.
	ErrUnauthorized = errors.New("unauthorized")

	// ErrInactive: the account or train is deactivated.
	ErrInactive = errors.New("deactivated")

	// ErrNeedsReauth: the account's refresh token was refused for good; a person
	// has to log in again.
	ErrNeedsReauth = errors.New("needs re-authentication")

	// ErrDamaged: what is stored cannot be read: a file that is not what it
	// should be, or a secret that does not open under the encryption key.
	ErrDamaged = errors.New("damaged")

	// ErrUnavailable: the store did not answer (no connection, time-out, lock
	// not to be had). Says nothing about what is stored.
	ErrUnavailable = errors.New("store unavailable")

	// ErrReadOnly: this backend cannot hold or change that.
	ErrReadOnly = errors.New("read-only")
)
