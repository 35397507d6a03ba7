package credstoretest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var trainAdminTests = []test{
	{name: "Create", run: testCreateTrain, requires: needs(admin)},
	{name: "CreateRefused", run: testCreateTrainRefused, requires: needs(admin)},
	{name: "Update", run: testUpdateTrain, requires: needs(admin)},
	{name: "UpdateConflict", run: testUpdateTrainConflict, requires: needs(admin)},
	{name: "Deactivate", run: testDeactivateTrain, requires: needs(admin)},
	{name: "ClientKeys", run: testClientKeyAdmin, requires: needs(admin)},
	{name: "ClientKeysRefused", run: testClientKeyAdminRefused, requires: needs(admin)},
	{name: "ClientKeysRace", run: testClientKeyRace, requires: needs(admin)},
	{name: "Mappings", run: testMappingAdmin, requires: needs(admin, mappings)},
	{name: "MappingsRefused", run: testMappingAdminRefused, requires: needs(admin, mappings)},
	{name: "WouldWiden", run: testWouldWiden, requires: needs(admin, mappings)},
	{name: "WouldWidenAtOnce", run: testWouldWidenAtOnce, requires: needs(admin, mappings)},
	{name: "Reorder", run: testReorder, requires: needs(admin, mappings)},
	{name: "ReorderRefused", run: testReorderRefused, requires: needs(admin, mappings)},
	{name: "ReorderRace", run: testReorderRace, requires: needs(admin, mappings)},
	{name: "Reset", run: testReset, requires: needs(admin, mappings)},
	{name: "ResetRefused", run: testResetRefused, requires: needs(admin, mappings)},
	{name: "Slack", run: testSlackAdmin, requires: needs(admin, slack)},
	{name: "SlackRefused", run: testSlackRefused, requires: needs(admin, slack)},
}

func testCreateTrain(t *testing.T, f *Fixture) {
	new := train("main")
	new.ClientKeys = []credstore.Secret{secret(" 1\n"), secret("1"), secret("2")}
	new.Slack = slackConfig()
	created, err := f.Admin.CreateTrain(t.Context(), new)
	require.NoError(t, err)
	require.Equal(t, f.train(t, "main"), created)
	require.Equal(t, &credstore.Train{
		ID: "main", Name: new.Name, Description: new.Description, ClientKeys: 2, HasSlack: true, Active: true,
		CreatedAt: created.CreatedAt, UpdatedAt: created.CreatedAt,
	}, created)
}

func testCreateTrainRefused(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	before := f.dump(t)
	_, err := f.Admin.CreateTrain(t.Context(), train("main"))
	require.ErrorIs(t, err, credstore.ErrAlreadyExists)
	for name, spoil := range map[string]func(*credstore.NewTrain){
		"no id":             func(n *credstore.NewTrain) { n.ID = "" },
		"a path":            func(n *credstore.NewTrain) { n.ID = "a/../b" },
		"long name":         func(n *credstore.NewTrain) { n.Name = strings.Repeat("ä", 256) },
		"NUL in name":       func(n *credstore.NewTrain) { n.Name = "\x00" },
		"NUL in text":       func(n *credstore.NewTrain) { n.Description = "a\x00b" },
		"text not UTF-8":    func(n *credstore.NewTrain) { n.Description = "\xc3" },
		"blank client key":  func(n *credstore.NewTrain) { n.ClientKeys = []credstore.Secret{secret("\ufeff \n")} },
		"no client key":     func(n *credstore.NewTrain) { n.ClientKeys = []credstore.Secret{{}} },
		"NUL in client key": func(n *credstore.NewTrain) { n.ClientKeys = []credstore.Secret{secret("sk-ant-\x00")} },
		"bad webhook":       func(n *credstore.NewTrain) { n.Slack.WebhookURL = secret("sk-ant-webhook") },
	} {
		new := train("new")
		new.Slack = slackConfig()
		spoil(&new)
		_, err := f.Admin.CreateTrain(t.Context(), new)
		require.ErrorIs(t, err, credstore.ErrInvalid, name)
		require.NotContains(t, err.Error(), "sk-ant-", name)
	}
	require.Equal(t, before, f.dump(t))
	longest := train(strings.Repeat("i", 255))
	longest.Name = strings.Repeat("ä", 255)
	f.addTrain(t, longest)
}

