package sqlstore_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

func lastUsed(t *testing.T, store *sqlstore.Store, id string) time.Time {
	t.Helper()
	account, err := store.GetAccount(t.Context(), id)
	require.NoError(t, err)
	return account.LastUsedAt
}

func TestLastUsedIsCoarse(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		now := time.Now().UTC().Truncate(time.Microsecond)
		ago := func(d time.Duration) time.Time { return now.Add(-d) }
		for _, step := range []struct{ touch, want time.Time }{
			{ago(time.Hour), ago(time.Hour)},
			{ago(50 * time.Second), ago(50 * time.Second)},
			{ago(30 * time.Second), ago(50 * time.Second)}, // less than a minute later
			{now, ago(50 * time.Second)},
			{ago(2 * time.Hour), ago(50 * time.Second)}, // before
		} {
			store.TouchLastUsed("a", step.touch)
			require.NoError(t, store.FlushLastUsed(t.Context()))
			require.Equal(t, step.want, lastUsed(t, store, "a"))
		}
		addOAuth(t, store, "b")
		store.TouchLastUsed("b", now.AddDate(100, 0, 0))
		require.NoError(t, store.FlushLastUsed(t.Context()))
		require.WithinDuration(t, time.Now(), lastUsed(t, store, "b"), time.Minute, "the future counts as now")
	})
}

// Another process may have written a later time.
func TestLastUsedNeverGoesBack(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		addOAuth(t, store, "b")
		late, early := time.Now().UTC().Truncate(time.Microsecond), time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond)
		require.NoError(t, store.WriteLastUsed(t.Context(), map[string]time.Time{"a": late, "b": early, "none": late}))
		require.NoError(t, store.WriteLastUsed(t.Context(), map[string]time.Time{"a": early, "b": late}))
		require.Equal(t, late, lastUsed(t, store, "a"))
		require.Equal(t, late, lastUsed(t, store, "b"))
	})
}

func TestLastUsedInBatches(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		addManyAccounts(t, db, 1200)
		at := time.Now().UTC().Truncate(time.Microsecond)
		notes := make(map[string]time.Time)
		for i := range 1200 {
			notes[fmt.Sprintf("acc_%05d", i)] = at
		}
		require.NoError(t, store.WriteLastUsed(t.Context(), notes))
		page, err := store.ListAccounts(t.Context(), credstore.AccountFilter{Sort: credstore.SortAccountLastUsed}, credstore.PageRequest{Limit: 1})
		require.NoError(t, err)
		require.Equal(t, at, page.Items[0].LastUsedAt, "the least recently used")
	})
}

// What cannot be written waits, and is written once it can be.
func TestLastUsedWaitsForTheDatabase(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		rename := func(from, to string) {
			_, err := db.ExecContext(t.Context(), `ALTER TABLE accounts RENAME COLUMN `+from+` TO `+to)
			require.NoError(t, err)
		}
		at := time.Now().Add(-time.Minute).UTC().Truncate(time.Microsecond)
		rename("last_used_at", "away")
		store.TouchLastUsed("a", at)
		require.ErrorIs(t, store.FlushLastUsed(t.Context()), sqlstore.ErrSchema)
		require.Equal(t, 1, store.WaitingLastUsed())
		rename("away", "last_used_at")
		require.NoError(t, store.Close())
		require.Equal(t, at, lastUsed(t, store, "a"))
	})
}

// However many ids a client makes up, no more than so many are remembered.
func TestLastUsedIsBounded(t *testing.T) {
	store := newStore(t, sqlstore.SQLite, open(t, sqlstore.SQLite, newSQLite(t)))
	for i := range sqlstore.LastUsedAccounts + 10 {
		store.TouchLastUsed(fmt.Sprint(i), time.Now())
	}
	require.LessOrEqual(t, store.WaitingLastUsed(), sqlstore.LastUsedAccounts)
	store.DropLastUsed() // none of them is an account
}

func BenchmarkTouchLastUsed(b *testing.B) {
	store := newStore(b, sqlstore.SQLite, open(b, sqlstore.SQLite, newSQLite(b)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			store.TouchLastUsed("acc_f3a3cc0537c4", time.Now())
		}
	})
}
