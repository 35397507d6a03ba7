package cachestore

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2/stats"

	"github.com/signalbox-go/signalbox/credstore"
)

// The defaults of [Options].
const (
	DefaultTTL         = time.Second
	DefaultNegativeTTL = 500 * time.Millisecond
	DefaultMaxEntries  = 10_000
)

// Options are the choices of [New]; nil and the zero value are good.
type Options struct {
	// TTL is how long an answer of the store is used. It bounds how long a change
	// that another process makes, a revoked client key above all, can go unseen
	// where no event tells of it. 0: [DefaultTTL].
	TTL time.Duration
	// NegativeTTL is the same for the answer that there is no such train, or no
	// usable credential (unknown, deactivated, damaged). 0: [DefaultNegativeTTL].
	NegativeTTL time.Duration
	// MaxEntries is how many trains to keep, and how many credentials, at some
	// kilobytes each; apart from these, as many negative answers about either.
	// 0: [DefaultMaxEntries].
	MaxEntries int
}

func (o *Options) withDefaults() *Options {
	opts := Options{}
	if o != nil {
		opts = *o
	}
	if opts.TTL <= 0 {
		opts.TTL = DefaultTTL
	}
	if opts.NegativeTTL <= 0 {
		opts.NegativeTTL = DefaultNegativeTTL
	}
	if opts.MaxEntries <= 0 {
		opts.MaxEntries = DefaultMaxEntries
	}
	return &opts
}

// A Store is a [credstore.Store] that remembers what requests need. Make it with
// [New]; it is safe for concurrent use. What it returns is shared: do not modify it.
type Store struct {
	credstore.Store // answers all that is not cached

	trains      *table[*train]
	active      *table[[]credstore.AccountRef] // one entry, of the empty id
	credentials *table[*credstore.Credential]
	stats       counters
	unsubscribe func()
}

// New puts a cache in front of store. If store is a [credstore.Notifier], the
// cache follows its events; those of other sources can be passed to [Store.Handle].
// opts may be nil. Closing the cache closes store.
func New(store credstore.Store, opts *Options) *Store {
	opts = opts.withDefaults()
	s := &Store{Store: store, stats: counters{lookups: stats.NewCounter()}, unsubscribe: func() {}}
	s.trains = newTable(opts, &s.stats, s.loadTrain, keepTrain)
	s.active = newTable(opts, &s.stats, s.loadActive, keepAccounts)
	s.credentials = newTable(opts, &s.stats, store.GetCredential, keepCredential)
	if notifier, ok := store.(credstore.Notifier); ok {
		s.unsubscribe = notifier.Subscribe(s.Handle)
	}
	return s
}

// Handle forgets what an event says has changed, also where it is just being
// loaded: whoever asks after Handle has returned gets what is stored then. It
// does not block, and can be given to [credstore.Notifier.Subscribe].
func (s *Store) Handle(event credstore.Event) {
	switch event.Kind {
	case credstore.EventTrain:
		s.trains.invalidate(event.ID)
	case credstore.EventAccount:
		s.credentials.invalidate(event.ID)
		s.active.invalidateAll()
		s.trains.invalidateAll() // any train may map it
	default: // EventFlush, and what a later version adds
		s.credentials.invalidateAll()
		s.active.invalidateAll()
		s.trains.invalidateAll()
	}
}

// Close drops all that is cached, secrets included, and closes the store behind.
// Loads under way end; who waits for one gets [credstore.ErrUnavailable].
func (s *Store) Close() error {
	s.unsubscribe()
	s.trains.close()
	s.active.close()
	s.credentials.close()
	return s.Store.Close()
}

// ValidateClientKey implements [credstore.RequestStore], by the cached hashes.
func (s *Store) ValidateClientKey(ctx context.Context, trainID string, key credstore.Secret) error {
	train, err := s.train(ctx, trainID)
	if errors.Is(err, credstore.ErrNotFound) || errors.Is(err, credstore.ErrInvalidID) {
		train, err = &unknownTrain, nil
	}
	if err != nil {
		return err
	}
	// Compared even where there is nothing to compare with: that takes the same time.
	matches := credstore.MatchClientKey(train.hashes, credstore.TrimClientKey(key))
	if train.hashesErr != nil && !errors.Is(train.hashesErr, credstore.ErrInactive) {
		return train.hashesErr
	}
	if !matches || !train.route.Active {
		return credstore.ErrUnauthorized
	}
	return nil
}

// ClientKeyHashes implements [credstore.RequestStore].
func (s *Store) ClientKeyHashes(ctx context.Context, trainID string) ([]string, error) {
	train, err := s.train(ctx, trainID)
	if err != nil {
		return nil, err
	}
	return train.hashes, train.hashesErr
}

// GetRoute implements [credstore.RequestStore]. The identical pointer is returned
// for as long as nothing of the route changes.
func (s *Store) GetRoute(ctx context.Context, trainID string) (*credstore.Route, error) {
	train, err := s.train(ctx, trainID)
	if err != nil {
		return nil, err
	}
	return train.route, nil
}

// ActiveAccounts implements [credstore.RequestStore]. The identical slice is
// returned for as long as nothing in it changes.
func (s *Store) ActiveAccounts(ctx context.Context) ([]credstore.AccountRef, error) {
	return s.active.get(ctx, "")
}

func (s *Store) loadActive(ctx context.Context, _ string) ([]credstore.AccountRef, error) {
	return s.Store.ActiveAccounts(ctx)
}

func keepAccounts(old, loaded []credstore.AccountRef) []credstore.AccountRef {
	if slices.Equal(old, loaded) {
		return old
	}
	return loaded
}

// Stats counts what the cache did since it was made.
type Stats struct {
	Hits          uint64 // questions answered from memory
	Misses        uint64 // questions that waited for the store
	Loads         uint64 // times the store was asked
	Invalidations uint64 // entries, or whole kinds of entries, forgotten at an event or a write
}

// Stats returns the counts so far.
func (s *Store) Stats() Stats {
	lookups := s.stats.lookups.Snapshot()
	return Stats{
		Hits: lookups.Hits, Misses: lookups.Misses,
		Loads: s.stats.loads.Load(), Invalidations: s.stats.invalidations.Load(),
	}
}

type counters struct {
	lookups       *stats.Counter // striped: counting hits must not slow them down
	loads         atomic.Uint64
	invalidations atomic.Uint64
}
