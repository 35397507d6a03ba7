package selection_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/selection"
)

// A store answers what a Selector asks.
type store struct {
	routes     map[string]*credstore.Route
	active     []credstore.AccountRef
	routeErr   error
	accountErr error
}

func (s *store) GetRoute(_ context.Context, trainID string) (*credstore.Route, error) {
	if s.routeErr != nil {
		return nil, s.routeErr
	}
	if route, ok := s.routes[trainID]; ok {
		return route, nil
	}
	return nil, fmt.Errorf("train %q: %w", trainID, credstore.ErrNotFound)
}

func (s *store) ActiveAccounts(context.Context) ([]credstore.AccountRef, error) {
	return s.active, s.accountErr
}

func account(name string) credstore.AccountRef {
	return credstore.AccountRef{ID: "acc_" + name, Name: name, Type: credstore.APIKey, Active: true}
}

func accounts(names ...string) []credstore.AccountRef {
	refs := make([]credstore.AccountRef, len(names))
	for i, name := range names {
		refs[i] = account(name)
	}
	return refs
}

func deactivated(name string) credstore.AccountRef {
	ref := account(name)
	ref.Active = false
	return ref
}

func refused(name string) credstore.AccountRef {
	ref := account(name)
	ref.NeedsReauth = true
	return ref
}

func names(refs []credstore.AccountRef) []string {
	names := make([]string, len(refs))
	for i, ref := range refs {
		names[i] = ref.Name
	}
	return names
}

func mapped(priority int, ref credstore.AccountRef) credstore.Mapping {
	return credstore.Mapping{Account: ref, Priority: priority}
}

func pointer(ref credstore.AccountRef) *credstore.AccountRef { return &ref }

func TestCandidates(t *testing.T) {
	pool := accountNames(4)
	ranked := selection.Rank("train-1", pool)
	first, second, third, last := ranked[0], ranked[1], ranked[2], ranked[3]
	active := accounts(pool...)

	tests := []struct {
		name   string
		route  credstore.Route
		active []credstore.AccountRef
		wanted string
		want   []string
		err    error
	}{
		{name: "unrestricted: all active in rank order", active: active, want: ranked},
		{name: "unrestricted: needs re-authentication is skipped",
			active: append(accounts(second, last), refused(first)), want: []string{second, last}},
		{name: "unrestricted: none active", err: selection.ErrNoAccount},
		{name: "unrestricted: none usable", active: []credstore.AccountRef{refused(first)}, err: selection.ErrNoAccount},
		{name: "mapped: by priority, ties in rank order", active: active,
			route: credstore.Route{Mappings: []credstore.Mapping{
				mapped(5, account(last)), mapped(0, account(first)), mapped(0, account(second)), mapped(-1, account(third))}},
			want: []string{last, first, second, third}},
		{name: "mapped: ties in rank order whatever order the store has", active: active,
			route: credstore.Route{Mappings: []credstore.Mapping{
				mapped(0, account(third)), mapped(0, account(second)), mapped(0, account(first))}},
			want: []string{first, second, third}},
		{name: "default first, once", active: active,
			route: credstore.Route{Default: pointer(account(third)), Mappings: []credstore.Mapping{
				mapped(9, account(first)), mapped(1, account(third))}},
			want: []string{third, first}},
		{name: "default alone", active: active, route: credstore.Route{Default: pointer(account(last))}, want: []string{last}},
		{name: "unusable ones are skipped", active: active,
			route: credstore.Route{Default: pointer(deactivated(first)), Mappings: []credstore.Mapping{
				mapped(9, refused(second)), mapped(1, account(third))}},
			want: []string{third}},
		{name: "restricted and none usable: never all accounts", active: active,
			route: credstore.Route{Default: pointer(deactivated(first)), Mappings: []credstore.Mapping{mapped(1, refused(second))}},
			err:   selection.ErrNoAccount},
		{name: "default deactivated and no mapping: never all accounts", active: active,
			route: credstore.Route{Default: pointer(deactivated(first))}, err: selection.ErrNoAccount},

		{name: "wanted: unrestricted", active: active, wanted: last, want: []string{last}},
		{name: "wanted: unrestricted, unknown name", active: active, wanted: "nobody", err: selection.ErrNotAllowed},
		{name: "wanted: unrestricted, needs re-authentication",
			active: append(accounts(first), refused(last)), wanted: last, err: selection.ErrNoAccount},
		{name: "wanted: mapped", active: active, wanted: second,
			route: credstore.Route{Mappings: []credstore.Mapping{mapped(1, account(first)), mapped(0, account(second))}},
			want:  []string{second}},
		{name: "wanted: default", active: active, wanted: first,
			route: credstore.Route{Default: pointer(account(first))}, want: []string{first}},
		{name: "wanted: another train's", active: active, wanted: second,
			route: credstore.Route{Default: pointer(account(first))}, err: selection.ErrNotAllowed},
		{name: "wanted: mapped, deactivated", active: active, wanted: second,
			route: credstore.Route{Mappings: []credstore.Mapping{mapped(1, account(first)), mapped(0, deactivated(second))}},
			err:   selection.ErrNoAccount},
		{name: "wanted: default, needs re-authentication", active: active, wanted: first,
			route: credstore.Route{Default: pointer(refused(first))}, err: selection.ErrNoAccount},
		{name: "wanted: case counts", active: active, wanted: "Account-0001", err: selection.ErrNotAllowed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.route.TrainID, test.route.Active = "train-1", true
			selector := selection.New(&store{
				routes: map[string]*credstore.Route{"train-1": &test.route}, active: test.active,
			}, nil)
			for range 2 { // computed, then remembered
				got, err := selector.Candidates(t.Context(), "train-1", test.wanted)
				require.ErrorIs(t, err, test.err)
				require.Equal(t, test.want, namesOrNil(got))
			}
		})
	}
}