func testUpdateTrain(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	before := f.train(t, "main")
	name, none := "Neuer Name 🚂", ""
	updated, err := f.Admin.UpdateTrain(t.Context(), "main", credstore.TrainUpdate{Name: &name})
	require.NoError(t, err)
	require.Equal(t, f.train(t, "main"), updated)
	require.Equal(t, name, updated.Name)
	require.Equal(t, before.Description, updated.Description)
	require.True(t, updated.UpdatedAt.After(before.UpdatedAt))
	updated, err = f.Admin.UpdateTrain(t.Context(), "main", credstore.TrainUpdate{Name: &none, Description: &none})
	require.NoError(t, err)
	require.Empty(t, updated.Name+updated.Description)
	require.Equal(t, before.ClientKeys, updated.ClientKeys)
}

func testUpdateTrainConflict(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	seen := f.train(t, "main").UpdatedAt
	name, long, nul := "new", strings.Repeat("x", 256), "\x00"
	_, err := f.Admin.AddClientKeys(t.Context(), "main", secret("2"))
	require.NoError(t, err)
	_, err = f.Admin.UpdateTrain(t.Context(), "main", credstore.TrainUpdate{IfUpdatedAt: seen, Name: &name})
	require.ErrorIs(t, err, credstore.ErrConflict)
	_, err = f.Admin.UpdateTrain(t.Context(), "main", credstore.TrainUpdate{Name: &long})
	require.ErrorIs(t, err, credstore.ErrInvalid)
	_, err = f.Admin.UpdateTrain(t.Context(), "main", credstore.TrainUpdate{Description: &nul})
	require.ErrorIs(t, err, credstore.ErrInvalid)
	_, err = f.Admin.UpdateTrain(t.Context(), "none", credstore.TrainUpdate{})
	require.ErrorIs(t, err, credstore.ErrNotFound)
	_, err = f.Admin.UpdateTrain(t.Context(), "no ne", credstore.TrainUpdate{})
	require.ErrorIs(t, err, credstore.ErrInvalidID)
	require.Equal(t, train("main").Name, f.train(t, "main").Name)
}

func testDeactivateTrain(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	for _, active := range []bool{false, false, true, true} {
		change := f.Admin.ReactivateTrain
		if !active {
			change = f.Admin.DeactivateTrain
		}
		require.NoError(t, change(t.Context(), "main"))
		require.Equal(t, active, f.train(t, "main").Active)
		require.ErrorIs(t, change(t.Context(), "none"), credstore.ErrNotFound)
		require.ErrorIs(t, change(t.Context(), ""), credstore.ErrInvalidID)
	}
}

func testClientKeyAdmin(t *testing.T, f *Fixture) {
	f.addTrain(t, credstore.NewTrain{ID: "main"})
	added, err := f.Admin.AddClientKeys(t.Context(), "main", secret(" b\t"), secret("a"), secret("b"))
	require.NoError(t, err)
	require.Equal(t, 2, added, "trimmed, each once")
	added, err = f.Admin.AddClientKeys(t.Context(), "main", secret("a"), secret("c"))
	require.NoError(t, err)
	require.Equal(t, 1, added)
	require.Equal(t, []credstore.ClientKey{{Hash: hashOf("b")}, {Hash: hashOf("a")}, {Hash: hashOf("c")}}, f.clientKeys(t, "main", 0))
	require.Equal(t, 3, f.train(t, "main").ClientKeys)

	require.NoError(t, f.Admin.RevokeClientKey(t.Context(), "main", hashOf("a")))
	require.Equal(t, []credstore.ClientKey{{Hash: hashOf("b")}, {Hash: hashOf("c")}}, f.clientKeys(t, "main", 0))
	require.NoError(t, f.Admin.DeactivateTrain(t.Context(), "main"))
	require.NoError(t, f.Admin.RevokeClientKey(t.Context(), "main", hashOf("b")), "of a deactivated train too")
}

