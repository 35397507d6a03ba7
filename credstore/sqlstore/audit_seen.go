package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/signalbox-go/signalbox/credstore"
)

// auditSeen remembers how far the store has written or verified the trail, so that a
// trail that is put back meanwhile, genuine as it was, is not gone on with.
type auditSeen struct {
	mu  sync.Mutex
	end credstore.AuditCheckpoint
}

func (s *auditSeen) get() credstore.AuditCheckpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// note remembers an end, unless a later one is known.
func (s *auditSeen) note(end credstore.AuditCheckpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if end.EventID > s.end.EventID {
		s.end = end
	}
}

// checkSeen checks that a trail with that end goes on from what the store has seen of
// it. It reads an event only if somebody else has written meanwhile.
func (tx *Tx) checkSeen(ctx context.Context, seen, end credstore.AuditCheckpoint) error {
	if end.EventID < seen.EventID {
		return notAsSeen("it ends at event %d, and has ended at event %d before", end.EventID, seen.EventID)
	}
	if seen.EventID == 0 || end == seen {
		return nil
	}
	hash := end.Hash
	if end.EventID > seen.EventID {
		err := tx.get(ctx, &hash, `SELECT hash FROM audit_events WHERE event_id = ?`, seen.EventID)
		if err != nil && !errors.Is(err, credstore.ErrNotFound) {
			return err
		}
	}
	if hash != seen.Hash {
		return notAsSeen("event %d is gone or another one", seen.EventID)
	}
	return nil
}

// notAsSeen is for a trail that is genuine and not the one that was there.
func notAsSeen(how string, args ...any) error {
	return &credstore.TamperError{Problem: "the trail, or its end alone, is not the one that this program has seen: " + fmt.Sprintf(how, args...) +
		"; changes are refused until it is restored, or the program is started anew"}
}