func namesOrNil(refs []credstore.AccountRef) []string {
	if refs == nil {
		return nil
	}
	return names(refs)
}

func TestCandidatesRefusals(t *testing.T) {
	active := accounts("a", "b")
	closed := map[string]*credstore.Route{"closed": {TrainID: "closed"}, "open": {TrainID: "open", Active: true}}

	_, err := selection.New(&store{routes: closed, active: active}, nil).Candidates(t.Context(), "closed", "")
	require.ErrorIs(t, err, credstore.ErrInactive)
	_, err = selection.New(&store{active: active}, nil).Candidates(t.Context(), "unknown", "")
	require.ErrorIs(t, err, credstore.ErrNotFound)

	for _, broken := range []*store{
		{routes: closed, active: active, routeErr: credstore.ErrUnavailable},
		{routes: closed, accountErr: credstore.ErrUnavailable},
	} {
		for _, opts := range []*selection.Options{nil, {AllowUnknownTrains: true}} {
			got, err := selection.New(broken, opts).Candidates(t.Context(), "open", "")
			require.ErrorIs(t, err, credstore.ErrUnavailable)
			require.Nil(t, got)
		}
	}
}

func TestAllowUnknownTrains(t *testing.T) {
	pool := accountNames(5)
	selector := selection.New(&store{
		routes: map[string]*credstore.Route{"closed": {TrainID: "closed"}}, active: accounts(pool...),
	}, &selection.Options{AllowUnknownTrains: true})

	for _, train := range []string{"unknown", "unknown-2"} {
		got, err := selector.Candidates(t.Context(), train, "")
		require.NoError(t, err)
		require.Equal(t, selection.Rank(train, pool), names(got))
	}
	_, err := selector.Candidates(t.Context(), "closed", "")
	require.ErrorIs(t, err, credstore.ErrInactive, "a deactivated train is known")
	_, err = selector.Candidates(t.Context(), "unknown", "nobody")
	require.ErrorIs(t, err, selection.ErrNotAllowed)
}

func TestRefusalsDoNotRepeatTheWantedAccount(t *testing.T) {
	selector := selection.New(&store{
		routes: map[string]*credstore.Route{"train": {TrainID: "train", Active: true}}, active: accounts("a"),
	}, nil)
	_, err := selector.Candidates(t.Context(), "train", "sk-ant-in-the-wrong-header")
	require.ErrorIs(t, err, selection.ErrNotAllowed)
	require.NotContains(t, err.Error(), "sk-ant")
}

// The order is kept while the store returns identical values, and no longer.
func TestOrderFollowsTheStore(t *testing.T) {
	route := &credstore.Route{TrainID: "train", Active: true}
	backend := &store{routes: map[string]*credstore.Route{"train": route}, active: accounts("a", "b")}
	selector := selection.New(backend, nil)
	candidates := func() []credstore.AccountRef {
		t.Helper()
		got, err := selector.Candidates(t.Context(), "train", "")
		require.NoError(t, err)
		return got
	}

	first := candidates()
	require.Same(t, &first[0], &candidates()[0], "nothing changed, and yet it was ranked again")

	backend.active = accounts("a", "b")
	again := candidates()
	require.NotSame(t, &first[0], &again[0], "another slice may have another content")
	backend.active = accounts("a")
	require.Equal(t, []string{"a"}, names(candidates()))
	backend.routes["train"] = &credstore.Route{TrainID: "train", Active: true, Default: pointer(account("c"))}
	require.Equal(t, []string{"c"}, names(candidates()))
	backend.routes["train"] = route
	require.Equal(t, []string{"a"}, names(candidates()))
}

func TestWarmCandidatesAllocateNothing(t *testing.T) {
	backend := &store{routes: map[string]*credstore.Route{
		"open":   {TrainID: "open", Active: true},
		"mapped": {TrainID: "mapped", Active: true, Mappings: []credstore.Mapping{mapped(0, account("a"))}},
	}, active: accounts(accountNames(100)...)}
	selector := selection.New(backend, nil)
	for _, wanted := range []string{"", "account-0042"} {
		require.Zero(t, testing.AllocsPerRun(100, func() {
			_, _ = selector.Candidates(t.Context(), "open", wanted)
		}))
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = selector.Candidates(t.Context(), "mapped", "") }))
}

func TestCoolDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := accountNames(4)
		ranked := selection.Rank("train", pool)
		selector := selection.New(&store{
			routes: map[string]*credstore.Route{"train": {TrainID: "train", Active: true}}, active: accounts(pool...),
		}, nil)
		expect := func(want ...string) {
			t.Helper()
			got, err := selector.Candidates(t.Context(), "train", "")
			require.NoError(t, err)
			require.Equal(t, want, names(got))
		}
		coolFor := func(name string, d time.Duration) { selector.CoolDown("acc_"+name, time.Now().Add(d)) }
		start := time.Now()

		selector.CoolDown("acc_"+ranked[0], start)
		selector.CoolDown("acc_"+ranked[0], time.Time{})
		expect(ranked...)
		require.Zero(t, selector.CoolingUntil("acc_"+ranked[0]), "a time in the past has no effect")

		coolFor(ranked[0], 20*time.Second)
		expect(ranked[1], ranked[2], ranked[3], ranked[0])
		coolFor(ranked[2], 10*time.Second)
		expect(ranked[1], ranked[3], ranked[2], ranked[0])
		coolFor(ranked[2], 5*time.Second)
		require.Equal(t, start.Add(10*time.Second), selector.CoolingUntil("acc_"+ranked[2]), "the longer one counts")
		coolFor(ranked[2], 30*time.Second)
		expect(ranked[1], ranked[3], ranked[0], ranked[2])

		_, err := selector.Candidates(t.Context(), "train", ranked[2])
		var cooling *selection.CoolingError
		require.ErrorAs(t, err, &cooling)
		require.Equal(t, start.Add(30*time.Second), cooling.Until, "the wanted account cools")

		coolFor(ranked[1], time.Minute)
		coolFor(ranked[3], time.Hour)
		_, err = selector.Candidates(t.Context(), "train", "")
		require.ErrorAs(t, err, &cooling)
		require.Equal(t, start.Add(20*time.Second), cooling.Until, "the first to be free")

		time.Sleep(20 * time.Second)
		expect(ranked[0], ranked[2], ranked[1], ranked[3])
		require.Zero(t, selector.CoolingUntil("acc_"+ranked[0]))
		time.Sleep(time.Hour)
		expect(ranked...)
		require.Zero(t, testing.AllocsPerRun(10, func() { _, _ = selector.Candidates(t.Context(), "train", "") }))
	})
}

// Waiting helps against limits. It does not help against refused credentials.
func TestSetAside(t *testing.T) {
	pool := accountNames(3)
	selector := selection.New(&store{
		routes: map[string]*credstore.Route{"train": {TrainID: "train", Active: true}}, active: accounts(pool...),
	}, nil)
	until := time.Now().Add(time.Hour)
	for _, name := range pool {
		_, err := selector.Candidates(t.Context(), "train", "")
		require.NoError(t, err)
		selector.SetAside("acc_"+name, until)
		require.Equal(t, until, selector.CoolingUntil("acc_"+name))
	}
	_, err := selector.Candidates(t.Context(), "train", "")
	require.ErrorIs(t, err, selection.ErrNoAccount)

	selector.CoolDown("acc_"+pool[1], until.Add(2*time.Hour))
	selector.CoolDown("acc_"+pool[2], until.Add(time.Hour))
	_, err = selector.Candidates(t.Context(), "train", "")
	var cooling *selection.CoolingError
	require.ErrorAs(t, err, &cooling)
	require.Equal(t, until.Add(time.Hour), cooling.Until, "the first to be free of its limit")
}

func TestCoolDownsAreBounded(t *testing.T) {
	selector := selection.New(&store{}, nil)
	start := time.Now()
	until := func(i int) time.Time { return start.Add(time.Hour + time.Duration(i)*time.Second) }
	const bound, more = 1024, 3
	for i := range bound + more {
		selector.CoolDown(fmt.Sprint("acc_", i), until(i))
	}
	for i := range bound + more {
		want := until(i)
		if i < more {
			want = time.Time{}
		}
		require.Equal(t, want, selector.CoolingUntil(fmt.Sprint("acc_", i)))
	}
}

func TestSelectorIsSafeForConcurrentUse(t *testing.T) {
	pool := accountNames(8)
	selector := selection.New(&store{
		routes: map[string]*credstore.Route{"train": {TrainID: "train", Active: true}}, active: accounts(pool...),
	}, nil)
	for g := range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for i := range 500 {
				selector.CoolDown("acc_"+pool[(g+i)%4], time.Now().Add(time.Duration(i)*time.Microsecond))
				got, err := selector.Candidates(t.Context(), "train", "")
				require.NoError(t, err, "four accounts never cool")
				require.ElementsMatch(t, pool, names(got))
			}
		})
	}
}
