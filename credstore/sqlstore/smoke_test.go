package sqlstore_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

func TestSmoke(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		s := newStore(t, dialect, db)
		ctx := t.Context()
		require.NoError(t, s.CheckSchema(ctx))
		a, err := s.CreateAccount(ctx, credstore.NewAccount{Name: "a", Type: credstore.APIKey, APIKey: credstore.NewSecret("k")})
		require.NoError(t, err)
		t.Log(a)
		_, err = s.CreateTrain(ctx, credstore.NewTrain{ID: "t", Name: "T", ClientKeys: []credstore.Secret{credstore.NewSecret("ck")}, Slack: &credstore.SlackConfig{Channel: "#x"}})
		require.NoError(t, err)
		require.NoError(t, s.AddMapping(ctx, "t", a.ID, 3))
		require.NoError(t, s.SetDefaultAccount(ctx, "t", a.ID))
		r, err := s.GetRoute(ctx, "t")
		require.NoError(t, err)
		t.Logf("%+v %+v", r, r.Default)
		p, err := s.ListAudit(ctx, credstore.AuditFilter{}, credstore.PageRequest{})
		require.NoError(t, err)
		for _, e := range p.Items {
			t.Logf("%v %s %s %s", e.At, e.Action, e.Before, e.After)
		}
		tr, err := s.ListTrains(ctx, credstore.TrainFilter{Search: "T"}, credstore.PageRequest{})
		require.NoError(t, err)
		t.Logf("%+v", tr)
		require.NoError(t, s.DeactivateAccount(ctx, a.ID, true))
		require.NoError(t, s.ValidateClientKey(ctx, "t", credstore.NewSecret("ck")))
	})
}
