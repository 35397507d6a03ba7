package credstore

import (
	"context"
	"time"
)

// A Store is what every backend offers: all that serving requests and keeping
// tokens alive needs, and the listings. Every method may be called concurrently
// and observes its context. Methods that take an id return [ErrInvalidID] for one
// outside the grammar, and any may return [ErrUnavailable].
type Store interface {
	AccountReader
	TrainReader
	RequestStore
	TokenStore
	// Ping tells whether the store can answer now.
	Ping(ctx context.Context) error
	// Close writes what is waiting to be written and releases the store.
	Close() error
}

// An AdminStore is a store whose accounts and trains can be managed: the SQL
// stores are, the file store is not. Every change writes its audit event in the
// same transaction, by the actor of the context ([WithActor]); if the event
// cannot be written, the change does not happen.
type AdminStore interface {
	Store
	AccountAdmin
	TrainAdmin
	AuditLog
}

// A RequestStore answers what one request of a client needs. A cache stands in
// front of it.
type RequestStore interface {
	// ValidateClientKey returns nil when key is a client key of the train and
	// the train is active, [ErrUnauthorized] when not, whatever the reason, and
	// any other error when the store could not tell: then the client is not let in.
	ValidateClientKey(ctx context.Context, trainID string, key Secret) error

	// ClientKeyHashes returns the hashes of all client keys of an active train,
	// what ValidateClientKey decides by. [ErrNotFound], [ErrInactive].
	ClientKeyHashes(ctx context.Context, trainID string) ([]string, error)

	// GetRoute returns what choosing an account for the train needs.
	// [ErrNotFound]. A deactivated train has a route, with Active false.
	GetRoute(ctx context.Context, trainID string) (*Route, error)

	// ActiveAccounts returns all active accounts in the order of their names: the
	// accounts that an unrestricted train may use. It is not paged, because
	// ranking needs them all.
	ActiveAccounts(ctx context.Context) ([]AccountRef, error)

	// GetCredential returns what a request needs of the account's secrets: the API
	// key, or the access token. The refresh token may be left out, as the SQL
	// stores do, which would have to open it; [TokenStore.AcquireLease] returns
	// it. [ErrNotFound], [ErrInactive], [ErrDamaged]. An account that needs re-authentication still has a
	// credential, with NeedsReauth set.
	GetCredential(ctx context.Context, accountID string) (*Credential, error)

	// TouchLastUsed notes that the account served a request at that time. It
	// never waits: the note is written later, together with others, and at most
	// about once a minute for each account.
	TouchLastUsed(accountID string, at time.Time)
}

// A TokenStore keeps rotating OAuth tokens through concurrent refreshes.
type TokenStore interface {
	// AcquireLease asks for the right to refresh the account's tokens for ttl.
	// The account's row is locked while it is read, so Credential is what is
	// stored at that moment, whether or not the lease was acquired. Asking
	// again as the same owner renews the lease. Owners are opaque, unique to a
	// refresh. A lease that ends more than an hour later than one given now would
	// is void: a clock was set back, and nobody would live to see its end.
	// [ErrNotFound], [ErrInactive], [ErrDamaged].
	AcquireLease(ctx context.Context, accountID, owner string, ttl time.Duration) (Lease, error)

	// ReleaseLease gives the lease back. It is no error when owner does not hold it.
	ReleaseLease(ctx context.Context, accountID, owner string) error

	// SaveTokens replaces the account's tokens if the stored refresh token is
	// still spent, the one that was used to get them, and lifts a
	// re-authentication mark. [ErrConflict] when another refresh token is
	// stored, unless it is the new one: saving twice is no error. A deactivated
	// account is saved too: its tokens must not be lost. [ErrNotFound].
	SaveTokens(ctx context.Context, accountID string, spent Secret, tokens Tokens) error

	// MarkNeedsReauth records that the provider refused spent for good. reason
	// is the provider's error code. [ErrConflict] when another refresh token is
	// stored: then nothing is wrong with it. The mark goes when new tokens come,
	// from wherever. [ErrNotFound].
	MarkNeedsReauth(ctx context.Context, accountID string, spent Secret, reason string) error
}

