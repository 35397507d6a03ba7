package credstoretest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

var accountAdminTests = []test{
	{name: "Create", run: testCreateAccount, requires: needs(admin)},
	{name: "CreateTaken", run: testCreateAccountTaken, requires: needs(admin)},
	{name: "CreateRefused", run: testCreateAccountRefused, requires: needs(admin)},
	{name: "Update", run: testUpdateAccount, requires: needs(admin)},
	{name: "UpdateType", run: testUpdateAccountType, requires: needs(admin)},
	{name: "UpdateRefused", run: testUpdateAccountRefused, requires: needs(admin)},
	{name: "UpdateConflict", run: testUpdateAccountConflict, requires: needs(admin)},
	{name: "UpdateRace", run: testUpdateAccountRace, requires: needs(admin)},
	{name: "Reveal", run: testReveal, requires: needs(admin)},
	{name: "RevealRefused", run: testRevealRefused, requires: needs(admin)},
	{name: "Deactivate", run: testDeactivateAccount, requires: needs(admin)},
	{name: "DeactivateEverywhere", run: testDeactivateEverywhere, requires: needs(admin, mappings)},
	{name: "DeactivateLast", run: testDeactivateLast, requires: needs(admin, mappings)},
}

func testCreateAccount(t *testing.T, f *Fixture) {
	new := oauthAccount("a")
	new.ID, new.APIKey = "", secret("sk-ant-beside")
	created, err := f.Admin.CreateAccount(t.Context(), new)
	require.NoError(t, err)
	require.Regexp(t, `^acc_[0-9a-f]{16}$`, created.ID)
	require.Equal(t, f.account(t, created.ID), created)
	require.Equal(t, &credstore.Account{
		ID: created.ID, Name: "a", Type: credstore.OAuth, ExpiresAt: expiry, Scopes: tokens("a").Scopes, IsMax: true, Active: true,
		CreatedAt: created.CreatedAt, UpdatedAt: created.CreatedAt,
	}, created)
	requireTokens(t, new.Tokens, f.stored(t, created.ID).Tokens)
}

func testCreateAccountTaken(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"))
	before := f.dump(t)
	sameID, sameName := apiKeyAccount("a"), apiKeyAccount("a")
	sameID.Name, sameName.ID = "b", "acc_b"
	for _, taken := range []credstore.NewAccount{sameID, sameName, apiKeyAccount("a")} {
		_, err := f.Admin.CreateAccount(t.Context(), taken)
		require.ErrorIs(t, err, credstore.ErrAlreadyExists)
		require.NotContains(t, err.Error(), "sk-ant-")
	}
	require.Equal(t, before, f.dump(t))
	f.addAccounts(t, apiKeyAccount("A"))
}

func testCreateAccountRefused(t *testing.T, f *Fixture) {
	for name, spoil := range map[string]func(*credstore.NewAccount){
		"no name":                func(a *credstore.NewAccount) { a.Name = "" },
		"name with a path":       func(a *credstore.NewAccount) { a.Name = "../a" },
		"long name":              func(a *credstore.NewAccount) { a.Name = strings.Repeat("a", 256) },
		"id with a space":        func(a *credstore.NewAccount) { a.ID = "acc a" },
		"no type":                func(a *credstore.NewAccount) { a.Type = "" },
		"unknown type":           func(a *credstore.NewAccount) { a.Type = "API_KEY" },
		"no refresh token":       func(a *credstore.NewAccount) { a.Tokens.Refresh = credstore.Secret{} },
		"no key":                 func(a *credstore.NewAccount) { a.Type = credstore.APIKey },
		"NUL in a secret":        func(a *credstore.NewAccount) { a.Tokens.Access = secret("sk-ant-\x00") },
		"secret that is no text": func(a *credstore.NewAccount) { a.Tokens.Refresh = secret("sk-ant-\xff") },
		"NUL in a scope":         func(a *credstore.NewAccount) { a.Tokens.Scopes = []string{"\x00"} },
	} {
		new := oauthAccount("a")
		spoil(&new)
		_, err := f.Admin.CreateAccount(t.Context(), new)
		require.ErrorIs(t, err, credstore.ErrInvalid, name)
		require.NotContains(t, err.Error(), "sk-ant-", name)
	}
	require.Empty(t, f.accountNames(t, credstore.AccountFilter{}))
	longest := apiKeyAccount("a")
	longest.ID, longest.Name = strings.Repeat("i", 255), strings.Repeat("n", 255)
	f.addAccounts(t, longest)
}

