package cachestore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maypok86/otter/v2/stats"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

// source is what a table loads from: it answers at once, or when told to.
type source struct {
	loads atomic.Int64

	mu    sync.Mutex
	value string
	err   error
	gate  chan struct{} // not nil: loads read, then wait until it is closed
}

func (s *source) load(ctx context.Context, _ string) (*string, error) {
	s.loads.Add(1)
	s.mu.Lock()
	value, err, gate := s.value, s.err, s.gate
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return &value, err
}

func (s *source) set(value string, err error, gate chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value, s.err, s.gate = value, err, gate
}

func keepString(old, loaded *string) *string {
	if *old == *loaded {
		return old
	}
	return loaded
}

// inBubble runs test with a clock that jumps ahead when all goroutines wait.
func inBubble(t *testing.T, opts *Options, test func(t *testing.T, table *table[*string], from *source)) {
	synctest.Test(t, func(t *testing.T) {
		from := &source{value: "first"}
		table := newTable(opts.withDefaults(), &counters{lookups: stats.NewCounter()}, from.load, keepString)
		defer table.close()
		test(t, table, from)
	})
}

func getValue(t testing.TB, table *table[*string], id string) string {
	t.Helper()
	value, err := table.get(t.Context(), id)
	require.NoError(t, err)
	return *value
}

type answer struct {
	value *string
	err   error
}

// ask calls get in a goroutine of its own, and returns when that waits.
func ask(ctx context.Context, table *table[*string], id string) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		value, err := table.get(ctx, id)
		answers <- answer{value, err}
	}()
	synctest.Wait()
	return answers
}

func TestAnswersLastForTheirTTL(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, table *table[*string], from *source) {
		require.Equal(t, "first", getValue(t, table, "a"))
		from.set("second", nil, nil)
		time.Sleep(DefaultTTL - time.Nanosecond)
		require.Equal(t, "first", getValue(t, table, "a"))
		require.EqualValues(t, 1, from.loads.Load())
		time.Sleep(time.Nanosecond)
		require.Equal(t, "second", getValue(t, table, "a"))
		require.EqualValues(t, 2, from.loads.Load())
	})
}

func TestRefusalsLastForTheirTTL(t *testing.T) {
	for _, refusal := range []error{credstore.ErrNotFound, credstore.ErrInactive, credstore.ErrDamaged} {
		inBubble(t, nil, func(t *testing.T, table *table[*string], from *source) {
			from.set("", fmt.Errorf("account: %w", refusal), nil)
			for range 3 {
				_, err := table.get(t.Context(), "a")
				require.ErrorIs(t, err, refusal)
			}
			require.EqualValues(t, 1, from.loads.Load())

			from.set("there", nil, nil)
			time.Sleep(DefaultNegativeTTL)
			require.Equal(t, "there", getValue(t, table, "a"))

			from.set("", refusal, nil)
			time.Sleep(DefaultTTL)
			_, err := table.get(t.Context(), "a")
			require.ErrorIs(t, err, refusal)
		})
	}
}

func TestStoreErrorsAreNeverKept(t *testing.T) {
	for _, fault := range []error{
		credstore.ErrUnavailable, errors.New("anything else"), context.DeadlineExceeded,
		errors.Join(credstore.ErrUnavailable, credstore.ErrNotFound),
	} {
		inBubble(t, nil, func(t *testing.T, table *table[*string], from *source) {
			require.Equal(t, "first", getValue(t, table, "a"))
			from.set("", fault, nil)
			time.Sleep(DefaultTTL)
			for i := range 3 {
				_, err := table.get(t.Context(), "a")
				require.ErrorIs(t, err, fault, "what was known is out of date, and not served")
				require.EqualValues(t, 2+i, from.loads.Load())
			}
			from.set("back", nil, nil)
			require.Equal(t, "back", getValue(t, table, "a"))
		})
	}
}

func TestIdenticalWhileNothingChanges(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, table *table[*string], from *source) {
		get := func() *string {
			t.Helper()
			value, err := table.get(t.Context(), "a")
			require.NoError(t, err)
			return value
		}
		first := get()
		time.Sleep(DefaultTTL)
		require.Same(t, first, get(), "a reload found the same")
		table.invalidateAll()
		require.Same(t, first, get(), "nothing had changed")
		require.EqualValues(t, 3, from.loads.Load())

		from.set("second", nil, nil)
		time.Sleep(DefaultTTL)
		require.NotSame(t, first, get())
	})
}

func TestIdleEntriesAreDropped(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, table *table[*string], from *source) {
		getValue(t, table, "a")
		from.set("", credstore.ErrNotFound, nil)
		_, _ = table.get(t.Context(), "b")
		time.Sleep(DefaultTTL + idleTime + 5*time.Second)
		require.Zero(t, table.found.EstimatedSize())
		require.Zero(t, table.absent.EstimatedSize())
	})
}

func TestOneLoadHoweverManyAsk(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, table *table[*string], from *source) {
		gate := make(chan struct{})
		from.set("first", nil, gate)
		var waiting []<-chan answer
		for range 1000 {
			waiting = append(waiting, ask(t.Context(), table, "a"))
		}
		close(gate)
		for _, answers := range waiting {
			got := <-answers
			require.NoError(t, got.err)
			require.Equal(t, "first", *got.value)
		}
		require.EqualValues(t, 1, from.loads.Load())
	})
}

