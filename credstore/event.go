package credstore

// An EventKind says what a change was about.
type EventKind int

// The kinds of events.
const (
	// EventFlush: anything may have changed; the source lost track, after a
	// reconnect for example. The zero value, so that a forgotten kind is safe.
	EventFlush EventKind = iota
	// EventAccount: the account's secrets, state or name changed. ID is its id.
	// Every route that names the account may have changed with it, and the list
	// of active accounts.
	EventAccount
	// EventTrain: the train's client keys, mappings or state changed. ID is its id.
	EventTrain
)

// An Event tells that something stored has changed. It carries no content: who
// wants that reads again.
type Event struct {
	Kind EventKind
	ID   string // empty for EventFlush
}

// A Notifier is a store that tells of changes, its own and, where it can see
// them, those of other processes. Caches listen.
type Notifier interface {
	// Subscribe calls handle for every change from now on, until stop is called.
	// For a change made through this very store, handle returns before the
	// changing method does, and is called after the change can be read. Calls
	// may come from several goroutines at once; handle must not block, nor call
	// the store.
	Subscribe(handle func(Event)) (stop func())
}
