package credstore

import (
	"encoding/json"
	"time"
)

// An Action is what an audit event records: object and verb, as "account.create".
type Action string

// The actions that stores record themselves. Programs may record others, such as
// a login, with [AuditLog.AppendAudit].
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

// An ObjectType is the kind of thing an audit event is about.
type ObjectType string

// The object types. Client keys, mappings and Slack settings belong to a train.
const (
	ObjectAccount ObjectType = "account"
	ObjectTrain   ObjectType = "train"
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
	ActorName  string
	Action     Action
	ObjectType ObjectType
	ObjectID   string
	Since      time.Time // at or after
	Until      time.Time // before
}