func testClientKeyAdminRefused(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	before := f.dump(t)
	for _, empty := range []credstore.Secret{{}, secret(" "), secret("\ufeff\n")} {
		_, err := f.Admin.AddClientKeys(t.Context(), "main", secret("good"), empty)
		require.ErrorIs(t, err, credstore.ErrInvalid)
	}
	_, err := f.Admin.AddClientKeys(t.Context(), "none", secret("good"))
	require.ErrorIs(t, err, credstore.ErrNotFound)
	_, err = f.Admin.AddClientKeys(t.Context(), "no/ne", secret("good"))
	require.ErrorIs(t, err, credstore.ErrInvalidID)
	for _, hash := range []string{"", "x", hashOf("other"), strings.ToUpper(hashOf("sk-ant-client-main")), "%"} {
		require.ErrorIs(t, f.Admin.RevokeClientKey(t.Context(), "main", hash), credstore.ErrNotFound)
	}
	require.ErrorIs(t, f.Admin.RevokeClientKey(t.Context(), "none", hashOf("sk-ant-client-main")), credstore.ErrNotFound)
	require.Equal(t, before, f.dump(t))
}

// Client keys that are added and revoked at once: none is lost, none comes back.
func testClientKeyRace(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	var group sync.WaitGroup
	errs := make([]error, 21)
	for i := range 20 {
		group.Go(func() { _, errs[i] = f.Admin.AddClientKeys(t.Context(), "main", secret(fmt.Sprint("key ", i))) })
	}
	group.Go(func() { errs[20] = f.Admin.RevokeClientKey(t.Context(), "main", hashOf("sk-ant-client-main")) })
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	keys := f.clientKeys(t, "main", 0)
	require.Len(t, keys, 20)
	require.NotContains(t, keys, credstore.ClientKey{Hash: hashOf("sk-ant-client-main")})
}

// mappedIDs is the order of the train's mappings.
func (f *Fixture) mappedIDs(t testing.TB, trainID string) []string {
	t.Helper()
	ids := []string{}
	for _, mapping := range walk(t, 0, func(page credstore.PageRequest) (credstore.Page[credstore.Mapping], error) {
		return f.Store.ListMappings(t.Context(), trainID, page)
	}) {
		ids = append(ids, mapping.Account.ID)
	}
	return ids
}

func testMappingAdmin(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	before := f.train(t, "main")
	require.NoError(t, f.Admin.SetDefaultAccount(t.Context(), "main", "acc_a", false))
	require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_c", math.MinInt32))
	require.Equal(t, []string{"acc_a", "acc_b", "acc_c"}, f.mappedIDs(t, "main"))
	require.NoError(t, f.Admin.RemoveMapping(t.Context(), "main", "acc_a", false))
	after := f.train(t, "main")
	require.Equal(t, "acc_a", after.DefaultAccountID, "the default stays")
	require.Equal(t, 2, after.Mappings)
	require.True(t, after.UpdatedAt.After(before.UpdatedAt))

	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_a", false))
	require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_a", math.MaxInt32), "a deactivated account may be mapped")
	require.Equal(t, []string{"acc_a", "acc_b", "acc_c"}, f.mappedIDs(t, "main"))
}

