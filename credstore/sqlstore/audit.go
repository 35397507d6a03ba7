package sqlstore

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
)

// A change is what an audit event tells of: the fields that differ, by name.
type change struct{ before, after map[string]any }

func newChange() *change {
	return &change{before: make(map[string]any), after: make(map[string]any)}
}

func (c *change) set(field string, before, after any) {
	c.before[field], c.after[field] = before, after
}

// auditTime is a time in an audit event; nil when it is not known.
func auditTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC()
}

// redacted stands for a secret in an audit event; nil for none.
func redacted(present bool) any {
	if !present {
		return nil
	}
	return credstore.Secret{}.String()
}

// record appends the event of a change to the audit trail.
func (tx *Tx) record(ctx context.Context, action credstore.Action, objectType credstore.ObjectType, id string, c *change) error {
	event := credstore.AuditEvent{Action: action, ObjectType: objectType, ObjectID: id}
	for _, side := range []struct {
		fields map[string]any
		state  *json.RawMessage
	}{{c.before, &event.Before}, {c.after, &event.After}} {
		if len(side.fields) == 0 {
			continue
		}
		data, err := json.Marshal(side.fields)
		if err != nil {
			return err
		}
		*side.state = data
	}
	return tx.AppendAudit(ctx, event)
}

// AppendAudit records events by the actor of ctx. They are written, with the time
// of then, at the end of the transaction, right before the commit: what was
// recorded inside a savepoint that is undone never was. ErrInvalid. Imports use it;
// the store's own changes record themselves.
func (tx *Tx) AppendAudit(ctx context.Context, events ...credstore.AuditEvent) error {
	actor := credstore.ActorFrom(ctx)
	for _, event := range events {
		if err := checkEvent(event, actor); err != nil {
			return about(err, "audit event")
		}
	}
	for _, event := range events {
		tx.audit = append(tx.audit, auditValues(event, actor))
	}
	return nil
}

func checkEvent(event credstore.AuditEvent, actor credstore.Actor) error {
	for what, text := range map[string]string{
		"actor kind": string(actor.Kind), "actor name": actor.Name, "actor session": actor.Session, "actor address": actor.Address,
		"action": string(event.Action), "object type": string(event.ObjectType), "object id": event.ObjectID,
		"before": string(event.Before), "after": string(event.After),
	} {
		if err := checkText(what, text); err != nil {
			return err
		}
	}
	if event.Action == "" || event.ObjectType == "" || event.ObjectID == "" {
		return fmt.Errorf("%w: action, object type and object id are needed", credstore.ErrInvalid)
	}
	for what, state := range map[string]json.RawMessage{"before": event.Before, "after": event.After} {
		if len(state) > 0 && (!json.Valid(state) || bytes.TrimLeft(state, " \t\r\n")[0] != '{') {
			return fmt.Errorf("%w: %s is not a JSON object", credstore.ErrInvalid, what)
		}
	}
	return nil
}

// AppendAudit implements [credstore.AuditLog].
func (s *Store) AppendAudit(ctx context.Context, event credstore.AuditEvent) error {
	return s.write(ctx, func(ctx context.Context, tx *Tx) error { return tx.AppendAudit(ctx, event) })
}

type auditRow struct {
	ID         int64    `db:"event_id"`
	At         nullTime `db:"occurred_at"`
	Kind       string   `db:"actor_kind"`
	Name       string   `db:"actor_name"`
	Verified   bool     `db:"actor_verified"`
	Session    string   `db:"actor_session"`
	Address    string   `db:"actor_address"`
	Action     string   `db:"action"`
	ObjectType string   `db:"object_type"`
	ObjectID   string   `db:"object_id"`
	Before     *string  `db:"before_state"`
	After      *string  `db:"after_state"`
}

func (r *auditRow) event() credstore.AuditEvent {
	event := credstore.AuditEvent{
		ID: r.ID, At: r.At.Time,
		Actor: credstore.Actor{
			Kind: credstore.ActorKind(r.Kind), Name: r.Name, Verified: r.Verified, Session: r.Session, Address: r.Address,
		},
		Action: credstore.Action(r.Action), ObjectType: credstore.ObjectType(r.ObjectType), ObjectID: r.ObjectID,
	}
	if r.Before != nil {
		event.Before = json.RawMessage(*r.Before)
	}
	if r.After != nil {
		event.After = json.RawMessage(*r.After)
	}
	return event
}

var auditOrder = ordering[credstore.AuditEvent]{
	name: "audit events", columns: []string{"event_id"}, descending: true,
	key: func(e *credstore.AuditEvent) []any { return []any{e.ID} },
}

// ListAudit implements [credstore.AuditLog].
func (s *Store) ListAudit(ctx context.Context, filter credstore.AuditFilter, page credstore.PageRequest) (credstore.Page[credstore.AuditEvent], error) {
	var none credstore.Page[credstore.AuditEvent]
	query, err := s.filterAudit(filter)
	if err != nil {
		return none, about(err, "list audit events")
	}
	if query, err = auditOrder.page(query, page); err != nil {
		return none, about(err, "list audit events")
	}
	var rows []auditRow
	if err := s.allBuilt(ctx, &rows, query); err != nil {
		return none, about(err, "list audit events")
	}
	events := make([]credstore.AuditEvent, len(rows))
	for i := range rows {
		events[i] = rows[i].event()
	}
	return auditOrder.cut(events, page), nil
}

func (s *Store) filterAudit(filter credstore.AuditFilter) (sq.SelectBuilder, error) {
	query := sq.Select(auditColumns...).From("audit_events")
	action := s.dialect.bytewise("action")
	family, isFamily := strings.CutSuffix(string(filter.Action), ".")
	for _, condition := range []struct{ what, is, value string }{
		{"actor name", "actor_name = ?", filter.ActorName},
		{"actor session", "actor_session = ?", filter.ActorSession},
		{"action", map[bool]string{false: action + " = ?", true: action + " > ?"}[isFamily], string(filter.Action)},
		{"object type", "object_type = ?", string(filter.ObjectType)},
		{"object id", "object_id = ?", filter.ObjectID},
	} {
		if err := checkText(condition.what, condition.value); err != nil {
			return query, err
		}
		if condition.value != "" {
			query = query.Where(condition.is, condition.value)
		}
	}
	if isFamily {
		query = query.Where(action+" < ?", family+"/") // what follows "." in ASCII
	}
	if !filter.Since.IsZero() {
		query = query.Where("occurred_at >= ?", timeParam(filter.Since))
	}
	if !filter.Until.IsZero() {
		until := timeParam(filter.Until)
		query = query.Where("occurred_at < ?", until).Where(lastBefore, timeParam(filter.Until.Add(-clockSetBack)), until, until)
	}
	return query, nil
}

// lastBefore bounds the ids by the last event before a time, so that a listing begins
// there and does not walk from the end of the trail. Times ascend with ids, but for a
// clock that was set back: so it is the highest id of the clockSetBack before that time.
// The ids before are found by the index of times.
const lastBefore = `event_id <= coalesce((SELECT max(event_id) FROM audit_events WHERE occurred_at >= ? AND occurred_at < ?),
	(SELECT event_id FROM audit_events WHERE occurred_at < ? ORDER BY occurred_at DESC, event_id DESC LIMIT 1))`

// clockSetBack is how far a database's clock may be set back, as by a failover, and
// listings up to a time have all events all the same.
const clockSetBack = time.Hour
