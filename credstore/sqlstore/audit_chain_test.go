package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// The hashes are those that the package documentation describes: the expected ones
// were computed by another program, from that description.
func TestAuditHash(t *testing.T) {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)
	}
	at := time.Date(2026, 1, 2, 4, 4, 5, 6_000, time.FixedZone("", 3600))
	first := sqlstore.AuditHash(key, credstore.AuditGenesis, []any{int64(1), at, "operator", "Müller, Ä.", true, "session-1", "192.0.2.7",
		"account.create", "account", "acc_1", nil, `{"name":"one"}`})
	require.Equal(t, "1b10c3dbb697fc5efe078fc75ac24790c8675e239aa749f34295336b9363ef3d", first)
	second := sqlstore.AuditHash(key, first, []any{int64(2), "2026-01-02T03:04:06.000000Z", "", "", false, "", "", "login", "operator", "o", nil, nil})
	require.Equal(t, "8662074cb9b8a8350e497e0eff5fcd4bca451100580291ab321a48729b5835eb", second)
	require.Equal(t, "68305ede2d487cba409b97ad0842d5064ca11c5e75a969a8b5c1fb947a61be83", sqlstore.AuditHeadMAC(key, credstore.AuditCheckpoint{EventID: 2, Hash: second}))
}

// requireIntact requires a genuine trail of so many events.
func requireIntact(t *testing.T, store *sqlstore.Store, events int) {
	t.Helper()
	end, err := store.VerifyAudit(t.Context(), credstore.AuditCheckpoint{})
	require.NoError(t, err)
	require.EqualValues(t, events, end.EventID)
}

// logins are so many events.
func logins(count int) []credstore.AuditEvent {
	events := make([]credstore.AuditEvent, count)
	for i := range events {
		events[i] = login
		events[i].ObjectID = fmt.Sprint("o", i)
	}
	return events
}

// Trails of all lengths around a page are read to their end.
func TestVerifyAuditPages(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		length := 0
		for _, more := range []int{sqlstore.AuditPage - 1, 1, 1, sqlstore.AuditPage - 3, 1, 1, 1} {
			require.NoError(t, store.RunInTx(t.Context(), func(tx *sqlstore.Tx) error { return tx.AppendAudit(t.Context(), logins(more)...) }))
			length += more
			requireIntact(t, store, length)
		}
	})
}

// Without its primary key the table takes an id twice: wherever that is, it shows.
func TestSecondEventOfAnID(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		x := &trail{newStore(t, dialect, db), dialect, db}
		require.NoError(t, x.RunInTx(t.Context(), func(tx *sqlstore.Tx) error {
			return tx.AppendAudit(t.Context(), logins(sqlstore.AuditPage+1)...)
		}))
		x.exec(t, `CREATE TABLE good_events AS SELECT * FROM audit_events; DROP TABLE audit_events`)
		x.exec(t, `ALTER TABLE good_events RENAME TO audit_events`)
		for _, id := range []int{1, sqlstore.AuditPage - 1, sqlstore.AuditPage, sqlstore.AuditPage + 1} {
			x.exec(t, fmt.Sprintf(`CREATE TABLE forged AS SELECT * FROM audit_events WHERE event_id = %d; UPDATE forged SET action = 'forged';
				INSERT INTO audit_events SELECT * FROM forged`, id))
			_, err := x.VerifyAudit(t.Context(), credstore.AuditCheckpoint{})
			require.ErrorIs(t, err, credstore.ErrTampered)
			require.ErrorContains(t, err, fmt.Sprintf("event %d: ", id))
			x.exec(t, `DELETE FROM audit_events WHERE action = 'forged'; DROP TABLE forged`)
		}
		requireIntact(t, x.Store, sqlstore.AuditPage+1)
	})
}

