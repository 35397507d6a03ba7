package cachestore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/signalbox-go/signalbox/credstore"
)

const (
	// loadTimeout bounds a load, which hangs on no caller's context. A store's own
	// time limit is normally shorter.
	loadTimeout = 10 * time.Second

	// idleTime is how long an entry that has expired stays in memory: a reload
	// compares it with what it finds. Nobody is served from it.
	idleTime = time.Minute
)

// An entry is an answer of the store: a value, or one of the errors that isAnswer.
// Entries are never modified.
type entry[V any] struct {
	value   V
	err     error
	epoch   uint64        // of the table, when the entry was loaded
	expires time.Duration // since the table's start
}

// A flight is a load under way. Its result may be read once done is closed.
type flight[V any] struct {
	started time.Duration
	done    chan struct{}
	result  *entry[V]
}

// A table caches the store's answers to one kind of question. Hits take no lock.
//
// Otter only bounds it. Otter's own loading is not used: its InvalidateAll (v2.4)
// neither discards the loads under way nor keeps later callers from joining them.
// Here, what is kept and what is forgotten is decided under mu.
type table[V any] struct {
	load  func(ctx context.Context, id string) (V, error)
	keep  func(old, loaded V) V // returns old, or parts of it, where nothing has changed
	opts  *Options
	stats *counters

	start  time.Time
	epoch  atomic.Uint64 // entries of an earlier epoch are out of date
	found  *otter.Cache[string, *entry[V]]
	absent *otter.Cache[string, *entry[V]] // errors, apart: a flood of unknown ids evicts nothing else

	ctx    context.Context // of all loads; ends with the table
	cancel context.CancelFunc
	loads  sync.WaitGroup

	mu      sync.Mutex            // held to store and to invalidate
	flights map[string]*flight[V] // those whose result will be kept
	closed  bool
}

func newTable[V any](opts *Options, stats *counters, load func(context.Context, string) (V, error), keep func(old, loaded V) V) *table[V] {
	bounded := func(ttl time.Duration) *otter.Cache[string, *entry[V]] {
		return otter.Must(&otter.Options[string, *entry[V]]{
			MaximumSize:      opts.MaxEntries,
			ExpiryCalculator: otter.ExpiryWriting[string, *entry[V]](ttl + idleTime),
		})
	}
	t := &table[V]{
		load: load, keep: keep, opts: opts, stats: stats,
		start: time.Now(), found: bounded(opts.TTL), absent: bounded(opts.NegativeTTL),
		flights: make(map[string]*flight[V]),
	}
	t.ctx, t.cancel = context.WithCancel(context.Background()) //nolint:gosec // close calls cancel
	return t
}

// get returns the answer for id, from memory while it is fresh. It waits for a
// load no longer than ctx allows.
func (t *table[V]) get(ctx context.Context, id string) (value V, err error) {
	if err := ctx.Err(); err != nil {
		return value, err
	}
	e := t.fresh(id)
	if e != nil {
		t.stats.lookups.RecordHits(1)
		return e.value, e.err
	}
	t.stats.lookups.RecordMisses(1)
	e, f := t.join(id)
	if f != nil {
		select {
		case <-f.done:
			e = f.result
		case <-ctx.Done():
			return value, ctx.Err()
		}
	}
	return e.value, e.err
}

// fresh returns the entry for id that may be served now, or nil. What is found
// goes before what is absent; put sees to it that it is not the older of the two.
func (t *table[V]) fresh(id string) *entry[V] {
	e, ok := t.found.GetIfPresent(id)
	if !ok {
		e, ok = t.absent.GetIfPresent(id)
	}
	if !ok || e.epoch != t.epoch.Load() || time.Since(t.start) >= e.expires {
		return nil
	}
	return e
}

// join returns the entry for id, if there is one by now, or else the flight that
// will bring it, started by this call or an earlier one.
func (t *table[V]) join(id string) (*entry[V], *flight[V]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return &entry[V]{err: fmt.Errorf("%w: the cache is closed", credstore.ErrUnavailable)}, nil
	}
	if e := t.fresh(id); e != nil {
		return e, nil
	}
	now := time.Since(t.start)
	f, ok := t.flights[id]
	if !ok || now-f.started >= t.opts.TTL { // a load so slow that what it brings is out of date
		f = &flight[V]{started: now, done: make(chan struct{})}
		t.flights[id] = f
		t.loads.Go(func() { t.run(id, f) })
	}
	return nil, f
}

func (t *table[V]) run(id string, f *flight[V]) {
	defer close(f.done)
	t.stats.loads.Add(1)
	ctx, cancel := context.WithTimeout(t.ctx, loadTimeout)
	defer cancel()
	value, err := t.load(ctx, id)
	if err != nil && ctx.Err() != nil {
		// Not wrapped: the deadline was the load's, not that of who waits for it.
		err = fmt.Errorf("%w: loading took too long or was ended: %v", credstore.ErrUnavailable, err) //nolint:errorlint // see above
	}
	f.result = &entry[V]{value: value, err: err}

	t.mu.Lock()
	defer t.mu.Unlock()
	if t.flights[id] == f { // otherwise invalidated since: good only for those who already wait
		delete(t.flights, id)
		t.put(id, f)
	}
}

// put keeps the result of a flight. Its age counts from the start of the flight,
// when the store may have been read.
func (t *table[V]) put(id string, f *flight[V]) {
	e := f.result
	e.epoch = t.epoch.Load()
	switch {
	case e.err == nil:
		if old, ok := t.found.GetEntryQuietly(id); ok {
			e.value = t.keep(old.Value.value, e.value)
		}
		e.expires = f.started + t.opts.TTL
		t.found.Set(id, e)
	case isAnswer(e.err):
		e.expires = f.started + t.opts.NegativeTTL
		t.found.Invalidate(id)
		t.absent.Set(id, e)
	}
}

// isAnswer tells whether err says something about what is stored. Such answers
// are kept briefly; that the store could not answer is never remembered.
func isAnswer(err error) bool {
	if errors.Is(err, credstore.ErrUnavailable) {
		return false
	}
	return errors.Is(err, credstore.ErrNotFound) || errors.Is(err, credstore.ErrInactive) || errors.Is(err, credstore.ErrDamaged)
}

// invalidate forgets what is known of id. Who asks after it has returned gets
// what the store answers from now on.
func (t *table[V]) invalidate(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.flights, id)
	t.found.Invalidate(id)
	t.absent.Invalidate(id)
	t.stats.invalidations.Add(1)
}

// invalidateAll is invalidate for all ids, at the same cost for one as for a
// million: the entries stay, to be compared with what is loaded next.
func (t *table[V]) invalidateAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.flights)
	t.epoch.Add(1)
	t.stats.invalidations.Add(1)
}

// close ends the loads, waits for them and drops all entries.
func (t *table[V]) close() {
	t.mu.Lock()
	t.closed = true
	clear(t.flights)
	t.mu.Unlock()
	t.cancel()
	t.loads.Wait()
	for _, cache := range []*otter.Cache[string, *entry[V]]{t.found, t.absent} {
		cache.InvalidateAll()
		cache.StopAllGoroutines()
	}
}
