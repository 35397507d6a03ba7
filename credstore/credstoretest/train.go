package credstoretest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var trainTests = []test{
	{name: "Get", run: testGetTrain},
	{name: "GetText", run: testGetTrainText, requires: needs(trainText)},
	{name: "Refused", run: testTrainRefused},
	{name: "ListIsGet", run: testListTrainsIsGet},
	{name: "Order", run: testTrainOrder},
	{name: "PagingWithInserts", run: testTrainPagingWithInserts},
	{name: "BadPage", run: testTrainBadPage},
	{name: "SearchID", run: testTrainSearchID},
	{name: "SearchName", run: testTrainSearchName, requires: needs(trainText)},
	{name: "FilterClientKeys", run: testTrainFilterClientKeys},
	{name: "Filter", run: testTrainFilter, requires: needs(admin, mappings)},
	{name: "ClientKeys", run: testListClientKeys},
	{name: "ClientKeysRevokedMeanwhile", run: testListClientKeysRevoked, requires: needs(admin)},
	{name: "Mappings", run: testListMappings, requires: needs(admin, mappings)},
	{name: "Slack", run: testGetSlackConfig, requires: needs(slack)},
}

// train is the train as it is shown.
func (f *Fixture) train(t testing.TB, trainID string) *credstore.Train {
	t.Helper()
	train, err := f.Store.GetTrain(t.Context(), trainID)
	require.NoError(t, err)
	return train
}

func testGetTrain(t *testing.T, f *Fixture) {
	f.addTrain(t, credstore.NewTrain{ID: "main", ClientKeys: []credstore.Secret{secret("1"), secret("2")}})
	train := f.train(t, "main")
	require.WithinDuration(t, time.Now(), train.CreatedAt, 10*time.Minute)
	require.Equal(t, train.CreatedAt.UTC().Truncate(time.Microsecond), train.CreatedAt)
	require.Equal(t, &credstore.Train{
		ID: "main", ClientKeys: 2, Active: true, CreatedAt: train.CreatedAt, UpdatedAt: train.UpdatedAt,
	}, train)
}

func testGetTrainText(t *testing.T, f *Fixture) {
	new := train("main")
	new.Name, new.Description = "Größe 鍵 🚂 <b>&\"'", "first line\nsecond\tline \\ %s"
	f.addTrain(t, new)
	train := f.train(t, "main")
	require.Equal(t, new.Name, train.Name)
	require.Equal(t, new.Description, train.Description)
}

func testTrainRefused(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	for id, want := range map[string]error{
		"other": credstore.ErrNotFound, "Main": credstore.ErrNotFound, "": credstore.ErrInvalidID, "a\nb": credstore.ErrInvalidID,
	} {
		_, err := f.Store.GetTrain(t.Context(), id)
		require.ErrorIs(t, err, want, "%q", id)
		_, err = f.Store.ListClientKeys(t.Context(), id, credstore.PageRequest{})
		require.ErrorIs(t, err, want, "%q", id)
		_, err = f.Store.ListMappings(t.Context(), id, credstore.PageRequest{})
		require.ErrorIs(t, err, want, "%q", id)
		_, err = f.Store.GetSlackConfig(t.Context(), id)
		require.ErrorIs(t, err, want, "%q", id)
	}
}

// trains walks the listing.
func (f *Fixture) trains(t testing.TB, filter credstore.TrainFilter, limit int) []credstore.Train {
	t.Helper()
	return walk(t, limit, func(page credstore.PageRequest) (credstore.Page[credstore.Train], error) {
		return f.Store.ListTrains(t.Context(), filter, page)
	})
}

func (f *Fixture) trainIDs(t testing.TB, filter credstore.TrainFilter) []string {
	t.Helper()
	ids := []string{}
	for _, train := range f.trains(t, filter, 0) {
		ids = append(ids, train.ID)
	}
	count, err := f.Store.CountTrains(t.Context(), filter)
	require.NoError(t, err)
	require.Len(t, ids, count)
	return ids
}

