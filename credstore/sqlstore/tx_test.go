package sqlstore_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

func accountRow(id string) sqlstore.AccountRow {
	return sqlstore.AccountRow{
		ID: id, Name: "name-" + id, Type: credstore.OAuth, APIKey: "sealed-key", AccessToken: "sealed-access", RefreshToken: "sealed-refresh",
		ExpiresAt: time.UnixMilli(1_790_000_000_123).UTC(), Scopes: []string{"x"}, IsMax: true, Active: true,
	}
}

func trainRow(id string) sqlstore.TrainRow {
	return sqlstore.TrainRow{
		ID: id, Name: "name", Description: "text", ClientKeyHashes: []string{credstore.HashClientKey(credstore.NewSecret("k"))},
		Slack: json.RawMessage(`{"channel":"#c"}`), DefaultAccountID: "a", Active: true,
	}
}

func TestRows(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store, ctx := newStore(t, dialect, db), t.Context()
		for _, active := range []bool{true, false} { // new, then in place
			wantAccount, wantTrain := accountRow("a"), trainRow("main")
			wantAccount.Active, wantTrain.Active = active, active
			require.NoError(t, store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
				return errors.Join(tx.PutAccount(ctx, wantAccount), tx.PutTrain(ctx, wantTrain))
			}))
			require.NoError(t, store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
				account, err := tx.GetAccountByName(ctx, "name-a")
				require.NoError(t, err)
				require.False(t, account.UpdatedAt.IsZero())
				wantAccount.UpdatedAt = account.UpdatedAt
				require.Equal(t, &wantAccount, account)
				train, err := tx.GetTrain(ctx, "main")
				require.NoError(t, err)
				require.JSONEq(t, string(wantTrain.Slack), string(train.Slack))
				wantTrain.UpdatedAt, wantTrain.Slack = train.UpdatedAt, train.Slack
				require.Equal(t, &wantTrain, train)
				return nil
			}))
		}
	})
}

func TestRowsRefused(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store, ctx := newStore(t, dialect, db), t.Context()
		other, bad, incomplete, nowhere := accountRow("b"), accountRow("a/b"), accountRow("c"), trainRow("main")
		other.Name, incomplete.RefreshToken, nowhere.DefaultAccountID = "name-a", "", "none"
		require.NoError(t, store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
			require.NoError(t, tx.PutAccount(ctx, accountRow("a")))
			for want, put := range map[error]func() error{
				credstore.ErrAlreadyExists: func() error { return tx.PutAccount(ctx, other) },
				credstore.ErrInvalidID:     func() error { return tx.PutAccount(ctx, bad) },
				credstore.ErrInvalid:       func() error { return tx.PutAccount(ctx, incomplete) },
				credstore.ErrNotFound:      func() error { return tx.PutTrain(ctx, nowhere) },
			} {
				err := tx.Savepoint(ctx, put)
				require.ErrorIs(t, err, want)
				require.NotContains(t, err.Error(), "sealed-")
			}
			_, err := tx.GetAccount(ctx, "none")
			require.ErrorIs(t, err, credstore.ErrNotFound)
			return nil
		}))
		names, err := store.ListAccountNames(ctx, credstore.PageRequest{})
		require.NoError(t, err)
		require.Equal(t, []string{"name-a"}, names.Items, "what failed was undone, the rest stands")
	})
}

func TestSavepointsAndEvents(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store, ctx := newStore(t, dialect, db), t.Context()
		var events []credstore.Event
		defer store.Subscribe(func(event credstore.Event) { events = append(events, event) })()
		failure := errors.New("no")
		run := func(last error) error {
			return store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
				require.NoError(t, tx.Savepoint(ctx, func() error { return tx.PutAccount(ctx, accountRow("a")) }))
				require.ErrorIs(t, tx.Savepoint(ctx, func() error {
					require.NoError(t, tx.PutAccount(ctx, accountRow("b")))
					return failure
				}), failure)
				require.NoError(t, tx.AppendAudit(ctx, credstore.AuditEvent{Action: "import", ObjectType: "account", ObjectID: "a"}))
				require.Empty(t, events, "not before the commit")
				return last
			})
		}
		require.ErrorIs(t, run(failure), failure)
		require.Empty(t, events)
		_, err := store.GetAccount(ctx, "a")
		require.ErrorIs(t, err, credstore.ErrNotFound)

		require.NoError(t, run(nil))
		require.Equal(t, []credstore.Event{{Kind: credstore.EventAccount, ID: "a"}}, events)
		_, err = store.GetAccount(ctx, "b")
		require.ErrorIs(t, err, credstore.ErrNotFound)
		trail, err := store.ListAudit(ctx, credstore.AuditFilter{}, credstore.PageRequest{})
		require.NoError(t, err)
		require.Len(t, trail.Items, 1)
	})
}

// A step that was undone leaves nothing open.
func TestUndoneSavepointIsReleased(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store, ctx := newStore(t, dialect, db), t.Context()
		failure := errors.New("no")
		err := store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
			require.ErrorIs(t, tx.Savepoint(ctx, func() error { return failure }), failure)
			return tx.Exec(ctx, "RELEASE SAVEPOINT step")
		})
		require.Error(t, err, "there is no such savepoint")
	})
}

// A panic in a transaction undoes it and leaves the store usable.
func TestRunInTxPanics(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store, ctx := newStore(t, dialect, db), t.Context()
		require.Panics(t, func() {
			_ = store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
				require.NoError(t, tx.PutAccount(ctx, accountRow("a")))
				panic("oops")
			})
		})
		_, err := store.GetAccount(ctx, "a")
		require.ErrorIs(t, err, credstore.ErrNotFound)
		require.NoError(t, store.RunInTx(ctx, func(tx *sqlstore.Tx) error { return tx.PutAccount(ctx, accountRow("a")) }))
	})
}

func TestRunInTxEndsWithItsContext(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		ctx, cancel := context.WithCancel(t.Context())
		err := store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
			require.NoError(t, tx.PutAccount(ctx, accountRow("a")))
			cancel()
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
		_, err = store.GetAccount(t.Context(), "a")
		require.ErrorIs(t, err, credstore.ErrNotFound)
	})
}