// A Lease is the answer to [TokenStore.AcquireLease].
type Lease struct {
	Acquired   bool        // false: another owner holds it
	ExpiresAt  time.Time   // when the lease, one's own or the other's, ends
	Credential *Credential // as stored now
}

// An AccountReader lists and shows accounts. Nothing here decrypts anything.
type AccountReader interface {
	// ListAccountNames returns the names of all accounts, deactivated ones
	// included, in byte order.
	ListAccountNames(ctx context.Context, page PageRequest) (Page[string], error)

	// ListAccounts returns the accounts that pass the filter. [ErrInvalid] for
	// an unknown sort or a page cursor that is not one.
	ListAccounts(ctx context.Context, filter AccountFilter, page PageRequest) (Page[Account], error)

	// CountAccounts returns how many accounts pass the filter.
	CountAccounts(ctx context.Context, filter AccountFilter) (int, error)

	// GetAccount and GetAccountByName return one account. [ErrNotFound].
	GetAccount(ctx context.Context, accountID string) (*Account, error)
	GetAccountByName(ctx context.Context, name string) (*Account, error)
}

// A TrainReader lists and shows trains.
type TrainReader interface {
	// ListTrains returns the trains that pass the filter. [ErrInvalid] for an
	// unknown sort or a page cursor that is not one.
	ListTrains(ctx context.Context, filter TrainFilter, page PageRequest) (Page[Train], error)

	// CountTrains returns how many trains pass the filter.
	CountTrains(ctx context.Context, filter TrainFilter) (int, error)

	// GetTrain returns one train. [ErrNotFound].
	GetTrain(ctx context.Context, trainID string) (*Train, error)

	// ListClientKeys returns the hashes of the train's client keys, in the
	// order in which they were added, also of a deactivated train. [ErrNotFound].
	ListClientKeys(ctx context.Context, trainID string, page PageRequest) (Page[ClientKey], error)

	// ListMappings returns the train's mapped accounts, highest priority first,
	// then by account name. [ErrNotFound].
	ListMappings(ctx context.Context, trainID string, page PageRequest) (Page[Mapping], error)

	// GetSlackConfig returns the train's Slack configuration with its webhook,
	// and nil when it has none. [ErrNotFound], [ErrDamaged].
	GetSlackConfig(ctx context.Context, trainID string) (*SlackConfig, error)
}

// An AccountAdmin changes accounts. Changes that leave everything as it is
// succeed, and record nothing.
type AccountAdmin interface {
	// CreateAccount adds an active account. [ErrInvalid], [ErrAlreadyExists] for
	// its id or its name.
	CreateAccount(ctx context.Context, account NewAccount) (*Account, error)

	// UpdateAccount changes an account in one step. New tokens lift a
	// re-authentication mark. [ErrNotFound], [ErrInvalid] also when the account
	// would lack the secrets of its type, [ErrAlreadyExists] for the name,
	// [ErrConflict].
	UpdateAccount(ctx context.Context, accountID string, update AccountUpdate) (*Account, error)

	// RevealSecret returns one of the account's secrets for a person to see, after
	// recording who saw which; zero when none is stored. Of deactivated accounts
	// too. [ErrNotFound], [ErrInvalid] for a kind that accounts of its type do not
	// have, [ErrDamaged].
	RevealSecret(ctx context.Context, accountID string, kind SecretKind) (Secret, error)

	// DeactivateAccount takes the account out of service (soft delete), and with
	// removeMappings also out of every train that maps or defaults to it. A train
	// that has no other account, mapped or default, keeps it: the train is then
	// without a usable account, where without any it could use every active one.
	// [ErrNotFound].
	DeactivateAccount(ctx context.Context, accountID string, removeMappings bool) error

	// ReactivateAccount puts the account back into service. [ErrNotFound].
	ReactivateAccount(ctx context.Context, accountID string) error
}

