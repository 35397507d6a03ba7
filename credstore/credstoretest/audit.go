package credstoretest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var auditTests = []test{
	{name: "Changes", run: testAuditOfChanges, requires: needs(admin)},
	{name: "NoChanges", run: testAuditOfNoChanges, requires: needs(admin)},
	{name: "Reauth", run: testAuditOfReauth, requires: needs(admin)},
	{name: "Atomic", run: testAuditAtomic, requires: needs(admin)},
	{name: "AtomicByActor", run: testAuditAtomicByActor, requires: needs(admin)},
	{name: "RefusedChanges", run: testAuditOfRefused, requires: needs(admin)},
	{name: "Append", run: testAppendAudit, requires: needs(admin)},
	{name: "AppendRefused", run: testAppendAuditRefused, requires: needs(admin)},
	{name: "List", run: testListAudit, requires: needs(admin)},
	{name: "Paging", run: testAuditPaging, requires: needs(admin)},
}

// actor has every field set.
var actor = credstore.Actor{
	Kind: credstore.ActorOperator, Name: "Müller, Ä.", Verified: true, Session: "session-1", Address: "192.0.2.7",
}

// auditTrail returns all events, newest first.
func (f *Fixture) auditTrail(t testing.TB, filter credstore.AuditFilter) []credstore.AuditEvent {
	t.Helper()
	return walk(t, 0, func(page credstore.PageRequest) (credstore.Page[credstore.AuditEvent], error) {
		return f.Admin.ListAudit(t.Context(), filter, page)
	})
}

func testAuditOfChanges(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	ctx := credstore.WithActor(t.Context(), actor)
	trail := f.auditTrail(t, credstore.AuditFilter{})
	for _, change := range changes {
		require.NoError(t, change.run(ctx, f.Admin), change.name)
		known := len(trail)
		trail = f.auditTrail(t, credstore.AuditFilter{})
		require.Len(t, trail, known+len(change.audit), change.name)
		for i, want := range change.audit {
			event := trail[len(change.audit)-1-i]
			require.Equal(t, actor, event.Actor, change.name)
			require.Equal(t, want.action, event.Action, change.name)
			require.Equal(t, want.object, event.ObjectType, change.name)
			require.Equal(t, want.id, event.ObjectID, change.name)
			requireState(t, want.before, event.Before, change.name+" before")
			requireState(t, want.after, event.After, change.name+" after")
			require.WithinDuration(t, time.Now(), event.At, 10*time.Minute)
			require.Equal(t, event.At.UTC().Truncate(time.Microsecond), event.At)
			require.Greater(t, event.ID, trail[len(change.audit)].ID)
		}
	}
	written, err := json.Marshal(trail)
	require.NoError(t, err)
	require.NotContains(t, string(written), "sk-ant-", "no secrets")
}

func requireState(t testing.TB, want string, got json.RawMessage, what string) {
	t.Helper()
	if want == "" {
		require.Nil(t, got, what)
		return
	}
	require.JSONEq(t, want, string(got), what)
}

func testAuditOfNoChanges(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	var recorded recorder
	if notifier, ok := f.Admin.(credstore.Notifier); ok {
		defer notifier.Subscribe(recorded.handle)()
	}
	before, trail := f.dump(t), f.auditTrail(t, credstore.AuditFilter{})
	for _, change := range noChanges {
		require.NoError(t, change.run(t.Context(), f.Admin), change.name)
		require.Equal(t, before, f.dump(t), change.name)
		require.Equal(t, trail, f.auditTrail(t, credstore.AuditFilter{}), change.name)
		require.Empty(t, recorded.take(), change.name)
	}
}

func testAuditOfReauth(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	f.mark(t, "a")
	f.mark(t, "a")
	trail := f.auditTrail(t, credstore.AuditFilter{Action: credstore.ActionAccountReauth})
	require.Len(t, trail, 1, "marking again changes nothing")
	require.Equal(t, credstore.ActorUnknown, trail[0].Actor.Kind)
	require.JSONEq(t, `{"needs_reauth":false}`, string(trail[0].Before))
	require.JSONEq(t, `{"needs_reauth":true,"reason":"invalid_grant"}`, string(trail[0].After))
}