func testUpdateAccount(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	at, scopes, isMax, name := expiry.Add(time.Hour), []string{"x"}, false, "A"
	for what, step := range map[string]struct {
		update credstore.AccountUpdate
		want   func(*credstore.Account)
	}{
		"name":            {credstore.AccountUpdate{Name: &name}, func(a *credstore.Account) { a.Name = "A" }},
		"expiry":          {credstore.AccountUpdate{ExpiresAt: &at}, func(a *credstore.Account) { a.ExpiresAt = at }},
		"unknown expiry":  {credstore.AccountUpdate{ExpiresAt: &time.Time{}}, func(a *credstore.Account) { a.ExpiresAt = time.Time{} }},
		"scopes":          {credstore.AccountUpdate{Scopes: &scopes}, func(a *credstore.Account) { a.Scopes = scopes }},
		"unknown scopes":  {credstore.AccountUpdate{Scopes: new([]string)}, func(a *credstore.Account) { a.Scopes = nil }},
		"tier":            {credstore.AccountUpdate{IsMax: &isMax}, func(a *credstore.Account) { a.IsMax = false }},
		"a secret":        {credstore.AccountUpdate{AccessToken: secret("sk-ant-new")}, func(*credstore.Account) {}},
		"unused API key":  {credstore.AccountUpdate{APIKey: secret("sk-ant-key")}, func(*credstore.Account) {}},
		"both, and scope": {credstore.AccountUpdate{RefreshToken: secret("sk-ant-r"), Scopes: &[]string{"y"}}, func(a *credstore.Account) { a.Scopes = []string{"y"} }},
	} {
		before := f.account(t, "acc_a")
		updated, err := f.Admin.UpdateAccount(t.Context(), "acc_a", step.update)
		require.NoError(t, err, what)
		require.Equal(t, f.account(t, "acc_a"), updated, what)
		want := *before
		step.want(&want)
		if updated.UpdatedAt.Equal(before.UpdatedAt) {
			require.Equal(t, &want, before, "%s: only what changes nothing leaves updated_at", what)
		}
		require.False(t, updated.UpdatedAt.Before(before.UpdatedAt), what)
		want.UpdatedAt = updated.UpdatedAt
		require.Equal(t, &want, updated, what)
	}
	stored := f.stored(t, "acc_a").Tokens
	require.Equal(t, "sk-ant-new", stored.Access.Reveal())
	require.Equal(t, "sk-ant-r", stored.Refresh.Reveal())
}

func testUpdateAccountType(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	toKey, toOAuth := credstore.APIKey, credstore.OAuth
	_, err := f.Admin.UpdateAccount(t.Context(), "acc_a", credstore.AccountUpdate{Type: &toKey})
	require.ErrorIs(t, err, credstore.ErrInvalid, "there is no API key")
	require.Equal(t, credstore.OAuth, f.account(t, "acc_a").Type)

	_, err = f.Admin.UpdateAccount(t.Context(), "acc_a", credstore.AccountUpdate{Type: &toKey, APIKey: secret("sk-ant-key")})
	require.NoError(t, err)
	require.Equal(t, "sk-ant-key", f.stored(t, "acc_a").APIKey.Reveal())
	_, err = f.Admin.UpdateAccount(t.Context(), "acc_a", credstore.AccountUpdate{Type: &toOAuth})
	require.NoError(t, err, "the tokens are still there")
	requireTokens(t, tokens("a"), f.stored(t, "acc_a").Tokens)
}

func testUpdateAccountRefused(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"), apiKeyAccount("b"))
	before := f.dump(t)
	taken, bad, kind, scopes := "b", "a/b", credstore.CredentialType("x"), []string{"\x00"}
	for name, refused := range map[string]struct {
		id     string
		update credstore.AccountUpdate
		want   error
	}{
		"unknown account": {"acc_c", credstore.AccountUpdate{}, credstore.ErrNotFound},
		"bad id":          {"a/b", credstore.AccountUpdate{}, credstore.ErrInvalidID},
		"name taken":      {"acc_a", credstore.AccountUpdate{Name: &taken}, credstore.ErrAlreadyExists},
		"bad name":        {"acc_a", credstore.AccountUpdate{Name: &bad}, credstore.ErrInvalidID},
		"bad type":        {"acc_a", credstore.AccountUpdate{Type: &kind}, credstore.ErrInvalid},
		"NUL in a key":    {"acc_b", credstore.AccountUpdate{APIKey: secret("sk-ant-\x00")}, credstore.ErrInvalid},
		"NUL in a scope":  {"acc_a", credstore.AccountUpdate{Scopes: &scopes}, credstore.ErrInvalid},
	} {
		_, err := f.Admin.UpdateAccount(t.Context(), refused.id, refused.update)
		require.ErrorIs(t, err, refused.want, name)
	}
	require.Equal(t, before, f.dump(t))
}