func testMappingAdminRefused(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	before := f.dump(t)
	ctx, admin := t.Context(), f.Admin
	require.ErrorIs(t, admin.AddMapping(ctx, "main", "acc_a", 9), credstore.ErrAlreadyExists)
	require.ErrorIs(t, admin.AddMapping(ctx, "main", "acc_none", 9), credstore.ErrNotFound)
	require.ErrorIs(t, admin.AddMapping(ctx, "none", "acc_a", 9), credstore.ErrNotFound)
	require.ErrorIs(t, admin.AddMapping(ctx, "main", "acc/a", 9), credstore.ErrInvalidID)
	require.ErrorIs(t, admin.AddMapping(ctx, "ma/in", "acc_a", 9), credstore.ErrInvalidID)
	require.ErrorIs(t, admin.AddMapping(ctx, "main", "acc_c", math.MaxInt32+1), credstore.ErrInvalid)
	require.ErrorIs(t, admin.RemoveMapping(ctx, "main", "acc_c", false), credstore.ErrNotFound)
	require.ErrorIs(t, admin.RemoveMapping(ctx, "none", "acc_a", false), credstore.ErrNotFound)
	require.ErrorIs(t, admin.RemoveMapping(ctx, "main", "", false), credstore.ErrInvalidID)
	require.ErrorIs(t, admin.SetDefaultAccount(ctx, "main", "acc_none", false), credstore.ErrNotFound)
	require.ErrorIs(t, admin.SetDefaultAccount(ctx, "none", "acc_a", false), credstore.ErrNotFound)
	require.ErrorIs(t, admin.SetDefaultAccount(ctx, "main", "../a", false), credstore.ErrInvalidID)
	require.Equal(t, before, f.dump(t))
}

func testWouldWiden(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	ctx, admin := t.Context(), f.Admin
	refused := func(change func(mayWiden bool) error) {
		t.Helper()
		before, trail := f.dump(t), f.auditTrail(t, credstore.AuditFilter{})
		require.ErrorIs(t, change(false), credstore.ErrWouldWiden)
		require.Equal(t, before, f.dump(t))
		require.Equal(t, trail, f.auditTrail(t, credstore.AuditFilter{}))
		require.NoError(t, change(true))
		route, err := f.Store.GetRoute(ctx, "main")
		require.NoError(t, err)
		require.False(t, route.Restricted())
	}
	require.NoError(t, admin.RemoveMapping(ctx, "main", "acc_a", false))
	require.ErrorIs(t, admin.RemoveMapping(ctx, "main", "acc_c", false), credstore.ErrNotFound, "it is not the last")
	refused(func(mayWiden bool) error { return admin.RemoveMapping(ctx, "main", "acc_b", mayWiden) })

	require.NoError(t, admin.SetDefaultAccount(ctx, "main", "", false), "it has none already")
	require.NoError(t, admin.SetDefaultAccount(ctx, "main", "acc_a", false))
	require.NoError(t, admin.SetDefaultAccount(ctx, "main", "acc_b", false))
	refused(func(mayWiden bool) error { return admin.SetDefaultAccount(ctx, "main", "", mayWiden) })

	// Each keeps the train from widening while the other goes.
	require.NoError(t, admin.AddMapping(ctx, "main", "acc_c", 1))
	require.NoError(t, admin.SetDefaultAccount(ctx, "main", "acc_c", false))
	require.NoError(t, admin.RemoveMapping(ctx, "main", "acc_c", false))
	require.NoError(t, admin.AddMapping(ctx, "main", "acc_a", 1))
	require.NoError(t, admin.SetDefaultAccount(ctx, "main", "", false))
}

// Of those who each take another account away at once, the last one is refused.
func testWouldWidenAtOnce(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_c", 3))
	require.NoError(t, f.Admin.SetDefaultAccount(t.Context(), "main", "acc_c", false))
	errs := make([]error, 4)
	var group sync.WaitGroup
	group.Go(func() { errs[3] = f.Admin.SetDefaultAccount(t.Context(), "main", "", false) })
	for i, id := range []string{"acc_a", "acc_b", "acc_c"} {
		group.Go(func() { errs[i] = f.Admin.RemoveMapping(t.Context(), "main", id, false) })
	}
	group.Wait()
	refused := 0
	for _, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, credstore.ErrWouldWiden)
			refused++
		}
	}
	require.Equal(t, 1, refused)
	route, err := f.Store.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	require.True(t, route.Restricted())
}

