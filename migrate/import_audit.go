package migrate

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// event is what the audit trail says of the account: the same fields as when it
// is created or updated in other ways.
func (a *accountImport) event() credstore.AuditEvent {
	event := credstore.AuditEvent{ObjectType: credstore.ObjectAccount, ObjectID: a.row.ID}
	before, after := map[string]any{}, map[string]any{}
	if a.stored == nil {
		event.Action = credstore.ActionAccountCreate
		compareAccounts(&sqlstore.AccountRow{}, &a.row, map[string]any{}, after)
		after["is_max"] = a.row.IsMax
	} else if event.Action = credstore.ActionAccountUpdate; compareAccounts(a.stored, &a.row, before, after) {
		event.Action = credstore.ActionAccountRotate
	}
	event.Before, event.After = auditState(before), auditState(after)
	return event
}

// compareAccounts puts the fields that differ into before and after, and tells
// whether a secret is among them: those show as redacted.
func compareAccounts(old, row *sqlstore.AccountRow, before, after map[string]any) (rotated bool) {
	set := func(field string, differs bool, was, is any) {
		if differs {
			before[field], after[field] = was, is
		}
	}
	set("name", old.Name != row.Name, old.Name, row.Name)
	set("type", old.Type != row.Type, old.Type, row.Type)
	set("is_max", old.IsMax != row.IsMax, old.IsMax, row.IsMax)
	set("active", old.Active != row.Active, old.Active, row.Active)
	set("expires_at", !old.ExpiresAt.Equal(row.ExpiresAt), auditTime(old.ExpiresAt), auditTime(row.ExpiresAt))
	set("scopes", !slices.Equal(old.Scopes, row.Scopes), old.Scopes, row.Scopes)
	oldSecrets, rowSecrets := rowSecrets(old), rowSecrets(row)
	for k, field := range [secretCount]string{"api_key", "access_token", "refresh_token"} {
		differs := *oldSecrets[k] != *rowSecrets[k]
		set(field, differs, redacted(*oldSecrets[k]), redacted(*rowSecrets[k]))
		rotated = rotated || differs
	}
	return rotated
}

// auditState is the JSON of fields; nil for none.
func auditState(fields map[string]any) json.RawMessage {
	if len(fields) == 0 {
		return nil
	}
	data, _ := json.Marshal(fields) // texts, flags and times always encode
	return data
}

func auditTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// redacted stands for a secret; nil for none.
func redacted(sealed string) any {
	if sealed == "" {
		return nil
	}
	return credstore.Secret{}.String()
}
