package credstoretest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

// A changeCase is one administrative change, made after those before it in
// changes, and what it must leave behind.
type changeCase struct {
	name   string
	run    func(ctx context.Context, admin credstore.AdminStore) error
	audit  []auditCase       // the audit events, oldest first
	events []credstore.Event // the notifier's events
}

// An auditCase is an audit event; before and after are JSON, empty for none.
type auditCase struct {
	action        credstore.Action
	object        credstore.ObjectType
	id            string
	before, after string
}

func accountEvent(id string) credstore.Event {
	return credstore.Event{Kind: credstore.EventAccount, ID: id}
}
func trainEvent(id string) credstore.Event {
	return credstore.Event{Kind: credstore.EventTrain, ID: id}
}

func accountAudit(action credstore.Action, id, before, after string) []auditCase {
	return []auditCase{{action, credstore.ObjectAccount, id, before, after}}
}
func trainAudit(action credstore.Action, before, after string) []auditCase {
	return []auditCase{{action, credstore.ObjectTrain, "main", before, after}}
}

// prepareChanges puts in place what changes work on.
func (f *Fixture) prepareChanges(t testing.TB) {
	t.Helper()
	f.addAccounts(t, apiKeyAccount("a"), oauthAccount("b"), apiKeyAccount("c"))
	f.addTrain(t, train("main"))
	require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_a", 2))
	require.NoError(t, f.Admin.AddMapping(t.Context(), "main", "acc_b", 1))
}

func hashOf(key string) string { return credstore.HashClientKey(secret(key)) }

