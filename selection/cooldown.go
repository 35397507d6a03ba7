package selection

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// maxCoolDowns bounds how many accounts cool down at a time, and with it what a
// new cool-down costs. One that is forgotten costs one more refusal by upstream.
const maxCoolDowns = 1024

// coolDowns knows which accounts to leave alone for a while. Reading takes no
// lock; a change replaces the whole map, without the cool-downs that have ended.
type coolDowns struct {
	mu      sync.Mutex // held to replace current
	current atomic.Pointer[cooling]
}

// cooling is a set of cool-downs, never modified. A nil *cooling is empty.
type cooling struct {
	until map[string]time.Time // by account id
	last  time.Time            // when the last of them ends
}

func (c *cooling) at(accountID string, now time.Time) time.Time {
	if c == nil {
		return time.Time{}
	}
	if until := c.until[accountID]; until.After(now) {
		return until
	}
	return time.Time{}
}

// load returns the present cool-downs, nil when all have ended.
func (c *coolDowns) load(now time.Time) *cooling {
	current := c.current.Load()
	if current != nil && !current.last.After(now) {
		c.current.CompareAndSwap(current, nil)
		return nil
	}
	return current
}

func (c *coolDowns) add(accountID string, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	old := c.load(now)
	if !until.After(now) || !until.After(old.at(accountID, now)) {
		return
	}
	next := &cooling{until: map[string]time.Time{accountID: until}, last: until}
	if old != nil {
		next.keep(old, now)
	}
	c.current.Store(next)
}

// keep takes over what has not ended and is not newer in c, the longest first if
// there are too many.
func (c *cooling) keep(old *cooling, now time.Time) {
	ids := slices.Collect(maps.Keys(old.until))
	if len(ids) >= maxCoolDowns {
		slices.SortFunc(ids, func(a, b string) int { return old.until[b].Compare(old.until[a]) })
		ids = ids[:maxCoolDowns-1]
	}
	for _, id := range ids {
		until := old.at(id, now)
		if _, newer := c.until[id]; newer || until.IsZero() {
			continue
		}
		c.until[id] = until
		if until.After(c.last) {
			c.last = until
		}
	}
}

// order puts the accounts that are cooling down last, the first to be free first
// among them, and the others before them as they were. When nothing cools it
// returns accounts itself. [CoolingError] when every account cools.
func (c *coolDowns) order(accounts []credstore.AccountRef) ([]credstore.AccountRef, error) {
	if c.current.Load() == nil {
		return accounts, nil
	}
	now := time.Now()
	current := c.load(now)
	first := slices.IndexFunc(accounts, func(a credstore.AccountRef) bool { return !current.at(a.ID, now).IsZero() })
	if first < 0 {
		return accounts, nil
	}
	ordered := append(make([]credstore.AccountRef, 0, len(accounts)), accounts[:first]...)
	var resting []restingAccount
	for i := first; i < len(accounts); i++ {
		if until := current.at(accounts[i].ID, now); until.IsZero() {
			ordered = append(ordered, accounts[i])
		} else {
			resting = append(resting, restingAccount{i, until})
		}
	}
	slices.SortFunc(resting, func(a, b restingAccount) int {
		return cmp.Or(a.until.Compare(b.until), cmp.Compare(a.index, b.index))
	})
	if len(ordered) == 0 {
		return nil, &CoolingError{Until: resting[0].until}
	}
	for _, r := range resting {
		ordered = append(ordered, accounts[r.index])
	}
	return ordered, nil
}

type restingAccount struct {
	index int // in the order without cool-downs
	until time.Time
}
