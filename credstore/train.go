package credstore

import (
	"time"
)

// A Train is a client project as it is listed and shown: everything but the
// Slack webhook, which is a secret ([TrainReader.GetSlackConfig]).
type Train struct {
	ID          string
	Name        string // for people; may be empty
	Description string
	// DefaultAccountID is the account tried first; empty: none.
	DefaultAccountID string
	ClientKeys       int  // how many client keys there are
	Mappings         int  // how many accounts are mapped, deactivated ones included
	HasSlack         bool // there is a Slack configuration
	Active           bool // false after a soft delete: its client keys open nothing
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// A Mapping gives a train an account, with a priority.
type Mapping struct {
	Account   AccountRef
	Priority  int // higher is preferred; may be negative
	CreatedAt time.Time
}

// A Route is all that choosing an account for a train needs to know of it. It
// may be shared and cached: do not modify it.
type Route struct {
	TrainID string
	Active  bool
	// Default is the default account, also when it is deactivated; nil: none.
	Default *AccountRef
	// Mappings in the order of priority, highest first, then account name;
	// deactivated accounts included.
	Mappings []Mapping
}

// Restricted tells whether the train may use only the accounts it names. A train
// with neither a default account nor a mapping may use every active account.
func (r *Route) Restricted() bool { return r.Default != nil || len(r.Mappings) > 0 }

// A SlackConfig says where a train's notices go.
type SlackConfig struct {
	WebhookURL Secret
	Channel    string
	Username   string
	IconEmoji  string
	Enabled    bool
}

// A ClientKey is what a store keeps of a client key.
type ClientKey struct {
	Hash string // lower-case hex SHA-256
}

// A NewTrain is what [TrainAdmin.CreateTrain] takes.
type NewTrain struct {
	ID          string
	Name        string
	Description string
	ClientKeys  []Secret // plaintexts; only their hashes are stored
	Slack       *SlackConfig
}

// A TrainUpdate says what to change of a train; nil fields stay as they are.
type TrainUpdate struct {
	// IfUpdatedAt is the UpdatedAt that the caller saw: the update fails with
	// ErrConflict when the train has changed since. Zero: whatever is stored.
	IfUpdatedAt time.Time
	Name        *string
	Description *string
}

// A TrainSort is an order of [TrainReader.ListTrains].
type TrainSort string

// The orders; ties are broken by id. Text sorts as that of accounts does.
const (
	SortTrainID      TrainSort = "id" // the default
	SortTrainName    TrainSort = "name"
	SortTrainCreated TrainSort = "created"
)

// A TrainFilter says which trains to list, in which order.
type TrainFilter struct {
	Search            string // part of the id or name, in any case; empty: all
	Active            *bool  // nil: both
	AccountID         string // only trains that are mapped to, or default to, this account; empty: all
	WithoutClientKeys bool   // only trains that nobody can use for want of a client key
	Sort              TrainSort
	Descending        bool // the whole order reversed, ties too
}