// What is undone leaves no event and no gap.
func TestUndoneEvents(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store, ctx, failure := newStore(t, dialect, db), t.Context(), errors.New("no")
		appendTo := func(tx *sqlstore.Tx, object string) {
			require.NoError(t, tx.AppendAudit(ctx, credstore.AuditEvent{Action: "login", ObjectType: "operator", ObjectID: object}))
		}
		for range 2 { // the first of all, then on a trail
			require.ErrorIs(t, store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
				appendTo(tx, "rolled back")
				return failure
			}), failure)
			require.Panics(t, func() {
				_ = store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
					appendTo(tx, "panicked")
					panic("oops")
				})
			})
			require.NoError(t, store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
				appendTo(tx, "before")
				require.ErrorIs(t, tx.Savepoint(ctx, func() error {
					appendTo(tx, "undone")
					return failure
				}), failure)
				require.ErrorIs(t, tx.AppendAudit(ctx, login, credstore.AuditEvent{}), credstore.ErrInvalid, "at once")
				return tx.Savepoint(ctx, func() error {
					appendTo(tx, "kept")
					return nil
				})
			}))
		}
		requireIntact(t, store, 4)
		trail, err := store.ListAudit(ctx, credstore.AuditFilter{}, credstore.PageRequest{})
		require.NoError(t, err)
		for i, want := range []string{"kept", "before", "kept", "before"} {
			require.Equal(t, want, trail.Items[i].ObjectID)
			require.EqualValues(t, 4-i, trail.Items[i].ID)
		}
	})
}

// An event that the caller changes after it was recorded is written as it was.
func TestEventsAreCopied(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store, event := newStore(t, dialect, db), login
		event.After = []byte(`{"a":1}`)
		require.NoError(t, store.RunInTx(t.Context(), func(tx *sqlstore.Tx) error {
			err := tx.AppendAudit(t.Context(), event)
			copy(event.After, `{"b":2}`)
			return err
		}))
		trail, err := store.ListAudit(t.Context(), credstore.AuditFilter{}, credstore.PageRequest{})
		require.NoError(t, err)
		require.JSONEq(t, `{"a":1}`, string(trail.Items[0].After))
	})
}

// shared are trains that all writers change.
var shared = []string{"shared-0", "shared-1"}

