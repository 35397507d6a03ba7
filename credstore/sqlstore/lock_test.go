package sqlstore_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// hold locks the accounts against other writers, as another process would, until
// the test ends.
func hold(t *testing.T, db *sql.DB) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	_, err = tx.ExecContext(t.Context(), `UPDATE accounts SET oauth_is_max = true`)
	require.NoError(t, err)
}

// Who waits for another's lock stops waiting when its context ends or its time is
// up; readers do not wait at all.
func TestWaitForLockIsBounded(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := sqlstore.New(db, dialect, testSealer(), &sqlstore.Options{QueryTimeout: 100 * time.Millisecond})
		defer store.Close()
		patient := newStore(t, dialect, db)
		addOAuth(t, patient, "a")
		hold(t, db)

		_, err := store.AcquireLease(t.Context(), "a", "me", time.Hour)
		require.ErrorIs(t, err, credstore.ErrUnavailable)
		require.ErrorContains(t, err, "100ms")
		require.ErrorIs(t, store.SaveTokens(t.Context(), "a", tokens("a").Refresh, tokens("new")), credstore.ErrUnavailable)
		require.ErrorIs(t, store.DeactivateAccount(t.Context(), "a", false), credstore.ErrUnavailable)

		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err = store.SaveTokens(short, "a", tokens("a").Refresh, tokens("new"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, credstore.ErrUnavailable)

		credential, err := patient.GetCredential(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, "access-a", credential.Tokens.Access.Reveal())
	})
}

// PostgreSQL itself ends the wait with a reason, before the store's own deadline.
func TestLockTimeout(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		if dialect != sqlstore.Postgres {
			return // SQLite's busy_timeout is as long as the deadline
		}
		store := sqlstore.New(db, dialect, testSealer(), &sqlstore.Options{QueryTimeout: time.Minute})
		defer store.Close()
		addOAuth(t, store, "a")
		hold(t, db)
		err := store.DeactivateAccount(t.Context(), "a", false)
		require.ErrorIs(t, err, credstore.ErrUnavailable)
		require.ErrorContains(t, err, "lock_not_available")
	})
}

// A change that a lock holds up does not hold up those of other accounts.
func TestLocksAreOfRows(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		if dialect != sqlstore.Postgres {
			return // SQLite has one lock
		}
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		hold(t, db)
		addOAuth(t, store, "b")
		_, err := store.CreateTrain(t.Context(), credstore.NewTrain{ID: "main"})
		require.NoError(t, err)
		require.NoError(t, store.AddMapping(t.Context(), "main", "a", 1), "naming the locked account is no change of it")
		require.NoError(t, store.SaveTokens(t.Context(), "b", tokens("b").Refresh, tokens("new")))
	})
}

// Last-used times of accounts that somebody else is changing are left for later.
func TestLastUsedDoesNotWaitForLocks(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		if dialect != sqlstore.Postgres {
			return // SQLite has one lock
		}
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		hold(t, db)
		addOAuth(t, store, "b")
		now := time.Now().UTC().Truncate(time.Microsecond)
		require.NoError(t, store.WriteLastUsed(t.Context(), map[string]time.Time{"a": now, "b": now}))
		require.True(t, lastUsed(t, store, "a").IsZero())
		require.Equal(t, now, lastUsed(t, store, "b"))
	})
}

// Who waited for a lock goes on from what the holder wrote, whatever isolation the
// database would give.
func TestIsolationIsReadCommitted(t *testing.T) {
	t.Parallel()
	url := engines[0].create(t)
	db := open(t, sqlstore.Postgres, url)
	store := newStore(t, sqlstore.Postgres, open(t, sqlstore.Postgres, url+"&default_transaction_isolation=serializable"))
	addOAuth(t, store, "a")
	holder, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = holder.Rollback() }()
	_, err = holder.ExecContext(t.Context(), `UPDATE accounts SET oauth_is_max = true`)
	require.NoError(t, err)
	saved := make(chan error, 1)
	go func() { saved <- store.SaveTokens(t.Context(), "a", tokens("a").Refresh, tokens("new")) }()
	require.Eventually(t, func() bool {
		var waiting int
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		return err == nil && waiting == 1
	}, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, holder.Commit())
	require.NoError(t, <-saved)
}