// A TrainAdmin changes trains, their client keys, mappings and Slack
// configuration. Changes that leave everything as it is succeed, and record nothing.
type TrainAdmin interface {
	// CreateTrain adds an active train. [ErrInvalid], [ErrAlreadyExists].
	CreateTrain(ctx context.Context, train NewTrain) (*Train, error)

	// UpdateTrain changes name and description. [ErrNotFound], [ErrConflict].
	UpdateTrain(ctx context.Context, trainID string, update TrainUpdate) (*Train, error)

	// DeactivateTrain takes the train out of service (soft delete). [ErrNotFound].
	DeactivateTrain(ctx context.Context, trainID string) error

	// ReactivateTrain puts the train back into service. [ErrNotFound].
	ReactivateTrain(ctx context.Context, trainID string) error

	// AddClientKeys adds client keys, trimmed of white space at both ends, and
	// returns how many were new. [ErrNotFound], [ErrInvalid] for an empty key.
	AddClientKeys(ctx context.Context, trainID string, keys ...Secret) (int, error)

	// RevokeClientKey removes the client key with that hash. [ErrNotFound] for
	// the train or the key.
	RevokeClientKey(ctx context.Context, trainID, hash string) error

	// AddMapping maps an account to a train. [ErrNotFound] for either,
	// [ErrAlreadyExists].
	AddMapping(ctx context.Context, trainID, accountID string, priority int) error

	// RemoveMapping removes a mapping; a default account stays the default. A
	// train left without any mapping and default may use every active account:
	// [ErrWouldWiden] unless mayWiden. [ErrNotFound].
	RemoveMapping(ctx context.Context, trainID, accountID string, mayWiden bool) error

	// ReorderMappings gives the train's mappings the order of accountIDs, first
	// is preferred. seen is the order the caller saw (account ids, as
	// ListMappings gives them): [ErrConflict] when it is no longer that,
	// [ErrInvalid] when accountIDs is not a permutation of seen. [ErrNotFound].
	ReorderMappings(ctx context.Context, trainID string, seen, accountIDs []string) error

	// ResetMappings takes the order away: every mapping gets priority 0, that of
	// a mapping nobody gave another, so that none is preferred to the others.
	// seen is the order the caller saw, as for ReorderMappings: [ErrConflict].
	// [ErrNotFound].
	ResetMappings(ctx context.Context, trainID string, seen []string) error

	// SetDefaultAccount sets the account tried first; "" for none. A train left
	// without any mapping and default may use every active account:
	// [ErrWouldWiden] unless mayWiden, which matters for "" alone. [ErrNotFound]
	// for either.
	SetDefaultAccount(ctx context.Context, trainID, accountID string, mayWiden bool) error

	// SetSlackConfig replaces the train's Slack configuration; a zero webhook
	// keeps the stored one, nil removes all. Fields of the stored JSON that
	// [SlackConfig] does not know are kept. [ErrNotFound], [ErrInvalid].
	SetSlackConfig(ctx context.Context, trainID string, slack *SlackConfig) error
}

// An AuditLog is the append-only record of changes.
type AuditLog interface {
	// AppendAudit records something that is not a change of this store, such as
	// a login. Action, ObjectType and ObjectID are required. [ErrInvalid].
	AppendAudit(ctx context.Context, event AuditEvent) error

	// ListAudit returns the events that pass the filter, newest first.
	ListAudit(ctx context.Context, filter AuditFilter, page PageRequest) (Page[AuditEvent], error)
}

// A Sealer encrypts what a store keeps. crypto.Sealer is one.
type Sealer interface {
	// Seal encrypts plaintext.
	Seal(plaintext string) (string, error)
	// Open decrypts what Seal returned.
	Open(sealed string) (string, error)
}