// changes are all the changes that AdminStore offers.
var changes = []changeCase{
	{
		name: "CreateAccount",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			_, err := admin.CreateAccount(ctx, oauthAccount("new"))
			return err
		},
		audit: accountAudit(credstore.ActionAccountCreate, "acc_new", "", `{"name":"new","type":"oauth","is_max":true,"active":true,
			"access_token":"[redacted]","refresh_token":"[redacted]","expires_at":"2031-05-06T07:08:09.123Z","scopes":["user:inference","user:profile"]}`),
		events: []credstore.Event{accountEvent("acc_new")},
	},
	{
		name: "UpdateAccount",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			name, isMax := "renamed", false
			_, err := admin.UpdateAccount(ctx, "acc_a", credstore.AccountUpdate{Name: &name, IsMax: &isMax})
			return err
		},
		audit: accountAudit(credstore.ActionAccountUpdate, "acc_a",
			`{"name":"a","is_max":true}`, `{"name":"renamed","is_max":false}`),
		events: []credstore.Event{accountEvent("acc_a")},
	},
	{
		name: "Rotate",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			_, err := admin.UpdateAccount(ctx, "acc_b", credstore.AccountUpdate{AccessToken: secret("sk-ant-x"), RefreshToken: secret("sk-ant-y")})
			return err
		},
		audit: accountAudit(credstore.ActionAccountRotate, "acc_b",
			`{"access_token":"[redacted]","refresh_token":"[redacted]"}`, `{"access_token":"[redacted]","refresh_token":"[redacted]"}`),
		events: []credstore.Event{accountEvent("acc_b")},
	},
	{
		name: "RevealSecret",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			_, err := admin.RevealSecret(ctx, "acc_b", credstore.SecretRefreshToken)
			return err
		},
		audit: accountAudit(credstore.ActionAccountReveal, "acc_b", "", `{"secret":"refresh_token"}`),
	},
	{
		name: "CreateTrain",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			new := train("new")
			new.Slack = slackConfig()
			_, err := admin.CreateTrain(ctx, new)
			return err
		},
		audit: []auditCase{{credstore.ActionTrainCreate, credstore.ObjectTrain, "new", "", `{"name":"Train new",
			"description":"What new is for","active":true,"client_keys":["` + hashOf("sk-ant-client-new") + `"],
			"slack":{"webhook_url":"[redacted]","channel":"#gateway","username":"Signalbox","icon_emoji":":vertical_traffic_light:","enabled":true}}`}},
		events: []credstore.Event{trainEvent("new")},
	},
	{
		name: "UpdateTrain",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			name := "Main <line>"
			_, err := admin.UpdateTrain(ctx, "main", credstore.TrainUpdate{Name: &name})
			return err
		},
		audit:  trainAudit(credstore.ActionTrainUpdate, `{"name":"Train main"}`, `{"name":"Main <line>"}`),
		events: []credstore.Event{trainEvent("main")},
	},
	{
		name: "AddClientKeys",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			_, err := admin.AddClientKeys(ctx, "main", secret("sk-ant-2"), clientKey("main"))
			return err
		},
		audit:  trainAudit(credstore.ActionClientKeyAdd, "", `{"client_keys":["`+hashOf("sk-ant-2")+`"]}`),
		events: []credstore.Event{trainEvent("main")},
	},
	{
		name: "RevokeClientKey",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			return admin.RevokeClientKey(ctx, "main", hashOf("sk-ant-client-main"))
		},
		audit:  trainAudit(credstore.ActionClientKeyRevoke, `{"client_keys":["`+hashOf("sk-ant-client-main")+`"]}`, ""),
		events: []credstore.Event{trainEvent("main")},
	},
	{
		name: "AddMapping",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			return admin.AddMapping(ctx, "main", "acc_c", 7)
		},
		audit:  trainAudit(credstore.ActionMappingAdd, "", `{"account_id":"acc_c","priority":7}`),
		events: []credstore.Event{trainEvent("main")},
	},
	{
		name: "ResetMappings",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			return admin.ResetMappings(ctx, "main", []string{"acc_c", "acc_a", "acc_b"})
		},
		audit: trainAudit(credstore.ActionMappingReorder,
			`{"priorities":{"acc_a":2,"acc_b":1,"acc_c":7}}`, `{"priorities":{"acc_a":0,"acc_b":0,"acc_c":0}}`),
		events: []credstore.Event{trainEvent("main")},
	},
	{
		name: "ReorderMappings",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			return admin.ReorderMappings(ctx, "main", []string{"acc_b", "acc_c", "acc_a"}, []string{"acc_c", "acc_b", "acc_a"})
		},
		audit: trainAudit(credstore.ActionMappingReorder,
			`{"mappings":["acc_b","acc_c","acc_a"]}`, `{"mappings":["acc_c","acc_b","acc_a"]}`),
		events: []credstore.Event{trainEvent("main")},
	},
	{
		name: "SetDefaultAccount",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			return admin.SetDefaultAccount(ctx, "main", "acc_c", false)
		},
		audit:  trainAudit(credstore.ActionMappingDefault, `{"default_account_id":null}`, `{"default_account_id":"acc_c"}`),
		events: []credstore.Event{trainEvent("main")},
	},
	{
		name: "RemoveMapping",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			return admin.RemoveMapping(ctx, "main", "acc_b", false)
		},
		audit:  trainAudit(credstore.ActionMappingRemove, `{"account_id":"acc_b","priority":2}`, ""),
		events: []credstore.Event{trainEvent("main")},
	},
	{
		name: "SetSlackConfig",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			return admin.SetSlackConfig(ctx, "main", slackConfig())
		},
		audit: trainAudit(credstore.ActionSlackUpdate, `{"slack":null}`,
			`{"slack":{"webhook_url":"[redacted]","channel":"#gateway","username":"Signalbox","icon_emoji":":vertical_traffic_light:","enabled":true}}`),
		events: []credstore.Event{trainEvent("main")},
	},
	{
		name: "DeactivateAccount",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			return admin.DeactivateAccount(ctx, "acc_b", false)
		},
		audit:  accountAudit(credstore.ActionAccountDeactivate, "acc_b", `{"active":true}`, `{"active":false}`),
		events: []credstore.Event{accountEvent("acc_b")},
	},
	{
		name: "ReactivateAccount",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			return admin.ReactivateAccount(ctx, "acc_b")
		},
		audit:  accountAudit(credstore.ActionAccountReactivate, "acc_b", `{"active":false}`, `{"active":true}`),
		events: []credstore.Event{accountEvent("acc_b")},
	},
	{
		name:   "DeactivateTrain",
		run:    func(ctx context.Context, admin credstore.AdminStore) error { return admin.DeactivateTrain(ctx, "main") },
		audit:  trainAudit(credstore.ActionTrainDeactivate, `{"active":true}`, `{"active":false}`),
		events: []credstore.Event{trainEvent("main")},
	},
	{
		name:   "ReactivateTrain",
		run:    func(ctx context.Context, admin credstore.AdminStore) error { return admin.ReactivateTrain(ctx, "main") },
		audit:  trainAudit(credstore.ActionTrainReactivate, `{"active":false}`, `{"active":true}`),
		events: []credstore.Event{trainEvent("main")},
	},
	{
		name: "DeactivateAccountEverywhere",
		run: func(ctx context.Context, admin credstore.AdminStore) error {
			return admin.DeactivateAccount(ctx, "acc_c", true)
		},
		audit: []auditCase{
			{credstore.ActionMappingRemove, credstore.ObjectTrain, "main", `{"account_id":"acc_c","priority":3}`, ""},
			{credstore.ActionMappingDefault, credstore.ObjectTrain, "main", `{"default_account_id":"acc_c"}`, `{"default_account_id":null}`},
			{credstore.ActionAccountDeactivate, credstore.ObjectAccount, "acc_c", `{"active":true}`, `{"active":false}`},
		},
		events: []credstore.Event{trainEvent("main"), trainEvent("main"), accountEvent("acc_c")},
	},
}

