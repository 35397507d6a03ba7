package server

import (
	"context"

	"github.com/signalbox-go/signalbox/credstore"
)

// shownEvents is how many events an object's page shows.
const shownEvents = 10

// history returns the latest events of an object; none on files.
func (s *server) history(ctx context.Context, object credstore.ObjectType, id string) ([]eventRow, error) {
	if s.admin == nil {
		return nil, nil
	}
	found, err := s.admin.ListAudit(ctx, credstore.AuditFilter{ObjectType: object, ObjectID: id}, credstore.PageRequest{Limit: shownEvents})
	events := make([]eventRow, len(found.Items))
	for i, event := range found.Items {
		events[i] = eventRow{AuditEvent: event}
	}
	return events, err
}
