package server

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-go/signalbox/credstore"
)

// An eventRow is an audit event as lists show it.
type eventRow struct {
	credstore.AuditEvent
	Diff       diff
	ObjectName string // the account's name
	ObjectURL  string // of its page; empty: none
}

// Clock is the time to the second, in UTC.
func (r eventRow) Clock() string { return r.At.UTC().Format("2006-01-02 15:04:05") }

// Tone is how much an event stands out: bad, warn or nothing.
func (r eventRow) Tone() string {
	switch r.Action {
	case credstore.ActionLoginFailed, credstore.ActionAccountReauth:
		return "bad"
	case credstore.ActionAccountReveal, credstore.ActionAccountDeactivate, credstore.ActionTrainDeactivate, credstore.ActionClientKeyRevoke,
		credstore.ActionMappingRemove, credstore.ActionAuditExport:
		return "warn"
	default:
		return ""
	}
}

// SameActor is the address of what the actor did, and SameSession of what was done in
// the session.
func (r eventRow) SameActor() string   { return auditURL(fields{"actor": r.Actor.Name}) }
func (r eventRow) SameSession() string { return auditURL(fields{"session": r.Actor.Session}) }

// SameObject is the address of what happened to the object.
func (r eventRow) SameObject() string {
	return auditURL(fields{"object": string(r.ObjectType), "id": r.ObjectID})
}

func auditURL(filter fields) string {
	query := url.Values{}
	for name, value := range filter {
		query.Set(name, value)
	}
	return "/dashboard/audit?" + query.Encode()
}

// eventRows makes rows of events.
func (s *server) eventRows(ctx context.Context, events []credstore.AuditEvent) ([]eventRow, error) {
	names, err := s.accountNames(ctx, events)
	if err != nil {
		return nil, err
	}
	rows := make([]eventRow, len(events))
	for i, event := range events {
		rows[i] = eventRow{AuditEvent: event, Diff: diffOf(event.Before, event.After), ObjectURL: objectURL(event)}
		if event.ObjectType == credstore.ObjectAccount && names[event.ObjectID] != event.ObjectID {
			rows[i].ObjectName = names[event.ObjectID]
		}
	}
	return rows, nil
}

// objectURL is where an event's object is shown. What has no such id has no page.
func objectURL(event credstore.AuditEvent) string {
	if credstore.CheckID("id", event.ObjectID) != nil {
		return ""
	}
	switch event.ObjectType {
	case credstore.ObjectAccount:
		return "/dashboard/accounts/" + event.ObjectID
	case credstore.ObjectTrain:
		return "/dashboard/trains/" + event.ObjectID
	case credstore.ObjectSession:
		if event.ObjectID != "none" {
			return auditURL(fields{"session": event.ObjectID})
		}
	}
	return ""
}

// maxLookups is how many queries of one page run at once: a page must not take the
// whole pool.
const maxLookups = 6

// accountNames returns the names of the accounts that events are about, by id; none
// for those that are not stored.
func (s *server) accountNames(ctx context.Context, events []credstore.AuditEvent) (map[string]string, error) {
	var ids []string
	for _, event := range events {
		if event.ObjectType == credstore.ObjectAccount && credstore.CheckID("id", event.ObjectID) == nil {
			ids = append(ids, event.ObjectID)
		}
	}
	slices.Sort(ids)
	names := make(map[string]string)
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxLookups)
	for _, id := range slices.Compact(ids) {
		group.Go(func() error {
			account, err := s.store.GetAccount(ctx, id)
			if errors.Is(err, credstore.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			names[id] = account.Name
			return nil
		})
	}
	err := group.Wait()
	return names, err
}

// Summary names the fields that an event changed, a few of them.
func (d diff) Summary() string {
	var names []string
	for _, line := range d.Lines {
		name, _, _ := strings.Cut(line.Field, ".")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if rest := len(names) - shownFields; rest > 0 {
		return strings.Join(names[:shownFields], ", ") + " and " + plural(rest+d.More, "more field")
	}
	return strings.Join(names, ", ")
}

// shownFields is how many fields a summary names.
const shownFields = 5
