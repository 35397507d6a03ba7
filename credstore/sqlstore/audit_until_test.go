package sqlstore_test

import (
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// insertEvents puts events with these times into the trail, without a chain.
func insertEvents(t *testing.T, db *sql.DB, times []time.Time) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	for i, at := range times {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO audit_events (event_id, occurred_at, actor_kind, actor_name, actor_verified, actor_session,
			actor_address, action, object_type, object_id, hash) VALUES ($1, $2, '', 'ann', false, '', '', 'login', 'operator', 'ann', '')`,
			i+1, at.UTC().Format("2006-01-02T15:04:05.000000Z"))
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
}

// A listing up to a time has all events before it, also those that were written after a
// clock was set back.
func TestAuditUntil(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
		var times []time.Time
		for _, minute := range []int{-900, -600, 0, 1, 2, 3, -30, -30, -29, -28, 2, 3, 3, 4, 5, 200, 201} {
			times = append(times, noon.Add(time.Duration(minute)*time.Minute))
		}
		insertEvents(t, db, times)
		store := newStore(t, dialect, db)
		for _, until := range append(slices.Clone(times), noon.Add(-24*time.Hour), noon.Add(-100*time.Minute), noon.Add(100*time.Minute), noon.Add(24*time.Hour)) {
			want := []int64{}
			for i, at := range slices.Backward(times) {
				if at.Before(until) {
					want = append(want, int64(i)+1)
				}
			}
			for _, name := range []string{"", "ann"} {
				page, err := store.ListAudit(t.Context(), credstore.AuditFilter{ActorName: name, Until: until}, credstore.PageRequest{})
				require.NoError(t, err)
				got := []int64{}
				for _, event := range page.Items {
					got = append(got, event.ID)
				}
				require.Equal(t, want, got, "until %v", until)
			}
		}
	})
}

// It begins at that time and does not walk there from the end of the trail.
func TestAuditUntilUsesIndexes(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
		times := make([]time.Time, 3000)
		for i := range times {
			times[i] = noon.Add(time.Duration(i) * time.Minute)
		}
		insertEvents(t, db, times)
		_, err := db.ExecContext(t.Context(), "ANALYZE")
		require.NoError(t, err)
		store := newStore(t, dialect, db)
		var plans []string
		store.RecordQueries(func(query string, args []any) { plans = append(plans, explain(t, db, dialect, query, args)) })
		page, err := store.ListAudit(t.Context(), credstore.AuditFilter{Until: times[500]}, credstore.PageRequest{Limit: 10})
		require.NoError(t, err)
		require.EqualValues(t, 500, page.Items[0].ID)
		require.Len(t, plans, 1)
		require.Empty(t, fullScans(plans[0]), plans[0])
		begins := map[sqlstore.Dialect]string{sqlstore.Postgres: "Index Cond: (event_id <= ", sqlstore.SQLite: "USING INTEGER PRIMARY KEY (rowid<?)"}
		require.Contains(t, plans[0], begins[dialect])
	})
}