func testListTrainsIsGet(t *testing.T, f *Fixture) {
	f.addTrain(t, train("a"))
	f.addTrain(t, train("b"))
	for _, train := range f.trains(t, credstore.TrainFilter{}, 0) {
		require.Equal(t, f.train(t, train.ID), &train)
	}
}

// trainSorts are the orders, and what each sorts by before the id; names compares names.
var trainSorts = map[credstore.TrainSort]func(names func(a, b string) int, a, b credstore.Train) int{
	"":                      func(_ func(a, b string) int, _, _ credstore.Train) int { return 0 },
	credstore.SortTrainID:   func(_ func(a, b string) int, _, _ credstore.Train) int { return 0 },
	credstore.SortTrainName: func(names func(a, b string) int, a, b credstore.Train) int { return names(a.Name, b.Name) },
	credstore.SortTrainCreated: func(_ func(a, b string) int, a, b credstore.Train) int {
		return a.CreatedAt.Compare(b.CreatedAt)
	},
}

// trainOrder is the whole of an order: ties are broken by id.
func (f *Fixture) trainOrder(t testing.TB, sort credstore.TrainSort) func(a, b credstore.Train) int {
	t.Helper()
	var byName []string
	for _, train := range f.trains(t, credstore.TrainFilter{Sort: credstore.SortTrainName}, 0) {
		byName = append(byName, train.Name)
	}
	names, ids := f.collation(byName), f.collation(f.trainIDs(t, credstore.TrainFilter{}))
	return func(a, b credstore.Train) int { return cmp.Or(trainSorts[sort](names, a, b), ids(a.ID, b.ID)) }
}

// addMixedTrains adds trains whose order depends on sort and collation.
func (f *Fixture) addMixedTrains(t testing.TB) {
	t.Helper()
	names := []string{"", "same", "same", "Same", "ähnlich", "zebra"}
	for i, id := range mixedNames {
		new := train(id)
		new.Name = names[i%len(names)]
		f.addTrain(t, new)
	}
}

func testTrainOrder(t *testing.T, f *Fixture) {
	f.addMixedTrains(t)
	for sort := range trainSorts {
		for _, limit := range []int{1, 3, 100} {
			up := f.trains(t, credstore.TrainFilter{Sort: sort}, limit)
			require.Len(t, up, len(mixedNames))
			require.True(t, slices.IsSortedFunc(up, f.trainOrder(t, sort)), "order %q", sort)
			down := f.trains(t, credstore.TrainFilter{Sort: sort, Descending: true}, limit)
			slices.Reverse(down)
			require.Equal(t, up, down, "descending is the whole order reversed")
		}
	}
}

func testTrainPagingWithInserts(t *testing.T, f *Fixture) {
	f.addMixedTrains(t)
	for sort := range trainSorts {
		before := f.trainIDs(t, credstore.TrainFilter{Sort: sort})
		added := 0
		var seen []string
		for _, train := range walk(t, 5, func(page credstore.PageRequest) (credstore.Page[credstore.Train], error) {
			result, err := f.Store.ListTrains(t.Context(), credstore.TrainFilter{Sort: sort}, page)
			added++
			f.addTrain(t, train(fmt.Sprintf("%c-%s-%d", otherNames[added%len(otherNames)], sort, added)))
			return result, err
		}) {
			if slices.Contains(before, train.ID) {
				seen = append(seen, train.ID)
			}
		}
		require.Equal(t, before, seen, "order %q", sort)
	}
}

