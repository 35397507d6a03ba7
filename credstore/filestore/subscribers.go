package filestore

import (
	"maps"
	"slices"
	"sync"

	"github.com/signalbox-go/signalbox/credstore"
)

// subscribers are told of changes.
type subscribers struct {
	mu      sync.Mutex
	next    int
	handles map[int]func(credstore.Event)
}

// Subscribe implements [credstore.Notifier]. It tells of changes in the files,
// whoever made them: those made through this store before the method that made
// them returns, others as soon as they are noticed.
func (s *Store) Subscribe(handle func(credstore.Event)) (stop func()) {
	subs := &s.subscribers
	subs.mu.Lock()
	defer subs.mu.Unlock()
	if subs.handles == nil {
		subs.handles = map[int]func(credstore.Event){}
	}
	subs.next++
	id := subs.next
	subs.handles[id] = handle
	return func() {
		subs.mu.Lock()
		defer subs.mu.Unlock()
		delete(subs.handles, id)
	}
}

func (subs *subscribers) tell(events []credstore.Event) {
	subs.mu.Lock()
	handles := slices.Collect(maps.Values(subs.handles))
	subs.mu.Unlock()
	for _, event := range events {
		for _, handle := range handles {
			handle(event)
		}
	}
}