func TestWaitersWaitOnTheirOwnContext(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, table *table[*string], from *source) {
		gate := make(chan struct{})
		from.set("first", nil, gate)
		ctx, cancel := context.WithCancel(t.Context())
		leader := ask(ctx, table, "a")
		follower := ask(t.Context(), table, "a")

		cancel()
		require.ErrorIs(t, (<-leader).err, context.Canceled)
		synctest.Wait()
		close(gate)
		require.NoError(t, (<-follower).err, "the load does not end with the one that caused it")
		require.EqualValues(t, 1, from.loads.Load())

		_, err := table.get(ctx, "a")
		require.ErrorIs(t, err, context.Canceled, "a context that has ended gets no answer, not even a kept one")
	})
}

func TestLoadsHaveATimeLimit(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, table *table[*string], from *source) {
		from.set("first", nil, make(chan struct{}))
		start := time.Now()
		_, err := table.get(t.Context(), "a")
		require.ErrorIs(t, err, credstore.ErrUnavailable)
		require.NotErrorIs(t, err, context.DeadlineExceeded, "no deadline of the caller has passed")
		require.Equal(t, loadTimeout, time.Since(start))
	})
}

// Who asks gets nothing that was read more than a TTL ago, not even by way of a
// load that takes long.
func TestSlowLoadsAreNotJoinedForEver(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, table *table[*string], from *source) {
		slow := make(chan struct{})
		from.set("first", nil, slow)
		early := ask(t.Context(), table, "a")
		time.Sleep(DefaultTTL - time.Nanosecond)
		joined := ask(t.Context(), table, "a")
		time.Sleep(time.Nanosecond)
		from.set("second", nil, nil)
		late := ask(t.Context(), table, "a")
		require.Equal(t, "second", *(<-late).value)
		close(slow)
		require.Equal(t, "first", *(<-early).value)
		require.Equal(t, "first", *(<-joined).value)
		require.Equal(t, "second", getValue(t, table, "a"), "the slow load has not replaced what is newer")
	})
}

func TestInvalidationDiscardsLoadsInFlight(t *testing.T) {
	invalidations := map[string]func(*table[*string]){
		"one": func(table *table[*string]) { table.invalidate("a") },
		"all": func(table *table[*string]) { table.invalidateAll() },
	}
	for name, invalidate := range invalidations {
		for _, lateErr := range []error{nil, credstore.ErrNotFound} {
			t.Run(fmt.Sprint(name, " ", lateErr), func(t *testing.T) {
				inBubble(t, nil, func(t *testing.T, table *table[*string], from *source) {
					gate := make(chan struct{})
					from.set("old", lateErr, gate)
					before := ask(t.Context(), table, "a")

					from.set("new", nil, nil)
					invalidate(table)
					require.Equal(t, "new", getValue(t, table, "a"), "the load under way was joined")

					close(gate)
					require.ErrorIs(t, (<-before).err, lateErr)
					synctest.Wait()
					require.Equal(t, "new", getValue(t, table, "a"), "the load under way was kept")
					require.EqualValues(t, 2, from.loads.Load())

					from.set("newer", nil, nil)
					invalidate(table)
					require.Equal(t, "newer", getValue(t, table, "a"))
				})
			})
		}
	}
}

func TestInvalidationForgetsRefusals(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, table *table[*string], from *source) {
		for _, invalidate := range []func(){func() { table.invalidate("a") }, table.invalidateAll} {
			from.set("", credstore.ErrNotFound, nil)
			table.invalidate("a")
			_, err := table.get(t.Context(), "a")
			require.ErrorIs(t, err, credstore.ErrNotFound)
			from.set("there", nil, nil)
			invalidate()
			require.Equal(t, "there", getValue(t, table, "a"))
		}
	})
}

func TestFloodsAreBoundedAndEvictNothing(t *testing.T) {
	const bound, flood = 200, 20_000
	opts := (&Options{MaxEntries: bound, TTL: time.Hour, NegativeTTL: time.Hour}).withDefaults()
	known := func(i int) string { return fmt.Sprint("known-", i) }
	var loads atomic.Int64
	table := newTable(opts, &counters{lookups: stats.NewCounter()}, func(_ context.Context, id string) (*string, error) {
		loads.Add(1)
		if len(id) > len("known-") && id[:len("known-")] == "known-" {
			return &id, nil
		}
		return nil, credstore.ErrNotFound
	}, keepString)
	defer table.close()

	for i := range bound {
		getValue(t, table, known(i))
	}
	for i := range flood {
		_, err := table.get(t.Context(), fmt.Sprint("random-", i))
		require.ErrorIs(t, err, credstore.ErrNotFound)
	}
	table.absent.CleanUp()
	require.LessOrEqual(t, table.absent.EstimatedSize(), bound)
	before := loads.Load()
	for i := range bound {
		getValue(t, table, known(i))
	}
	require.Equal(t, before, loads.Load(), "the flood has pushed out what is in use")

	for i := range flood {
		getValue(t, table, known(i))
	}
	table.found.CleanUp()
	require.LessOrEqual(t, table.found.EstimatedSize(), bound)
	require.Empty(t, table.flights)
}

func TestClosing(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, table *table[*string], from *source) {
		getValue(t, table, "a")
		from.set("first", nil, make(chan struct{}))
		waiting := ask(t.Context(), table, "b")
		table.close()
		require.ErrorIs(t, (<-waiting).err, credstore.ErrUnavailable)
		_, err := table.get(t.Context(), "a")
		require.ErrorIs(t, err, credstore.ErrUnavailable)
		require.Zero(t, table.found.EstimatedSize(), "secrets are still in memory")
		table.close()
	})
}