func testTrainBadPage(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	for _, cursor := range badCursors {
		page := credstore.PageRequest{After: cursor}
		_, err := f.Store.ListTrains(t.Context(), credstore.TrainFilter{}, page)
		require.ErrorIs(t, err, credstore.ErrInvalid, "%q", cursor)
		_, err = f.Store.ListClientKeys(t.Context(), "main", page)
		require.ErrorIs(t, err, credstore.ErrInvalid, "%q", cursor)
		_, err = f.Store.ListMappings(t.Context(), "main", page)
		require.ErrorIs(t, err, credstore.ErrInvalid, "%q", cursor)
	}
	_, err := f.Store.ListTrains(t.Context(), credstore.TrainFilter{Sort: "size"}, credstore.PageRequest{})
	require.ErrorIs(t, err, credstore.ErrInvalid)
}

func testTrainSearchID(t *testing.T, f *Fixture) {
	for _, id := range []string{"team:Alpha", "team_beta", "team-beta"} {
		f.addTrain(t, credstore.NewTrain{ID: id})
	}
	for search, want := range map[string][]string{
		"": {"team-beta", "team:Alpha", "team_beta"}, "ALPHA": {"team:Alpha"}, "_": {"team_beta"}, "%": {}, "team_": {"team_beta"},
	} {
		require.ElementsMatch(t, want, f.trainIDs(t, credstore.TrainFilter{Search: search}), "%q", search)
	}
	_, err := f.Store.CountTrains(t.Context(), credstore.TrainFilter{Search: "\x00"})
	require.ErrorIs(t, err, credstore.ErrInvalid)
}