func testReorder(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_c", 1)) // as acc_b
	order := []string{"acc_a", "acc_b", "acc_c"}
	require.Equal(t, order, f.mappedIDs(t, "main"))
	require.NoError(t, f.Admin.ReorderMappings(t.Context(), "main", order, order))
	route, err := f.Store.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	require.Greater(t, route.Mappings[1].Priority, route.Mappings[2].Priority, "an order has no equals")
	for _, next := range [][]string{{"acc_c", "acc_b", "acc_a"}, {"acc_b", "acc_a", "acc_c"}} {
		require.NoError(t, f.Admin.ReorderMappings(t.Context(), "main", order, next))
		require.Equal(t, next, f.mappedIDs(t, "main"))
		order = next
	}
}

func testReorderRefused(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	f.addTrain(t, train("empty"))
	before := f.dump(t)
	ab, ba := []string{"acc_a", "acc_b"}, []string{"acc_b", "acc_a"}
	for name, refused := range map[string]struct {
		train     string
		seen, ids []string
		want      error
	}{
		"seen another order":   {"main", ba, ab, credstore.ErrConflict},
		"seen fewer":           {"main", []string{"acc_a"}, []string{"acc_a"}, credstore.ErrConflict},
		"seen none":            {"main", nil, nil, credstore.ErrConflict},
		"seen more":            {"main", []string{"acc_a", "acc_b", "acc_c"}, []string{"acc_c", "acc_b", "acc_a"}, credstore.ErrConflict},
		"not all":              {"main", ab, []string{"acc_b"}, credstore.ErrInvalid},
		"others":               {"main", ab, []string{"acc_b", "acc_c"}, credstore.ErrInvalid},
		"twice":                {"main", ab, []string{"acc_b", "acc_b"}, credstore.ErrInvalid},
		"twice in both":        {"main", []string{"acc_a", "acc_a"}, []string{"acc_a", "acc_a"}, credstore.ErrInvalid},
		"unknown train":        {"none", ab, ba, credstore.ErrNotFound},
		"bad train id":         {"no/ne", ab, ba, credstore.ErrInvalidID},
		"of a train without":   {"empty", ab, ba, credstore.ErrConflict},
		"nothing, nothing new": {"empty", nil, nil, nil},
	} {
		require.ErrorIs(t, f.Admin.ReorderMappings(t.Context(), refused.train, refused.seen, refused.ids), refused.want, name)
	}
	require.Equal(t, before, f.dump(t))
}

// Of two operators who saw the same order one wins.
func testReorderRace(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_c", 0))
	seen := []string{"acc_a", "acc_b", "acc_c"}
	orders := [][]string{{"acc_c", "acc_b", "acc_a"}, {"acc_b", "acc_c", "acc_a"}, {"acc_c", "acc_a", "acc_b"}, {"acc_b", "acc_a", "acc_c"}}
	errs := make([]error, len(orders))
	var group sync.WaitGroup
	for i := range orders {
		group.Go(func() { errs[i] = f.Admin.ReorderMappings(t.Context(), "main", seen, orders[i]) })
	}
	group.Wait()
	winner := slices.Index(errs, nil)
	require.NotEqual(t, -1, winner)
	for i, err := range errs {
		if i != winner {
			require.ErrorIs(t, err, credstore.ErrConflict)
		}
	}
	require.Equal(t, orders[winner], f.mappedIDs(t, "main"))
}

func testReset(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_c", -1))
	require.NoError(t, f.Admin.ReorderMappings(t.Context(), "main", []string{"acc_a", "acc_b", "acc_c"}, []string{"acc_c", "acc_b", "acc_a"}))
	require.NoError(t, f.Admin.ResetMappings(t.Context(), "main", []string{"acc_c", "acc_b", "acc_a"}))
	byName := []string{"acc_a", "acc_b", "acc_c"}
	require.Equal(t, byName, f.mappedIDs(t, "main"))
	route, err := f.Store.GetRoute(t.Context(), "main")
	require.NoError(t, err)
	for _, mapping := range route.Mappings {
		require.Zero(t, mapping.Priority)
	}

	before, trail := f.dump(t), f.auditTrail(t, credstore.AuditFilter{})
	require.NoError(t, f.Admin.ResetMappings(t.Context(), "main", byName), "again changes nothing")
	require.Equal(t, before, f.dump(t))
	require.Equal(t, trail, f.auditTrail(t, credstore.AuditFilter{}))
}

