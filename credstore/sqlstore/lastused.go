package sqlstore

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// How last-used times are written: coarsely, in batches, behind the requests.
const (
	lastUsedInterval = 2 * time.Second // between two batches
	lastUsedStep     = time.Minute     // how far an account's time moves at least
	lastUsedAccounts = 50_000          // accounts remembered; past it, new ones are not noted
	lastUsedBatch    = 500             // rows in one statement
)

// lastUsed collects the notes of TouchLastUsed and writes them in the background.
type lastUsed struct {
	write  func(ctx context.Context, notes map[string]time.Time) error
	logger *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	noted   map[string]time.Time // the newest note of each account
	waiting map[string]time.Time // those of them that are not written yet
	closed  bool
}

// startLastUsed starts the writer; close ends it.
func startLastUsed(write func(context.Context, map[string]time.Time) error, logger *slog.Logger) *lastUsed {
	ctx, cancel := context.WithCancel(context.Background())
	l := &lastUsed{
		write: write, logger: logger, cancel: cancel, done: make(chan struct{}),
		noted: make(map[string]time.Time), waiting: make(map[string]time.Time),
	}
	go l.run(ctx)
	return l
}

// TouchLastUsed implements [credstore.RequestStore]. A time before one that was
// noted lately, or less than a minute after it, changes nothing; a time that has
// not come yet counts as now.
func (s *Store) TouchLastUsed(accountID string, at time.Time) {
	if credstore.CheckID("account id", accountID) == nil && !at.IsZero() {
		s.lastUsed.note(accountID, at)
	}
}

func (l *lastUsed) note(accountID string, at time.Time) {
	if now := time.Now(); at.After(now) {
		at = now
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	last, known := l.noted[accountID]
	switch {
	case l.closed, known && at.Before(last.Add(lastUsedStep)):
		return
	case !known && max(len(l.noted), len(l.waiting)) >= lastUsedAccounts:
		return
	}
	l.noted[accountID] = at
	l.waiting[accountID] = at
}

// run writes what waits from time to time, until ctx ends.
func (l *lastUsed) run(ctx context.Context) {
	defer close(l.done)
	ticker := time.NewTicker(lastUsedInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := l.flush(ctx); err != nil && ctx.Err() == nil {
				l.logger.Warn("last-used times are not written yet", "error", err)
			}
		}
	}
}

// flush writes what waits. What cannot be written waits on.
func (l *lastUsed) flush(ctx context.Context) error {
	notes := l.take()
	if len(notes) == 0 {
		return nil
	}
	err := l.write(ctx, notes)
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, at := range notes {
		if _, newer := l.waiting[id]; !newer {
			l.waiting[id] = at
		}
	}
	return err
}

// take returns what waits, and forgets the notes that no longer hold anything back.
func (l *lastUsed) take() map[string]time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	notes := l.waiting
	l.waiting = make(map[string]time.Time)
	old := time.Now().Add(-lastUsedStep)
	maps.DeleteFunc(l.noted, func(_ string, at time.Time) bool { return at.Before(old) })
	return notes
}

// close ends the writer and writes what waits. After it, notes are dropped.
func (l *lastUsed) close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.cancel()
	<-l.done
	return l.flush(context.Background())
}

// writeLastUsed moves the accounts' last-used times forward, never back, and
// leaves updated_at alone. Ids that are no account are passed over, and so are
// accounts that somebody is changing just now: a token save must not come to wait
// for this, nor this for an import.
func (s *Store) writeLastUsed(ctx context.Context, notes map[string]time.Time) error {
	leave, err := s.enterWrite(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(notes)), lastUsedBatch) {
		args := make([]any, 0, 2*len(ids))
		for _, id := range ids {
			args = append(args, id, timeParam(notes[id]))
		}
		values := strings.TrimSuffix(strings.Repeat("(?, "+s.dialect.timeCast()+"), ", len(ids)), ", ")
		// Both engines call the columns of a VALUES list column1, column2.
		_, err := s.exec(ctx, `WITH used AS (SELECT a.account_id, v.column2 AS at FROM accounts a JOIN (VALUES `+values+`) AS v
				ON a.account_id = v.column1 WHERE a.last_used_at IS NULL OR a.last_used_at < v.column2`+s.dialect.lockFree("a")+`)
			UPDATE accounts SET last_used_at = used.at FROM used WHERE accounts.account_id = used.account_id`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}