// Stores go on with one trail together, with changes that lock rows in many ways,
// beside token saves.
func TestAuditConcurrently(t *testing.T) {
	const rounds = 8
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		stores := 4
		if dialect == sqlstore.SQLite {
			stores = 2 // SQLite lets other stores wait in no order, and five seconds at most
		}
		first, ctx := newStore(t, dialect, db), t.Context()
		addOAuth(t, first, "lasting")
		for _, train := range shared {
			_, err := first.CreateTrain(ctx, credstore.NewTrain{ID: train})
			require.NoError(t, errors.Join(err, first.AddMapping(ctx, train, "lasting", 1)))
		}
		var writers sync.WaitGroup
		failures := make(chan error, stores*2)
		for i := range stores {
			store := sqlstore.New(db, dialect, testSealer(), &sqlstore.Options{QueryTimeout: time.Minute})
			defer store.Close()
			writers.Go(func() { failures <- changeMuch(ctx, store, i, rounds) })
			writers.Go(func() { failures <- importMuch(ctx, store, i, rounds) })
		}
		verified := make(chan error)
		stop, end := context.WithCancel(ctx)
		go func() { verified <- verifyUntil(stop, first) }()
		writers.Wait()
		end()
		require.NoError(t, <-verified, "a trail that grows meanwhile is intact")
		close(failures)
		for err := range failures {
			require.NoError(t, err)
		}
		requireIntact(t, first, 1+2*len(shared)+stores*rounds*(7+3))
		var descents int
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM audit_events a JOIN audit_events b
			ON b.event_id = a.event_id + 1 WHERE b.occurred_at < a.occurred_at`).Scan(&descents))
		require.Zero(t, descents, "times ascend with ids")
	})
}

// verifyUntil verifies the trail again and again until ctx ends.
func verifyUntil(ctx context.Context, store *sqlstore.Store) error {
	var last credstore.AuditCheckpoint
	for ctx.Err() == nil {
		end, err := store.VerifyAudit(context.WithoutCancel(ctx), last)
		if err != nil {
			return err
		}
		last = end
	}
	return nil
}

// changeMuch makes changes with seven events each round, some of several rows.
func changeMuch(ctx context.Context, store *sqlstore.Store, writer, rounds int) error {
	for round := range rounds {
		id := fmt.Sprintf("w%d-%d", writer, round)
		err := errors.Join(
			second(store.CreateAccount(ctx, credstore.NewAccount{ID: id, Name: id, Type: credstore.OAuth, Tokens: tokens("a")})),
			store.AddMapping(ctx, shared[0], id, 1),
			store.AddMapping(ctx, shared[1], id, 1),
			store.SaveTokens(ctx, id, tokens("a").Refresh, tokens("b")),
			store.DeactivateAccount(ctx, id, true), // and from both trains
			store.AppendAudit(ctx, login),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// importMuch records three events each round, around savepoints that fail.
func importMuch(ctx context.Context, store *sqlstore.Store, writer, rounds int) error {
	failure := errors.New("no")
	for round := range rounds {
		id := fmt.Sprintf("i%d-%d", writer, round)
		err := store.RunInTx(ctx, func(tx *sqlstore.Tx) error {
			train := trainRow(id)
			train.DefaultAccountID = ""
			if err := errors.Join(tx.PutTrain(ctx, train), tx.AppendAudit(ctx, logins(2)...)); err != nil {
				return err
			}
			err := tx.Savepoint(ctx, func() error {
				return errors.Join(tx.PutAccount(ctx, accountRow("undone-"+id)), tx.AppendAudit(ctx, login), failure)
			})
			if !errors.Is(err, failure) {
				return err
			}
			return errors.Join(tx.PutAccount(ctx, accountRow(id)), tx.AppendAudit(ctx, login))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func second[T any](_ T, err error) error { return err }

// The test binary, started again with this variable set to a dialect and a URL,
// appends to the audit trail there.
const appenderVariable = "SQLSTORE_TEST_APPENDER"

const appendsPerProcess = 40

// runAppender is what the other process does instead of running tests.
func runAppender(what string) int {
	if err := appendMuch(what); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func appendMuch(what string) (err error) {
	db, dialect := (*sql.DB)(nil), sqlstore.Postgres
	if path, ok := strings.CutPrefix(what, "sqlite:"); ok {
		dialect = sqlstore.SQLite
		db, err = sqlstore.OpenSQLite(path)
	} else {
		db, err = sqlstore.OpenPostgres(what, 0)
	}
	if err != nil {
		return err
	}
	store := sqlstore.New(db, dialect, testSealer(), nil)
	for range appendsPerProcess {
		err = errors.Join(err, store.AppendAudit(context.Background(), login))
	}
	return errors.Join(err, store.Close(), db.Close())
}

// Processes begin one trail together and go on with it.
func TestAuditProcesses(t *testing.T) {
	t.Parallel()
	for _, engine := range engines {
		t.Run(engine.dialect.String(), func(t *testing.T) {
			t.Parallel()
			url := engine.create(t)
			const processes = 3
			failures := make(chan error, processes)
			for range processes {
				command := exec.CommandContext(t.Context(), os.Args[0])
				command.Env = append(os.Environ(), appenderVariable+"="+url)
				command.Stderr = os.Stderr
				go func() { failures <- command.Run() }()
			}
			for range processes {
				require.NoError(t, <-failures)
			}
			requireIntact(t, newStore(t, engine.dialect, open(t, engine.dialect, url)), processes*appendsPerProcess)
		})
	}
}

// Who records nothing does not wait for who records; who does, waits for so long.
func TestChainLock(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		if dialect != sqlstore.Postgres {
			return // SQLite has one lock
		}
		ctx := t.Context()
		patient := newStore(t, dialect, db)
		addOAuth(t, patient, "a")
		holder, err := db.BeginTx(ctx, nil)
		require.NoError(t, err)
		defer func() { _ = holder.Rollback() }()
		_, err = holder.ExecContext(ctx, `SELECT 1 FROM audit_chain FOR UPDATE`)
		require.NoError(t, err)

		_, err = patient.AcquireLease(ctx, "a", "me", time.Hour)
		require.NoError(t, err)
		require.NoError(t, patient.SaveTokens(ctx, "a", tokens("a").Refresh, tokens("b")))
		require.NoError(t, patient.ReleaseLease(ctx, "a", "me"))
		require.NoError(t, patient.WriteLastUsed(ctx, map[string]time.Time{"a": time.Now()}))
		requireIntact(t, patient, 1)

		hurried := sqlstore.New(db, dialect, testSealer(), &sqlstore.Options{QueryTimeout: 100 * time.Millisecond})
		defer hurried.Close()
		require.ErrorIs(t, hurried.AppendAudit(ctx, login), credstore.ErrUnavailable)
		require.ErrorIs(t, hurried.DeactivateAccount(ctx, "a", false), credstore.ErrUnavailable)
		require.NoError(t, holder.Rollback())
		requireIntact(t, patient, 1)
		account, err := patient.GetAccount(ctx, "a")
		require.NoError(t, err)
		require.True(t, account.Active)
	})
}