func testResetRefused(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	f.addTrain(t, train("empty"))
	before := f.dump(t)
	for name, refused := range map[string]struct {
		train string
		seen  []string
		want  error
	}{
		"seen another order":   {"main", []string{"acc_b", "acc_a"}, credstore.ErrConflict},
		"seen fewer":           {"main", []string{"acc_a"}, credstore.ErrConflict},
		"seen none":            {"main", nil, credstore.ErrConflict},
		"seen more":            {"main", []string{"acc_a", "acc_b", "acc_c"}, credstore.ErrConflict},
		"unknown train":        {"none", nil, credstore.ErrNotFound},
		"bad train id":         {"no/ne", nil, credstore.ErrInvalidID},
		"of a train without":   {"empty", []string{"acc_a"}, credstore.ErrConflict},
		"nothing, nothing new": {"empty", nil, nil},
	} {
		require.ErrorIs(t, f.Admin.ResetMappings(t.Context(), refused.train, refused.seen), refused.want, name)
	}
	require.Equal(t, before, f.dump(t))
}

func testSlackAdmin(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	set := func(slack *credstore.SlackConfig) *credstore.SlackConfig {
		require.NoError(t, f.Admin.SetSlackConfig(t.Context(), "main", slack))
		stored, err := f.Store.GetSlackConfig(t.Context(), "main")
		require.NoError(t, err)
		require.Equal(t, slack != nil, f.train(t, "main").HasSlack)
		return stored
	}
	require.Equal(t, slackConfig(), set(slackConfig()))
	unicode := slackConfig()
	unicode.Channel, unicode.Username, unicode.Enabled = "#größe", `"鍵"`, false
	require.Equal(t, unicode, set(unicode))

	kept := &credstore.SlackConfig{Channel: "#only", Enabled: true}
	stored := set(kept)
	require.Equal(t, slackConfig().WebhookURL.Reveal(), stored.WebhookURL.Reveal(), "a zero webhook keeps the stored one")
	require.Equal(t, &credstore.SlackConfig{WebhookURL: stored.WebhookURL, Channel: "#only", Enabled: true}, stored, "the rest is replaced")
	require.Nil(t, set(nil))
	require.True(t, set(kept).WebhookURL.IsZero(), "nothing of the old one came back")
}

func testSlackRefused(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	require.NoError(t, f.Admin.SetSlackConfig(t.Context(), "main", slackConfig()))
	before := f.dump(t)
	for name, spoil := range map[string]func(*credstore.SlackConfig){
		"no URL":         func(s *credstore.SlackConfig) { s.WebhookURL = secret("sk-ant-webhook") },
		"broken URL":     func(s *credstore.SlackConfig) { s.WebhookURL = secret("https://sk-ant-%zz/") },
		"another scheme": func(s *credstore.SlackConfig) { s.WebhookURL = secret("file:///sk-ant-etc") },
		"NUL":            func(s *credstore.SlackConfig) { s.Channel = "\x00" },
		"not UTF-8":      func(s *credstore.SlackConfig) { s.Username = "\xff" },
	} {
		slack := slackConfig()
		spoil(slack)
		err := f.Admin.SetSlackConfig(t.Context(), "main", slack)
		require.ErrorIs(t, err, credstore.ErrInvalid, name)
		require.NotContains(t, err.Error(), "sk-ant-", name)
	}
	require.ErrorIs(t, f.Admin.SetSlackConfig(t.Context(), "none", slackConfig()), credstore.ErrNotFound)
	require.ErrorIs(t, f.Admin.SetSlackConfig(t.Context(), "", nil), credstore.ErrInvalidID)
	require.Equal(t, before, f.dump(t))
}
