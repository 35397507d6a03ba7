package selection

import (
	"cmp"
	"fmt"
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
	rests map[string]rest // by account id
	last  time.Time       // when the last of them ends
}

// A rest is a cool-down of an account. The zero value is none.
type rest struct {
	until   time.Time
	refused bool // its credential was refused; false: it is at its limit
}

func (c *cooling) at(accountID string, now time.Time) rest {
	if c == nil {
		return rest{}
	}
	if r := c.rests[accountID]; r.until.After(now) {
		return r
	}
	return rest{}
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

func (c *coolDowns) add(accountID string, r rest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	old := c.load(now)
	if !r.until.After(now) || !r.until.After(old.at(accountID, now).until) {
		return
	}
	next := &cooling{rests: map[string]rest{accountID: r}, last: r.until}
	if old != nil {
		next.keep(old, now)
	}
	c.current.Store(next)
}

// keep takes over what has not ended and is not newer in c, the longest first if
// there are too many.
func (c *cooling) keep(old *cooling, now time.Time) {
	ids := slices.Collect(maps.Keys(old.rests))
	if len(ids) >= maxCoolDowns {
		slices.SortFunc(ids, func(a, b string) int { return old.rests[b].until.Compare(old.rests[a].until) })
		ids = ids[:maxCoolDowns-1]
	}
	for _, id := range ids {
		r := old.at(id, now)
		if _, newer := c.rests[id]; newer || r.until.IsZero() {
			continue
		}
		c.rests[id] = r
		if r.until.After(c.last) {
			c.last = r.until
		}
	}
}

// order puts the accounts that are cooling down last, the first to be free first
// among them, and the others before them as they were. When nothing cools it
// returns accounts itself. When every account cools: [CoolingError], or
// [ErrNoAccount] if none of them is at its limit.
func (c *coolDowns) order(accounts []credstore.AccountRef) ([]credstore.AccountRef, error) {
	if c.current.Load() == nil {
		return accounts, nil
	}
	now := time.Now()
	current := c.load(now)
	first := slices.IndexFunc(accounts, func(a credstore.AccountRef) bool { return !current.at(a.ID, now).until.IsZero() })
	if first < 0 {
		return accounts, nil
	}
	ordered := append(make([]credstore.AccountRef, 0, len(accounts)), accounts[:first]...)
	var resting []restingAccount
	for i := first; i < len(accounts); i++ {
		if r := current.at(accounts[i].ID, now); r.until.IsZero() {
			ordered = append(ordered, accounts[i])
		} else {
			resting = append(resting, restingAccount{r, i})
		}
	}
	slices.SortFunc(resting, func(a, b restingAccount) int {
		return cmp.Or(a.until.Compare(b.until), cmp.Compare(a.index, b.index))
	})
	if len(ordered) == 0 {
		return nil, allRest(resting)
	}
	for _, r := range resting {
		ordered = append(ordered, accounts[r.index])
	}
	return ordered, nil
}

type restingAccount struct {
	rest
	index int // in the order without cool-downs
}

// allRest says why no account can serve, by the first of them to be free of its limit.
func allRest(resting []restingAccount) error {
	for _, r := range resting {
		if !r.refused {
			return &CoolingError{Until: r.until}
		}
	}
	return fmt.Errorf("%w: the credentials of all that are left were refused", ErrNoAccount)
}