// noChanges leave what prepareChanges put in place as it is.
var noChanges = []changeCase{
	{name: "UpdateAccount", run: func(ctx context.Context, admin credstore.AdminStore) error {
		name, kind, isMax, at, scopes := "b", credstore.OAuth, true, expiry, tokens("b").Scopes
		_, err := admin.UpdateAccount(ctx, "acc_b",
			credstore.AccountUpdate{Name: &name, Type: &kind, IsMax: &isMax, ExpiresAt: &at, Scopes: &scopes})
		return err
	}},
	{name: "UpdateAccountWithNothing", run: func(ctx context.Context, admin credstore.AdminStore) error {
		_, err := admin.UpdateAccount(ctx, "acc_a", credstore.AccountUpdate{})
		return err
	}},
	{name: "ReactivateAccount", run: func(ctx context.Context, admin credstore.AdminStore) error {
		return admin.ReactivateAccount(ctx, "acc_a")
	}},
	{name: "UpdateTrain", run: func(ctx context.Context, admin credstore.AdminStore) error {
		name, description := train("main").Name, train("main").Description
		_, err := admin.UpdateTrain(ctx, "main", credstore.TrainUpdate{Name: &name, Description: &description})
		return err
	}},
	{name: "ReactivateTrain", run: func(ctx context.Context, admin credstore.AdminStore) error {
		return admin.ReactivateTrain(ctx, "main")
	}},
	{name: "AddClientKeys", run: func(ctx context.Context, admin credstore.AdminStore) error {
		added, err := admin.AddClientKeys(ctx, "main", clientKey("main"), secret(" "+clientKey("main").Reveal()))
		if added != 0 {
			return fmt.Errorf("added %d", added)
		}
		return err
	}},
	{name: "AddNoClientKeys", run: func(ctx context.Context, admin credstore.AdminStore) error {
		_, err := admin.AddClientKeys(ctx, "main")
		return err
	}},
	{name: "ReorderMappings", run: func(ctx context.Context, admin credstore.AdminStore) error {
		return admin.ReorderMappings(ctx, "main", []string{"acc_a", "acc_b"}, []string{"acc_a", "acc_b"})
	}},
	{name: "SetDefaultAccount", run: func(ctx context.Context, admin credstore.AdminStore) error {
		return admin.SetDefaultAccount(ctx, "main", "", false)
	}},
	{name: "SetSlackConfig", run: func(ctx context.Context, admin credstore.AdminStore) error {
		return admin.SetSlackConfig(ctx, "main", nil)
	}},
}

// dump is all that is stored but the audit trail and what a reveal would show of
// deactivated accounts, as text.
func (f *Fixture) dump(t testing.TB) []string {
	t.Helper()
	var lines []string
	for _, account := range f.accounts(t, credstore.AccountFilter{}, 0) {
		lines = append(lines, fmt.Sprintf("%+v", account))
		if account.Active {
			credential := f.stored(t, account.ID)
			lines = append(lines, credential.APIKey.Reveal(), credential.Tokens.Access.Reveal(), credential.Tokens.Refresh.Reveal())
		}
	}
	for _, train := range f.trains(t, credstore.TrainFilter{}, 0) {
		route, err := f.Store.GetRoute(t.Context(), train.ID)
		require.NoError(t, err)
		slack, err := f.Store.GetSlackConfig(t.Context(), train.ID)
		require.NoError(t, err)
		lines = append(lines, fmt.Sprintf("%+v %+v %+v", train, f.clientKeys(t, train.ID, 0), route.Mappings))
		if slack != nil {
			lines = append(lines, fmt.Sprintf("%+v %s", slack, slack.WebhookURL.Reveal()))
		}
	}
	return lines
}
