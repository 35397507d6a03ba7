package sqlstore_test

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

var (
	_ scs.CtxStore         = (*sqlstore.Sessions)(nil)
	_ scs.IterableCtxStore = (*sqlstore.Sessions)(nil)
	_ scs.IterableStore    = (*sqlstore.Sessions)(nil)
)

func onSessions(t *testing.T, test func(t *testing.T, sessions *sqlstore.Sessions, db *sql.DB)) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		test(t, newStore(t, dialect, db).Sessions(), db)
	})
}

func TestSessions(t *testing.T) {
	onSessions(t, func(t *testing.T, sessions *sqlstore.Sessions, _ *sql.DB) {
		ctx, later := t.Context(), time.Now().Add(time.Hour)
		binary := []byte{0, 0xff, 'a', 0}
		require.NoError(t, sessions.CommitCtx(ctx, "one", binary, later))
		require.NoError(t, sessions.CommitCtx(ctx, "two", []byte("2"), later))
		data, found, err := sessions.FindCtx(ctx, "one")
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, binary, data)

		require.NoError(t, sessions.Commit("one", []byte("new"), later.Add(time.Hour)), "in place of the old")
		data, found, err = sessions.Find("one")
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, []byte("new"), data)
		all, err := sessions.AllCtx(ctx)
		require.NoError(t, err)
		require.ElementsMatch(t, [][]byte{[]byte("new"), []byte("2")}, slices.Collect(maps.Values(all)))

		require.NoError(t, sessions.DeleteCtx(ctx, "one"))
		require.NoError(t, sessions.Delete("one"), "again is no error")
		for _, token := range []string{"one", "ONE", "", "t\x00wo", "\xff", "two' OR 1=1 --"} {
			require.NoError(t, sessions.DeleteCtx(ctx, token))
			_, found, err = sessions.FindCtx(ctx, token)
			require.NoError(t, err)
			require.False(t, found, "%q", token)
		}
		all, err = sessions.All()
		require.NoError(t, err)
		require.Equal(t, [][]byte{[]byte("2")}, slices.Collect(maps.Values(all)))
		for key := range all {
			_, found, err = sessions.FindCtx(ctx, key)
			require.NoError(t, err)
			require.False(t, found, "what the database holds is no token")
			require.NoError(t, sessions.DeleteCtx(ctx, key))
		}
		_, found, err = sessions.FindCtx(ctx, "two")
		require.NoError(t, err)
		require.False(t, found)
	})
}

func TestDeleteManySessions(t *testing.T) {
	onSessions(t, func(t *testing.T, sessions *sqlstore.Sessions, db *sql.DB) {
		ctx := t.Context()
		for i := range 5 {
			require.NoError(t, sessions.CommitCtx(ctx, fmt.Sprint(i), []byte{byte(i)}, time.Now().Add(time.Hour)))
		}
		all, err := sessions.AllCtx(ctx)
		require.NoError(t, err)
		keys := []string{"4", "none", "", "sha256:none", "' OR 1=1 --"}
		for key, data := range all {
			if data[0] < 3 {
				keys = append(keys, key, key)
			}
		}
		// More than either engine takes parameters.
		keys = append(keys, slices.Repeat([]string{"sha256:other"}, 70_000)...)
		deleted, err := sessions.DeleteMany(ctx, keys)
		require.NoError(t, err)
		require.Equal(t, 4, deleted)
		left, err := sessions.AllCtx(ctx)
		require.NoError(t, err)
		require.Equal(t, [][]byte{{3}}, slices.Collect(maps.Values(left)))

		for _, none := range [][]string{nil, {}, keys} {
			deleted, err = sessions.DeleteMany(ctx, none)
			require.NoError(t, err)
			require.Zero(t, deleted)
		}
		left, err = sessions.AllCtx(ctx)
		require.NoError(t, err)
		require.Len(t, left, 1)
		require.NoError(t, db.Close())
		_, err = sessions.DeleteMany(ctx, keys)
		require.ErrorIs(t, err, credstore.ErrUnavailable)
	})
}

func TestSessionsExpire(t *testing.T) {
	onSessions(t, func(t *testing.T, sessions *sqlstore.Sessions, db *sql.DB) {
		ctx, now := t.Context(), time.Now()
		for i, expiry := range []time.Time{now.Add(-time.Hour), now, now.Add(time.Hour)} {
			require.NoError(t, sessions.CommitCtx(ctx, fmt.Sprint(i), []byte("x"), expiry))
			_, found, err := sessions.FindCtx(ctx, fmt.Sprint(i))
			require.NoError(t, err)
			require.Equal(t, i == 2, found)
		}
		all, err := sessions.AllCtx(ctx)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.NoError(t, sessions.ExtendCtx(ctx, "2", now.Add(2*time.Hour)))
		require.NoError(t, sessions.ExtendCtx(ctx, "gone", now.Add(2*time.Hour)))
		all, err = sessions.AllCtx(ctx)
		require.NoError(t, err)
		require.Len(t, all, 1, "what is gone does not come back")

		deleted, err := sessions.DeleteExpired(ctx)
		require.NoError(t, err)
		require.Equal(t, 2, deleted)
		deleted, err = sessions.DeleteExpired(ctx)
		require.NoError(t, err)
		require.Zero(t, deleted)

		require.NoError(t, sessions.CommitCtx(ctx, "2", []byte("x"), now), "committing an expiry that has passed ends it")
		all, err = sessions.AllCtx(ctx)
		require.NoError(t, err)
		require.NotNil(t, all)
		require.Empty(t, all)
		require.ErrorIs(t, sessions.CommitCtx(ctx, "3", []byte("x"), time.Time{}), credstore.ErrInvalid)
	})
}

func TestSessionsOfManyAtOnce(t *testing.T) {
	onSessions(t, func(t *testing.T, sessions *sqlstore.Sessions, db *sql.DB) {
		var group sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			group.Go(func() {
				token := fmt.Sprint(i % 4)
				errs[i] = sessions.CommitCtx(t.Context(), token, []byte(token), time.Now().Add(time.Hour))
			})
		}
		group.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		all, err := sessions.AllCtx(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 4)

		require.NoError(t, db.Close())
		_, found, err := sessions.FindCtx(t.Context(), "1")
		require.ErrorIs(t, err, credstore.ErrUnavailable)
		require.False(t, found)
		require.ErrorIs(t, sessions.DeleteCtx(t.Context(), "1"), credstore.ErrUnavailable)
		_, err = sessions.AllCtx(t.Context())
		require.ErrorIs(t, err, credstore.ErrUnavailable)
	})
}
