package sqlstore_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// updated_at moves forward also when the clock was set back.
func TestUpdatedAtMovesForward(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		_, err := store.CreateTrain(t.Context(), credstore.NewTrain{ID: "main"})
		require.NoError(t, err)
		future := time.Date(2100, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
		for _, table := range []string{"accounts", "trains"} {
			_, err := db.ExecContext(t.Context(), `UPDATE `+table+` SET updated_at = '2100-01-02T03:04:05.678901Z'`)
			require.NoError(t, err)
		}
		isMax, name := true, "name"
		account, err := store.UpdateAccount(t.Context(), "a", credstore.AccountUpdate{IsMax: &isMax, IfUpdatedAt: future})
		require.NoError(t, err)
		require.Equal(t, future.Add(time.Microsecond), account.UpdatedAt)
		train, err := store.UpdateTrain(t.Context(), "main", credstore.TrainUpdate{Name: &name, IfUpdatedAt: future})
		require.NoError(t, err)
		require.Equal(t, future.Add(time.Microsecond), train.UpdatedAt)
		stored, err := store.GetTrain(t.Context(), "main")
		require.NoError(t, err)
		require.Equal(t, stored, train)
	})
}
