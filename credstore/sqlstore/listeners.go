package sqlstore

import (
	"maps"
	"slices"
	"sync"

	"github.com/signalbox-go/signalbox/credstore"
)

// listeners are those who subscribed to the store's events.
type listeners struct {
	mu      sync.Mutex
	handles map[int]func(credstore.Event)
	next    int
}

// Subscribe implements [credstore.Notifier]. It tells of the changes made through
// this very store, not of those of other processes.
func (s *Store) Subscribe(handle func(credstore.Event)) (stop func()) {
	l := &s.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.handles == nil {
		l.handles = make(map[int]func(credstore.Event))
	}
	id := l.next
	l.next++
	l.handles[id] = handle
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.handles, id)
	}
}

// publish calls every listener with every event.
func (l *listeners) publish(events []credstore.Event) {
	if len(events) == 0 {
		return
	}
	l.mu.Lock()
	handles := slices.Collect(maps.Values(l.handles))
	l.mu.Unlock()
	for _, event := range events {
		for _, handle := range handles {
			handle(event)
		}
	}
}
