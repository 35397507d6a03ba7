package credstore

import (
	"encoding/json"
	"time"
)

// An Action is what an audit event records: object and verb, as "account.create".
type Action string

// The actions that stores record themselves.
const (
	ActionAccountCreate     Action = "account.create"
	ActionAccountUpdate     Action = "account.update"
	ActionAccountRotate     Action = "account.rotate"
	ActionAccountReveal     Action = "account.reveal"
	ActionAccountDeactivate Action = "account.deactivate"
	ActionAccountReactivate Action = "account.reactivate"
	ActionAccountReauth     Action = "account.needs_reauth"
	ActionTrainCreate       Action = "train.create"
	ActionTrainUpdate       Action = "train.update"
	ActionTrainDeactivate   Action = "train.deactivate"
	ActionTrainReactivate   Action = "train.reactivate"
	ActionClientKeyAdd      Action = "client_key.add"
	ActionClientKeyRevoke   Action = "client_key.revoke"
	ActionMappingAdd        Action = "mapping.add"
	ActionMappingRemove     Action = "mapping.remove"
	ActionMappingReorder    Action = "mapping.reorder"
	ActionMappingDefault    Action = "mapping.default"
	ActionSlackUpdate       Action = "slack.update"
)

// The actions that a dashboard records, with [AuditLog.AppendAudit]. Programs may
// record others.
const (
	ActionLogin       Action = "session.login"
	ActionLoginFailed Action = "session.login_failed"
	ActionLogout      Action = "session.logout"
	ActionLogoutAll   Action = "session.logout_all" // every session of everybody
	ActionSlackTest   Action = "slack.test"         // a message was sent to the train's webhook
	ActionAuditExport Action = "audit.export"       // events were taken out as a file; After says which
)

// An ObjectType is the kind of thing an audit event is about.
type ObjectType string

// The object types. Client keys, mappings and Slack settings belong to a train.
const (
	ObjectAccount ObjectType = "account"
	ObjectTrain   ObjectType = "train"
	ObjectSession ObjectType = "session" // a login at the dashboard; its id is no secret
)

// An AuditEvent is one line of the audit trail. Before and After are JSON objects
// with the fields that changed, without secrets: a rotated secret shows as
// "[redacted]", a client key as its hash.
type AuditEvent struct {
	ID         int64     // ascending; given by the store
	At         time.Time // microseconds, UTC; given by the store
	Actor      Actor     // given by the store, from the context
	Action     Action
	ObjectType ObjectType
	ObjectID   string
	Before     json.RawMessage // nil for a creation
	After      json.RawMessage // nil for a removal
}

// An AuditFilter says which audit events to list; zero fields do not filter.
type AuditFilter struct {
	ActorName    string
	ActorSession string
	Action       Action // one that ends in "." stands for its family: "account." for all of accounts
	ObjectType   ObjectType
	ObjectID     string
	Since        time.Time // at or after
	Until        time.Time // before
}
