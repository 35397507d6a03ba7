package sqlstore_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// swallow makes a trigger that lets statements of that kind do nothing, and returns
// what drops it.
func (x *trail) swallow(t *testing.T, operation, table, condition string) (drop func()) {
	when := ""
	if condition != "" {
		when = " WHEN (" + condition + ")"
	}
	create, remove := `CREATE TRIGGER swallow BEFORE %s ON %s FOR EACH ROW%s BEGIN SELECT RAISE(IGNORE); END`, `DROP TRIGGER swallow`
	if x.dialect == sqlstore.Postgres {
		x.exec(t, `CREATE OR REPLACE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`)
		create, remove = `CREATE TRIGGER swallow BEFORE %s ON %s FOR EACH ROW%s EXECUTE FUNCTION swallow()`, `DROP TRIGGER swallow ON `+table
	}
	x.exec(t, fmt.Sprintf(create, operation, table, when))
	return func() { x.exec(t, remove) }
}

// A change does not happen whose event the database takes and does not keep.
func TestSwallowedAuditEvent(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		ctx := t.Context()
		x := &trail{newStore(t, dialect, db), dialect, db}
		refused := func(says string, events ...credstore.AuditEvent) {
			t.Helper()
			err := x.RunInTx(ctx, func(tx *sqlstore.Tx) error {
				if err := tx.InsertTrains(ctx, sqlstore.TrainRow{ID: "main", Active: true}); err != nil {
					return err
				}
				return tx.AppendAudit(ctx, events...)
			})
			requireTampered(t, err, 0, says)
			_, err = x.GetTrain(ctx, "main")
			require.ErrorIs(t, err, credstore.ErrNotFound)
		}
		drop := x.swallow(t, "INSERT", "audit_chain", "")
		refused("audit_chain did not take", login)
		drop()
		x.append(t, trailLength)
		for _, condition := range []string{"", "NEW.object_id = 'o1'"} { // all of them, one of them
			drop = x.swallow(t, "INSERT", "audit_events", condition)
			refused("audit_events did not take", logins(3)...)
			drop()
		}
		drop = x.swallow(t, "UPDATE", "audit_chain", "")
		refused("audit_chain did not take", login)
		drop()
		x.append(t, 1)
		requireIntact(t, x.Store, trailLength+1)
	})
}