// A change whose event cannot be written does not happen, and is not announced.
func testAuditAtomic(t *testing.T, f *Fixture) {
	f.requireAtomic(t, func(change changeCase) error {
		defer f.BreakAudit(t)()
		return change.run(t.Context(), f.Admin)
	})
	mend := f.BreakAudit(t)
	before := f.account(t, "acc_new")
	require.Error(t, f.Store.MarkNeedsReauth(t.Context(), "acc_new", tokens("new").Refresh, "invalid_grant"))
	require.Equal(t, before, f.account(t, "acc_new"))
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_new", tokens("new").Refresh, tokens("newer")), "tokens are saved all the same")
	mend()
}

// An actor who cannot be recorded changes nothing.
func testAuditAtomicByActor(t *testing.T, f *Fixture) {
	f.requireAtomic(t, func(change changeCase) error {
		for _, bad := range []credstore.Actor{{Name: "nul\x00"}, {Name: "\xff"}, {Address: "\x00"}} {
			if err := change.run(credstore.WithActor(t.Context(), bad), f.Admin); !errors.Is(err, credstore.ErrInvalid) {
				return nil // reported as a success that should not be
			}
		}
		return credstore.ErrInvalid
	})
}

// requireAtomic checks that every change leaves all as it is when it is made by
// fail, and happens when made properly.
func (f *Fixture) requireAtomic(t *testing.T, fail func(changeCase) error) {
	t.Helper()
	f.prepareChanges(t)
	var recorded recorder
	if notifier, ok := f.Admin.(credstore.Notifier); ok {
		defer notifier.Subscribe(recorded.handle)()
	}
	for _, change := range changes {
		before, trail := f.dump(t), f.auditTrail(t, credstore.AuditFilter{})
		require.Error(t, fail(change), change.name)
		require.Equal(t, before, f.dump(t), change.name)
		require.Equal(t, trail, f.auditTrail(t, credstore.AuditFilter{}), change.name)
		require.Empty(t, recorded.take(), change.name)
		require.NoError(t, change.run(t.Context(), f.Admin), change.name)
		recorded.take()
	}
}

// A change that is refused leaves no event.
func testAuditOfRefused(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	trail := f.auditTrail(t, credstore.AuditFilter{})
	_, err := f.Admin.CreateAccount(t.Context(), apiKeyAccount("a"))
	require.ErrorIs(t, err, credstore.ErrAlreadyExists)
	require.ErrorIs(t, f.Admin.AddMapping(t.Context(), "main", "acc_none", 1), credstore.ErrNotFound)
	require.ErrorIs(t, f.Admin.DeactivateTrain(t.Context(), "none"), credstore.ErrNotFound)
	_, err = f.Admin.RevealSecret(t.Context(), "acc_none", credstore.SecretAPIKey)
	require.ErrorIs(t, err, credstore.ErrNotFound)
	require.Equal(t, trail, f.auditTrail(t, credstore.AuditFilter{}))
}

func testAppendAudit(t *testing.T, f *Fixture) {
	before, after := json.RawMessage(`{ "b": 1, "a": "<ü>" }`), json.RawMessage(`{"big": 12345678901234567890}`)
	forged := credstore.AuditEvent{
		ID: 99, At: expiry, Actor: credstore.Actor{Name: "forged"},
		Action: "login", ObjectType: "operator", ObjectID: "Müller", Before: before, After: after,
	}
	require.NoError(t, f.Admin.AppendAudit(credstore.WithActor(t.Context(), actor), forged))
	trail := f.auditTrail(t, credstore.AuditFilter{})
	require.Len(t, trail, 1)
	want := forged
	want.ID, want.At, want.Actor = trail[0].ID, trail[0].At, actor
	require.Equal(t, want, trail[0], "JSON to the letter; id, time and actor are the store's")
	require.WithinDuration(t, time.Now(), trail[0].At, 10*time.Minute)
}

func testAppendAuditRefused(t *testing.T, f *Fixture) {
	good := credstore.AuditEvent{Action: "login", ObjectType: "operator", ObjectID: "o"}
	for name, spoil := range map[string]func(*credstore.AuditEvent){
		"no action":      func(e *credstore.AuditEvent) { e.Action = "" },
		"no object type": func(e *credstore.AuditEvent) { e.ObjectType = "" },
		"no object id":   func(e *credstore.AuditEvent) { e.ObjectID = "" },
		"a NUL byte":     func(e *credstore.AuditEvent) { e.ObjectID = "o\x00" },
		"not JSON":       func(e *credstore.AuditEvent) { e.Before = json.RawMessage(`{"a":`) },
		"not an object":  func(e *credstore.AuditEvent) { e.After = json.RawMessage(`[1]`) },
	} {
		event := good
		spoil(&event)
		require.ErrorIs(t, f.Admin.AppendAudit(t.Context(), event), credstore.ErrInvalid, name)
	}
	require.Empty(t, f.auditTrail(t, credstore.AuditFilter{}))
}