func testTrainSearchName(t *testing.T, f *Fixture) {
	for id, name := range map[string]string{"1": "50%_off", "2": `back\slash`, "3": "Größe É", "4": "plain 50 off"} {
		f.addTrain(t, credstore.NewTrain{ID: id, Name: name})
	}
	for search, want := range map[string][]string{
		"50%": {"1"}, "%": {"1"}, "%_": {"1"}, `K\S`: {"2"}, `\`: {"2"}, "GRÖSSE": {}, "grö": {"3"}, "GRö": {"3"}, "grÖ": {}, "É": {"3"}, "é": {},
		"50_off": {}, "OFF": {"1", "4"},
	} {
		require.Equal(t, want, f.trainIDs(t, credstore.TrainFilter{Search: search}), "%q", search)
	}
}

func testTrainFilterClientKeys(t *testing.T, f *Fixture) {
	f.addTrain(t, train("with"))
	f.addTrain(t, credstore.NewTrain{ID: "without"})
	f.addTrain(t, credstore.NewTrain{ID: "nor-this"})
	require.Equal(t, []string{"nor-this", "without"}, f.trainIDs(t, credstore.TrainFilter{WithoutClientKeys: true}))
	require.Equal(t, []string{"without"}, f.trainIDs(t, credstore.TrainFilter{WithoutClientKeys: true, Search: "WITH"}))
	require.Equal(t, []string{"nor-this", "with", "without"}, f.trainIDs(t, credstore.TrainFilter{}))
}

func testTrainFilter(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"), apiKeyAccount("b"))
	for _, id := range []string{"default", "mapped", "none"} {
		f.addTrain(t, train(id))
	}
	require.NoError(t, f.Admin.SetDefaultAccount(t.Context(), "default", "acc_a", false))
	require.NoError(t, f.Admin.AddMapping(t.Context(), "mapped", "acc_a", 1))
	require.NoError(t, f.Admin.AddMapping(t.Context(), "mapped", "acc_b", 1))
	require.NoError(t, f.Admin.DeactivateTrain(t.Context(), "none"))
	yes, no := true, false
	require.Equal(t, []string{"default", "mapped"}, f.trainIDs(t, credstore.TrainFilter{AccountID: "acc_a"}))
	require.Equal(t, []string{"mapped"}, f.trainIDs(t, credstore.TrainFilter{AccountID: "acc_b"}))
	require.Empty(t, f.trainIDs(t, credstore.TrainFilter{AccountID: "acc_none"}))
	require.Equal(t, []string{"none"}, f.trainIDs(t, credstore.TrainFilter{Active: &no}))
	require.Equal(t, []string{"default", "mapped"}, f.trainIDs(t, credstore.TrainFilter{Active: &yes}))
	require.Equal(t, 2, f.train(t, "mapped").Mappings)
	require.Equal(t, "acc_a", f.train(t, "default").DefaultAccountID)
}

func (f *Fixture) clientKeys(t testing.TB, trainID string, limit int) []credstore.ClientKey {
	t.Helper()
	return walk(t, limit, func(page credstore.PageRequest) (credstore.Page[credstore.ClientKey], error) {
		return f.Store.ListClientKeys(t.Context(), trainID, page)
	})
}

func testListClientKeys(t *testing.T, f *Fixture) {
	var keys []credstore.Secret
	var want []credstore.ClientKey
	for i := range 7 {
		keys = append(keys, secret(fmt.Sprint("key ", i)))
		want = append(want, credstore.ClientKey{Hash: credstore.HashClientKey(keys[i])})
	}
	f.addTrain(t, credstore.NewTrain{ID: "main", ClientKeys: keys})
	f.addTrain(t, credstore.NewTrain{ID: "keyless"})
	for _, limit := range []int{0, 1, 3, 7} {
		require.Equal(t, want, f.clientKeys(t, "main", limit), "in the order in which they were added")
	}
	require.Empty(t, f.clientKeys(t, "keyless", 0))
}

func testListClientKeysRevoked(t *testing.T, f *Fixture) {
	keys := []credstore.Secret{secret("0"), secret("1"), secret("2"), secret("3")}
	f.addTrain(t, credstore.NewTrain{ID: "main", ClientKeys: keys})
	first, err := f.Store.ListClientKeys(t.Context(), "main", credstore.PageRequest{Limit: 2})
	require.NoError(t, err)
	require.NoError(t, f.Admin.RevokeClientKey(t.Context(), "main", first.Items[1].Hash))
	second, err := f.Store.ListClientKeys(t.Context(), "main", credstore.PageRequest{Limit: 2, After: first.Next})
	require.NoError(t, err)
	require.Equal(t, []credstore.ClientKey{{Hash: credstore.HashClientKey(keys[2])}, {Hash: credstore.HashClientKey(keys[3])}}, second.Items)

	require.NoError(t, f.Admin.DeactivateTrain(t.Context(), "main"))
	require.Len(t, f.clientKeys(t, "main", 0), 3, "of a deactivated train too")
}

func testListMappings(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	f.addTrain(t, train("other"))
	for i, name := range mixedNames {
		f.addAccounts(t, apiKeyAccount(name))
		require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_"+name, i%3-1))
	}
	list := func(trainID string, limit int) []credstore.Mapping {
		return walk(t, limit, func(page credstore.PageRequest) (credstore.Page[credstore.Mapping], error) {
			return f.Store.ListMappings(t.Context(), trainID, page)
		})
	}
	all := list("main", 0)
	require.Len(t, all, len(mixedNames))
	require.True(t, slices.IsSortedFunc(all, func(a, b credstore.Mapping) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Account.Name, b.Account.Name))
	}))
	for _, limit := range []int{1, 3, 16} {
		require.Equal(t, all, list("main", limit))
	}
	route, err := f.Store.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	require.Equal(t, route.Mappings, all)
	require.Empty(t, list("other", 0))
}

func testGetSlackConfig(t *testing.T, f *Fixture) {
	with := train("with")
	with.Slack = slackConfig()
	f.addTrain(t, with)
	f.addTrain(t, train("without"))
	slack, err := f.Store.GetSlackConfig(t.Context(), "with")
	require.NoError(t, err)
	require.Equal(t, slackConfig(), slack)
	require.True(t, f.train(t, "with").HasSlack)
	slack, err = f.Store.GetSlackConfig(t.Context(), "without")
	require.NoError(t, err)
	require.Nil(t, slack)
	require.False(t, f.train(t, "without").HasSlack)
}