func testUpdateAccountConflict(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"))
	seen := f.account(t, "acc_a").UpdatedAt
	one, two := "one", "two"
	_, err := f.Admin.UpdateAccount(t.Context(), "acc_a", credstore.AccountUpdate{IfUpdatedAt: seen, Name: &one})
	require.NoError(t, err)
	_, err = f.Admin.UpdateAccount(t.Context(), "acc_a", credstore.AccountUpdate{IfUpdatedAt: seen, Name: &two})
	require.ErrorIs(t, err, credstore.ErrConflict)
	require.Equal(t, "one", f.account(t, "acc_a").Name)

	seen = f.account(t, "acc_a").UpdatedAt
	require.NoError(t, f.Store.SaveTokens(t.Context(), "acc_a", tokens("a").Refresh, tokens("new")))
	_, err = f.Admin.UpdateAccount(t.Context(), "acc_a", credstore.AccountUpdate{IfUpdatedAt: seen, RefreshToken: secret("sk-ant-old")})
	require.ErrorIs(t, err, credstore.ErrConflict, "tokens that were saved meanwhile are not overwritten")
	requireTokens(t, tokens("new"), f.stored(t, "acc_a").Tokens)
}

// Of many updates that saw the same account one wins, and every change moves
// updated_at, however fast they follow each other.
func testUpdateAccountRace(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"))
	seen := f.account(t, "acc_a").UpdatedAt
	errs := make([]error, 20)
	var group sync.WaitGroup
	for i := range errs {
		name := string(rune('a'+i)) + "-renamed"
		group.Go(func() {
			_, errs[i] = f.Admin.UpdateAccount(t.Context(), "acc_a", credstore.AccountUpdate{IfUpdatedAt: seen, Name: &name})
		})
	}
	group.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, credstore.ErrConflict)
	}
	require.Equal(t, 1, won)
	for i := range 20 {
		before, isMax := f.account(t, "acc_a").UpdatedAt, i%2 == 1
		updated, err := f.Admin.UpdateAccount(t.Context(), "acc_a", credstore.AccountUpdate{IsMax: &isMax})
		require.NoError(t, err)
		require.True(t, updated.UpdatedAt.After(before))
	}
}

func testReveal(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"), apiKeyAccount("b"))
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_b", false), "of a deactivated account too")
	for _, tt := range []struct {
		id   string
		kind credstore.SecretKind
		want string
	}{
		{"acc_a", credstore.SecretAccessToken, tokens("a").Access.Reveal()},
		{"acc_a", credstore.SecretRefreshToken, tokens("a").Refresh.Reveal()},
		{"acc_b", credstore.SecretAPIKey, "sk-ant-api03-b"},
	} {
		secret, err := f.Admin.RevealSecret(t.Context(), tt.id, tt.kind)
		require.NoError(t, err)
		require.Equal(t, tt.want, secret.Reveal())
		last := f.auditTrail(t, credstore.AuditFilter{})[0]
		require.Equal(t, credstore.ActionAccountReveal, last.Action)
		require.Equal(t, tt.id, last.ObjectID)
		requireState(t, `{"secret":"`+string(tt.kind)+`"}`, last.After, "which one")
	}
	f.Damage(t, "acc_a")
	_, err := f.Admin.RevealSecret(t.Context(), "acc_a", credstore.SecretAccessToken)
	require.ErrorIs(t, err, credstore.ErrDamaged)
	secret, err := f.Admin.RevealSecret(t.Context(), "acc_a", credstore.SecretRefreshToken)
	require.NoError(t, err, "the other one is not opened")
	require.Equal(t, tokens("a").Refresh.Reveal(), secret.Reveal())
}