func testListAudit(t *testing.T, f *Fixture) {
	appendAs := func(name string, action credstore.Action, object, id string) {
		ctx := credstore.WithActor(t.Context(), credstore.Actor{Kind: credstore.ActorOperator, Name: name, Session: "session of " + name})
		event := credstore.AuditEvent{Action: action, ObjectType: credstore.ObjectType(object), ObjectID: id}
		require.NoError(t, f.Admin.AppendAudit(ctx, event))
	}
	appendAs("ann", "login", "operator", "ann")
	appendAs("bob", "login", "operator", "bob")
	appendAs("ann", "account.export", "account", "acc_a")
	all := f.auditTrail(t, credstore.AuditFilter{})
	require.Len(t, all, 3)
	require.Equal(t, credstore.Action("account.export"), all[0].Action, "newest first")
	newest, middle, oldest := all[0], all[1], all[2]

	for name, filtered := range map[string]struct {
		filter credstore.AuditFilter
		want   []credstore.AuditEvent
	}{
		"actor":          {credstore.AuditFilter{ActorName: "ann"}, []credstore.AuditEvent{newest, oldest}},
		"action":         {credstore.AuditFilter{Action: "login"}, []credstore.AuditEvent{middle, oldest}},
		"object type":    {credstore.AuditFilter{ObjectType: "account"}, []credstore.AuditEvent{newest}},
		"object":         {credstore.AuditFilter{ObjectType: "operator", ObjectID: "bob"}, []credstore.AuditEvent{middle}},
		"family":         {credstore.AuditFilter{Action: "account."}, []credstore.AuditEvent{newest}},
		"no family":      {credstore.AuditFilter{Action: "acc."}, nil},
		"session":        {credstore.AuditFilter{ActorSession: "session of bob"}, []credstore.AuditEvent{middle}},
		"nobody":         {credstore.AuditFilter{ActorName: "Ann"}, nil},
		"since":          {credstore.AuditFilter{Since: middle.At}, []credstore.AuditEvent{newest, middle}},
		"until":          {credstore.AuditFilter{Until: middle.At}, []credstore.AuditEvent{oldest}},
		"both":           {credstore.AuditFilter{Since: oldest.At, Until: newest.At}, []credstore.AuditEvent{middle, oldest}},
		"actor and time": {credstore.AuditFilter{ActorName: "ann", Since: middle.At}, []credstore.AuditEvent{newest}},
	} {
		require.Equal(t, filtered.want, f.auditTrail(t, filtered.filter), name)
	}
	_, err := f.Admin.ListAudit(t.Context(), credstore.AuditFilter{ActorName: "\x00"}, credstore.PageRequest{})
	require.ErrorIs(t, err, credstore.ErrInvalid)
}

func testAuditPaging(t *testing.T, f *Fixture) {
	login := credstore.AuditEvent{Action: "login", ObjectType: "operator", ObjectID: "o"}
	for range 7 {
		require.NoError(t, f.Admin.AppendAudit(t.Context(), login))
	}
	all := f.auditTrail(t, credstore.AuditFilter{})
	for _, limit := range []int{1, 3, 7} {
		seen := walk(t, limit, func(page credstore.PageRequest) (credstore.Page[credstore.AuditEvent], error) {
			result, err := f.Admin.ListAudit(t.Context(), credstore.AuditFilter{Until: all[0].At.Add(time.Microsecond)}, page)
			require.NoError(t, f.Admin.AppendAudit(t.Context(), login), "events that come meanwhile shift nothing")
			return result, err
		})
		require.Equal(t, all, seen)
	}
	for _, cursor := range badCursors {
		_, err := f.Admin.ListAudit(t.Context(), credstore.AuditFilter{}, credstore.PageRequest{After: cursor})
		require.ErrorIs(t, err, credstore.ErrInvalid, "%q", cursor)
	}
}
