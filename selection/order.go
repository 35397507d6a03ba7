package selection

import (
	"cmp"
	"slices"

	"github.com/maypok86/otter/v2"

	"github.com/signalbox-go/signalbox/credstore"
)

// An order is what a train may use, in the order in which it is tried.
type order struct {
	// What it was made of; active is nil for a restricted train.
	route  *credstore.Route
	active []credstore.AccountRef

	usable []credstore.AccountRef
}

func newOrder(trainID string, route *credstore.Route, active []credstore.AccountRef) *order {
	var accounts []credstore.AccountRef
	if route.Restricted() {
		accounts = inRouteOrder(trainID, route)
	} else {
		accounts = rankBy(trainID, active, func(a *credstore.AccountRef) string { return a.Name })
	}
	usable := slices.DeleteFunc(accounts, func(a credstore.AccountRef) bool { return !a.Usable() })
	return &order{route: route, active: active, usable: slices.Clip(usable)}
}

// inRouteOrder returns the default account, then the mapped ones by priority, and
// those of one priority in rank order.
func inRouteOrder(trainID string, route *credstore.Route) []credstore.AccountRef {
	mappings := rankBy(trainID, route.Mappings, func(m *credstore.Mapping) string { return m.Account.Name })
	slices.SortStableFunc(mappings, func(a, b credstore.Mapping) int { return cmp.Compare(b.Priority, a.Priority) })
	accounts := make([]credstore.AccountRef, 0, len(mappings)+1)
	if route.Default != nil {
		accounts = append(accounts, *route.Default)
	}
	for _, mapping := range mappings {
		if route.Default == nil || mapping.Account.ID != route.Default.ID {
			accounts = append(accounts, mapping.Account)
		}
	}
	return accounts
}

// only returns the account of that name alone, nothing when it is allowed but
// cannot be used, and [ErrNotAllowed] otherwise.
func (o *order) only(name string) ([]credstore.AccountRef, error) {
	isNamed := func(a credstore.AccountRef) bool { return a.Name == name }
	if i := slices.IndexFunc(o.usable, isNamed); i >= 0 {
		return o.usable[i : i+1 : i+1], nil
	}
	allowed := slices.ContainsFunc(o.active, isNamed) ||
		o.route.Default != nil && isNamed(*o.route.Default) ||
		slices.ContainsFunc(o.route.Mappings, func(m credstore.Mapping) bool { return isNamed(m.Account) })
	if !allowed {
		return nil, ErrNotAllowed
	}
	return nil, nil
}

// madeOf tells whether the order was made of these very values.
func (o *order) madeOf(route *credstore.Route, active []credstore.AccountRef) bool {
	return o.route == route && len(o.active) == len(active) && (len(active) == 0 || &o.active[0] == &active[0])
}

// maxMemoAccounts bounds what an orderMemo keeps: a million accounts over all
// trains, which is 10,000 trains with 100 accounts each in about 60 MB.
const maxMemoAccounts = 1 << 20

// An orderMemo keeps the orders that were asked for most, by train. An order
// counts as long as the store returns the identical route and account list that
// it was made of: whoever caches them (package cachestore) thereby decides when
// it is made anew.
type orderMemo struct {
	orders *otter.Cache[string, *order]
}

func newOrderMemo() *orderMemo {
	return &orderMemo{orders: otter.Must(&otter.Options[string, *order]{
		MaximumWeight: maxMemoAccounts,
		Weigher:       func(_ string, o *order) uint32 { return uint32(len(o.usable)) + 1 }, //nolint:gosec // nobody has 4 billion accounts
	})}
}

func (m *orderMemo) get(trainID string, route *credstore.Route, active []credstore.AccountRef) *order {
	if o, ok := m.orders.GetIfPresent(trainID); ok && o.madeOf(route, active) {
		return o
	}
	o := newOrder(trainID, route, active)
	m.orders.Set(trainID, o)
	return o
}