func testRevealRefused(t *testing.T, f *Fixture) {
	f.addAccounts(t, oauthAccount("a"), apiKeyAccount("b"))
	trail := f.auditTrail(t, credstore.AuditFilter{})
	for _, tt := range []struct {
		id   string
		kind credstore.SecretKind
		want error
	}{
		{"acc_none", credstore.SecretAPIKey, credstore.ErrNotFound},
		{"", credstore.SecretAPIKey, credstore.ErrInvalidID},
		{"acc_a", credstore.SecretAPIKey, credstore.ErrInvalid},
		{"acc_b", credstore.SecretAccessToken, credstore.ErrInvalid},
		{"acc_b", credstore.SecretRefreshToken, credstore.ErrInvalid},
		{"acc_a", "", credstore.ErrInvalid},
		{"acc_b", "API_KEY", credstore.ErrInvalid},
	} {
		secret, err := f.Admin.RevealSecret(t.Context(), tt.id, tt.kind)
		require.ErrorIs(t, err, tt.want)
		require.True(t, secret.IsZero())
	}
	require.Equal(t, trail, f.auditTrail(t, credstore.AuditFilter{}), "nothing was seen")
}

func testDeactivateAccount(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"))
	before := f.account(t, "acc_a")
	for _, active := range []bool{false, false, true, true} {
		change := func() error { return f.Admin.ReactivateAccount(t.Context(), "acc_a") }
		if !active {
			change = func() error { return f.Admin.DeactivateAccount(t.Context(), "acc_a", false) }
		}
		require.NoError(t, change())
		after := f.account(t, "acc_a")
		require.Equal(t, active, after.Active)
		require.Equal(t, before.CreatedAt, after.CreatedAt)
	}
	for id, want := range map[string]error{"acc_b": credstore.ErrNotFound, "": credstore.ErrInvalidID} {
		require.ErrorIs(t, f.Admin.DeactivateAccount(t.Context(), id, false), want)
		require.ErrorIs(t, f.Admin.DeactivateAccount(t.Context(), id, true), want)
		require.ErrorIs(t, f.Admin.ReactivateAccount(t.Context(), id), want)
	}
}

func testDeactivateEverywhere(t *testing.T, f *Fixture) {
	f.prepareChanges(t)
	f.addTrain(t, train("other"))
	require.NoError(t, f.Admin.AddMapping(t.Context(), "other", "acc_b", 1))
	require.NoError(t, f.Admin.SetDefaultAccount(t.Context(), "main", "acc_a", false))
	require.NoError(t, f.Admin.SetDefaultAccount(t.Context(), "other", "acc_a", false))
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_a", true))
	main, other := f.train(t, "main"), f.train(t, "other")
	require.Equal(t, 1, main.Mappings, "the other mapping stays")
	require.Empty(t, main.DefaultAccountID+other.DefaultAccountID)

	require.NoError(t, f.Admin.SetDefaultAccount(t.Context(), "other", "acc_a", false), "a deactivated account may be named again")
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_a", true), "and is taken out again")
	require.Empty(t, f.train(t, "other").DefaultAccountID)
}

// A train does not become unrestricted because its last account is deactivated.
func testDeactivateLast(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"), apiKeyAccount("b"))
	set := func(id, mapped, byDefault string) {
		f.addTrain(t, train(id))
		if mapped != "" {
			require.NoError(t, f.Admin.AddMapping(t.Context(), id, mapped, 1))
		}
		require.NoError(t, f.Admin.SetDefaultAccount(t.Context(), id, byDefault, false))
	}
	set("mapped", "acc_a", "")
	set("default", "", "acc_a")
	set("both", "acc_a", "acc_a")
	set("other", "acc_a", "acc_b")
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_a", true))
	for id, want := range map[string][2]string{
		"mapped": {"acc_a", ""}, "default": {"", "acc_a"}, "both": {"acc_a", "acc_a"}, "other": {"", "acc_b"},
	} {
		route, err := f.Store.GetRoute(t.Context(), id)
		require.NoError(t, err)
		require.True(t, route.Restricted(), id)
		var got [2]string
		for _, mapping := range route.Mappings {
			got[0] += mapping.Account.ID
		}
		if route.Default != nil {
			got[1] = route.Default.ID
		}
		require.Equal(t, want, got, id)
	}
	require.NoError(t, f.Admin.ReactivateAccount(t.Context(), "acc_a"))
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), "acc_a", true))
	trail, err := f.Admin.ListAudit(t.Context(), credstore.AuditFilter{Action: credstore.ActionAccountDeactivate}, credstore.PageRequest{Limit: 1})
	require.NoError(t, err)
	require.JSONEq(t, `{"active":false,"kept_by_trains":["both","default","mapped"]}`, string(trail.Items[0].After))
}
