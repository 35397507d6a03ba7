package sqlstore_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
)

const trailLength = 6

// contentColumns are those of an event beside its id and hash.
const contentColumns = `occurred_at, actor_kind, actor_name, actor_verified, actor_session, actor_address,
	action, object_type, object_id, before_state, after_state`

// A trail is an audit trail that is open to whoever has the database: its triggers
// are gone.
type trail struct {
	*sqlstore.Store
	dialect sqlstore.Dialect
	db      *sql.DB
}

func newTrail(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) *trail {
	x := &trail{newStore(t, dialect, db), dialect, db}
	x.append(t, trailLength)
	x.dropTriggers(t)
	return x
}

// append adds events; every second one has no state before.
func (x *trail) append(t *testing.T, count int) {
	t.Helper()
	for i := range count {
		ctx := credstore.WithActor(t.Context(), credstore.Actor{Kind: credstore.ActorOperator, Name: fmt.Sprint("ann", i), Verified: i%2 == 0})
		event := credstore.AuditEvent{Action: "login", ObjectType: "operator", ObjectID: fmt.Sprint("o", i), After: json.RawMessage(`{"Ä":1}`)}
		if i%2 == 1 {
			event.Before = json.RawMessage(`{}`)
		}
		require.NoError(t, x.AppendAudit(ctx, event))
	}
}

func (x *trail) exec(t *testing.T, statements string) {
	t.Helper()
	_, err := x.db.ExecContext(context.WithoutCancel(t.Context()), statements)
	require.NoError(t, err, statements)
}

// restart makes a new store, which has seen nothing yet.
func (x *trail) restart(t *testing.T) { x.Store = newStore(t, x.dialect, x.db) }

func (x *trail) dropTriggers(t *testing.T) {
	if x.dialect == sqlstore.Postgres {
		x.exec(t, `ALTER TABLE audit_events DISABLE TRIGGER ALL`)
		return
	}
	x.exec(t, `DROP TRIGGER audit_events_no_update; DROP TRIGGER audit_events_no_delete; DROP TRIGGER audit_events_no_replace`)
}

// save copies events and head away, and returns what puts them back.
func (x *trail) save(t *testing.T, name string) (restore func()) {
	x.exec(t, fmt.Sprintf(`CREATE TABLE %[1]s_events AS SELECT * FROM audit_events; CREATE TABLE %[1]s_chain AS SELECT * FROM audit_chain`, name))
	return func() {
		x.exec(t, fmt.Sprintf(`DELETE FROM audit_events; DELETE FROM audit_chain;
			INSERT INTO audit_events SELECT * FROM %[1]s_events; INSERT INTO audit_chain SELECT * FROM %[1]s_chain`, name))
	}
}

// requireTampered requires the first bad event and what is said of it.
func requireTampered(t *testing.T, err error, eventID int64, says string) {
	t.Helper()
	require.ErrorIs(t, err, credstore.ErrTampered)
	var found *credstore.TamperError
	require.ErrorAs(t, err, &found)
	require.Equal(t, eventID, found.EventID, found.Problem)
	require.Contains(t, found.Problem, says)
	require.NotContains(t, err.Error(), "ann", "nothing of the event")
}

// A tampering is something done behind the store's back.
type tampering struct {
	name, statements string
	eventID          int64 // the first that is bad
	says             string
}

const (
	changed  = "it was changed"
	unlinked = "does not follow on the event before"
	strange  = "put there by something else"
	headBad  = "audit_chain was changed"
)

// swap exchanges two events' columns.
func swap(a, b int, columns string) string {
	return fmt.Sprintf(`UPDATE audit_events SET (%[1]s) = (SELECT %[1]s FROM good_events g WHERE g.event_id = %[2]d + %[3]d - audit_events.event_id)
		WHERE event_id IN (%[2]d, %[3]d)`, columns, a, b)
}

// forge inserts an event of somebody else's making.
func forge(id int) string {
	return fmt.Sprintf(`INSERT INTO audit_events (event_id, %[1]s, hash) SELECT %[2]d, %[1]s, hash FROM good_events WHERE event_id = 2`, contentColumns, id)
}

var tamperings = []tampering{
	{"time", `UPDATE audit_events SET occurred_at = '2026-01-02T03:04:05.000006Z' WHERE event_id = 3`, 3, changed},
	{"actor kind", `UPDATE audit_events SET actor_kind = 'command' WHERE event_id = 3`, 3, changed},
	{"actor name", `UPDATE audit_events SET actor_name = 'bob' WHERE event_id = 3`, 3, changed},
	{"actor verified", `UPDATE audit_events SET actor_verified = NOT actor_verified WHERE event_id = 3`, 3, changed},
	{"actor session", `UPDATE audit_events SET actor_session = 's' WHERE event_id = 3`, 3, changed},
	{"actor address", `UPDATE audit_events SET actor_address = '::1' WHERE event_id = 3`, 3, changed},
	{"action", `UPDATE audit_events SET action = 'logout' WHERE event_id = 3`, 3, changed},
	{"object type", `UPDATE audit_events SET object_type = 'train' WHERE event_id = 3`, 3, changed},
	{"object id", `UPDATE audit_events SET object_id = 'x' WHERE event_id = 3`, 3, changed},
	{"before", `UPDATE audit_events SET before_state = '{"a":1}' WHERE event_id = 2`, 2, changed},
	{"before, empty for NULL", `UPDATE audit_events SET before_state = '' WHERE event_id = 1`, 1, changed},
	{"before, NULL", `UPDATE audit_events SET before_state = NULL WHERE event_id = 2`, 2, changed},
	{"after", `UPDATE audit_events SET after_state = '{"Ä": 1}' WHERE event_id = 3`, 3, changed},
	{"a text moved to the next column", `UPDATE audit_events SET action = 'logino', object_type = 'perator' WHERE event_id = 3`, 3, changed},
	{"before and after changed places", `UPDATE audit_events SET before_state = after_state, after_state = before_state WHERE event_id = 3`, 3, changed},
	{"hash", `UPDATE audit_events SET hash = '` + strings.Repeat("0", 64) + `' WHERE event_id = 3`, 3, "its hash was changed"},
	{"first", `UPDATE audit_events SET action = 'x' WHERE event_id = 1`, 1, changed},
	{"last", `UPDATE audit_events SET action = 'x' WHERE event_id = 6`, 6, changed},
	{"hash of the last", `UPDATE audit_events SET hash = '' WHERE event_id = 6`, 6, "its hash was changed"},
	{"all", `UPDATE audit_events SET action = 'x'`, 1, unlinked},
	{"id", `UPDATE audit_events SET event_id = 100 WHERE event_id = 3`, 3, "it is missing: the next event is 4"},
	{"id of the last", `UPDATE audit_events SET event_id = 100 WHERE event_id = 6`, 6, "it is missing: the next event is 100"},

	{"first deleted", `DELETE FROM audit_events WHERE event_id = 1`, 1, "it is missing: the next event is 2"},
	{"middle deleted", `DELETE FROM audit_events WHERE event_id IN (3, 4)`, 3, "it is missing: the next event is 5"},
	{"last deleted", `DELETE FROM audit_events WHERE event_id = 6`, 6, "the head says that the trail ends at event 6"},
	{"end deleted", `DELETE FROM audit_events WHERE event_id > 3`, 4, "it and all that follow are missing"},
	{"all deleted", `DELETE FROM audit_events`, 1, "it and all that follow are missing"},
	{"deleted, gap closed", `DELETE FROM audit_events WHERE event_id = 3; UPDATE audit_events SET event_id = event_id - 1 WHERE event_id = 4;
		UPDATE audit_events SET event_id = event_id - 1 WHERE event_id = 5; UPDATE audit_events SET event_id = 5 WHERE event_id = 6`, 3, unlinked},

	{"contents swapped", swap(2, 5, contentColumns), 2, changed},
	{"ids swapped", swap(2, 5, contentColumns+", hash"), 2, unlinked},
	{"ids of neighbours swapped", swap(3, 4, contentColumns+", hash"), 3, unlinked},
	{"forged at the end", forge(7), 7, strange},
	{"forged far beyond", forge(1000), 1000, strange},
	{"forged before the beginning", forge(0), 0, "an event with id 0: it was put there"},
	{"forged below zero", forge(-5), -5, "an event with id -5"},
	{"forged in the middle", `UPDATE audit_events SET event_id = 7 WHERE event_id = 6; UPDATE audit_events SET event_id = 6 WHERE event_id = 5;
		UPDATE audit_events SET event_id = 5 WHERE event_id = 4; ` + forge(4), 4, unlinked},

	{"head's id", `UPDATE audit_chain SET last_event_id = 5`, 0, headBad},
	{"head's hash", `UPDATE audit_chain SET last_hash = 'genesis'`, 0, headBad},
	{"head's proof", `UPDATE audit_chain SET head_mac = ''`, 0, headBad},
	{"end deleted, head along", `DELETE FROM audit_events WHERE event_id = 6; UPDATE audit_chain SET last_event_id = 5,
		last_hash = (SELECT hash FROM audit_events WHERE event_id = 5)`, 0, headBad},
	{"forged at the end, head along", forge(7) + `; UPDATE audit_chain SET last_event_id = 7, last_hash = (SELECT hash FROM audit_events WHERE event_id = 7)`, 7, unlinked},
	{"everything but an edited head deleted", `DELETE FROM audit_events; UPDATE audit_chain SET last_event_id = 0, last_hash = 'genesis'`, 0, headBad},
	{"head deleted", `DELETE FROM audit_chain`, 0, "audit_chain is empty although there are events"},
	{"key damaged", `UPDATE audit_chain SET chain_key_encrypted = 'x' || chain_key_encrypted`, 0, "does not open"},
	{"key emptied", `UPDATE audit_chain SET chain_key_encrypted = ''`, 0, "does not open"},
}

// onlySQLite keeps values of other types in its columns.
var onlySQLite = []tampering{
	{"bytes for text", `UPDATE audit_events SET actor_name = CAST(actor_name AS blob) WHERE event_id = 3`, 3, changed},
	{"hash as bytes", `UPDATE audit_events SET hash = CAST(hash AS blob) WHERE event_id = 3`, 3, "its hash was changed"},
	{"another true", `UPDATE audit_events SET actor_verified = 2 WHERE event_id = 3`, 3, changed},
	{"no boolean", `UPDATE audit_events SET actor_verified = 'yes' WHERE event_id = 3`, 3, changed},
	{"another text for the time", `UPDATE audit_events SET occurred_at = replace(occurred_at, 'Z', '+00:00') WHERE event_id = 3`, 3, changed},
	{"no time", `UPDATE audit_events SET occurred_at = 'never' WHERE event_id = 3`, 3, changed},
	{"no number in the head", `UPDATE audit_chain SET last_event_id = 'x'`, 0, headBad},
}

func TestTampering(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		x := newTrail(t, dialect, db)
		restore := x.save(t, "good")
		cases := tamperings
		if dialect == sqlstore.SQLite {
			cases = slices.Concat(tamperings, onlySQLite)
		}
		for _, tt := range cases {
			t.Run(tt.name, func(t *testing.T) {
				defer restore()
				x.exec(t, tt.statements)
				_, err := x.VerifyAudit(t.Context(), credstore.AuditCheckpoint{})
				requireTampered(t, err, tt.eventID, tt.says)
			})
		}
		end, err := x.VerifyAudit(t.Context(), credstore.AuditCheckpoint{})
		require.NoError(t, err, "restored each time")
		require.EqualValues(t, trailLength, end.EventID)
	})
}

// resealed is a key of the trail, sealed by sealer.
func resealed(t *testing.T, sealer *crypto.Sealer, plaintext string) string {
	sealed, err := sealer.Seal(plaintext)
	require.NoError(t, err)
	return sealed
}

// The key cannot be replaced by one that somebody knows, nor shown as a secret of
// an account.
func TestKeyReplaced(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		x := newTrail(t, dialect, db)
		restore := x.save(t, "good")
		other, err := crypto.NewSealer("another "+testKey, nil)
		require.NoError(t, err)
		key := sqlstore.ChainKeyMark + strings.Repeat("k", 32)
		for sealed, want := range map[string]tampering{
			resealed(t, other, key):                                      {eventID: 0, says: "does not open"},
			resealed(t, testSealer(), strings.Repeat("k", 32)):           {eventID: 0, says: "another secret"},
			resealed(t, testSealer(), sqlstore.ChainKeyMark+"too short"): {eventID: 0, says: "another secret"},
			resealed(t, testSealer(), key):                               {eventID: 1, says: "the trail's key was replaced"},
		} {
			x.exec(t, `UPDATE audit_chain SET chain_key_encrypted = '`+sealed+`'`)
			_, err = x.VerifyAudit(t.Context(), credstore.AuditCheckpoint{})
			requireTampered(t, err, want.eventID, want.says)
			restore()
		}
		stranger := sqlstore.New(db, dialect, other, nil)
		defer stranger.Close()
		_, err = stranger.VerifyAudit(t.Context(), credstore.AuditCheckpoint{})
		requireTampered(t, err, 0, "this is not the encryption key of the database")
		requireTampered(t, stranger.AppendAudit(t.Context(), login), 0, "does not open")

		addOAuth(t, x.Store, "a")
		x.exec(t, `UPDATE accounts SET oauth_access_token_encrypted = (SELECT chain_key_encrypted FROM audit_chain)`)
		_, shown := x.GetCredential(t.Context(), "a")
		_, revealed := x.RevealSecret(t.Context(), "a", credstore.SecretAccessToken)
		for _, err := range []error{shown, revealed} {
			require.ErrorIs(t, err, credstore.ErrDamaged)
			require.ErrorContains(t, err, "the audit trail's key, moved here")
		}
	})
}

// An older copy of everything, or nothing at all, is found by a checkpoint alone.
func TestCheckpoint(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		ctx := t.Context()
		store := newStore(t, dialect, db)
		none, err := store.AuditCheckpoint(ctx)
		require.NoError(t, err)
		require.Zero(t, none)
		none, err = store.VerifyAudit(ctx, none)
		require.NoError(t, err)
		require.Zero(t, none)

		x := newTrail(t, dialect, db)
		older := x.save(t, "older")
		early, err := x.AuditCheckpoint(ctx)
		require.NoError(t, err)
		require.EqualValues(t, trailLength, early.EventID)
		x.append(t, 2)
		late, err := x.VerifyAudit(ctx, early)
		require.NoError(t, err)
		require.EqualValues(t, trailLength+2, late.EventID)
		same, err := x.AuditCheckpoint(ctx)
		require.NoError(t, err)
		require.Equal(t, late, same)
		for _, passes := range []credstore.AuditCheckpoint{none, early, late} {
			end, err := x.VerifyAudit(ctx, passes)
			require.NoError(t, err)
			require.Equal(t, late, end)
		}

		older()
		x.restart(t)
		_, err = x.VerifyAudit(ctx, early)
		require.NoError(t, err, "it is genuine, as far as it goes")
		_, err = x.VerifyAudit(ctx, late)
		requireTampered(t, err, trailLength+1, "the checkpoint is of event 8")
		x.append(t, 3)
		_, err = x.VerifyAudit(ctx, early)
		require.NoError(t, err)
		_, err = x.VerifyAudit(ctx, late)
		requireTampered(t, err, trailLength+2, "not the event of the checkpoint")

		x.exec(t, `DELETE FROM audit_events; DELETE FROM audit_chain`)
		x.restart(t)
		_, err = x.VerifyAudit(ctx, none)
		require.NoError(t, err)
		_, err = x.VerifyAudit(ctx, early)
		requireTampered(t, err, 1, "the checkpoint is of event 6")
		x.append(t, trailLength+2)
		_, err = x.VerifyAudit(ctx, early)
		requireTampered(t, err, trailLength, "not the event of the checkpoint")
	})
}

// A head that was genuine once does not hide what came after.
func TestHeadPutBack(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		x := newTrail(t, dialect, db)
		x.save(t, "good")
		x.append(t, 2)
		x.exec(t, `DELETE FROM audit_chain; INSERT INTO audit_chain SELECT * FROM good_chain`)
		_, err := x.VerifyAudit(t.Context(), credstore.AuditCheckpoint{})
		requireTampered(t, err, trailLength+1, "or the head was put back")
		requireTampered(t, x.AppendAudit(t.Context(), login), 0, "it ends at event 6, and has ended at event 8 before")
		x.restart(t)
		requireTampered(t, x.AppendAudit(t.Context(), login), 0, "is there already")
	})
}

// An older copy of the trail, another trail or none, put in place of one that a store
// has written or verified, is not gone on with while it runs.
func TestTrailPutBackWhileRunning(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		writer := newTrail(t, dialect, db)
		older := writer.save(t, "older")
		writer.append(t, 2)
		newer := writer.save(t, "newer")
		verifier := newStore(t, dialect, db)
		requireIntact(t, verifier, trailLength+2)
		other := &trail{newStore(t, dialect, db), dialect, db} // another program, started anew each time
		refused := func(appends, verifies string, eventID int64) {
			t.Helper()
			for _, store := range []*sqlstore.Store{writer.Store, verifier} {
				_, err := store.CreateTrain(t.Context(), credstore.NewTrain{ID: "main"})
				requireTampered(t, err, 0, appends)
				_, err = store.VerifyAudit(t.Context(), credstore.AuditCheckpoint{})
				requireTampered(t, err, eventID, verifies)
			}
			other.restart(t)
			_, err := other.VerifyAudit(t.Context(), credstore.AuditCheckpoint{})
			require.NoError(t, err, "it is genuine")
		}
		older()
		refused("it ends at event 6, and has ended at event 8 before", "missing: this program has seen the trail end at event 8", 7)
		other.append(t, 2)
		refused("event 8 is gone or another one", "not the event that this program has seen", 8)
		other.append(t, 1)
		refused("event 8 is gone or another one", "not the event that this program has seen", 8)
		writer.exec(t, `DELETE FROM audit_events; DELETE FROM audit_chain`)
		refused("it ends at event 0, and has ended at event 8 before", "missing: this program has seen", 1)

		newer()
		other.restart(t)
		other.append(t, 2)
		writer.append(t, 1) // others may write, too
		requireIntact(t, verifier, trailLength+5)
		writer.exec(t, `DELETE FROM audit_events WHERE event_id <= 11`)
		other.restart(t)
		other.append(t, 1)
		requireTampered(t, writer.AppendAudit(t.Context(), login), 0, "event 11 is gone")
	})
}

// A store does not go on with a trail whose end is in doubt: that would make it
// look genuine. Nothing is changed, and tokens are saved all the same.
func TestTamperedTrailIsNotContinued(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		ctx := t.Context()
		x := newTrail(t, dialect, db)
		addOAuth(t, x.Store, "a")
		restore := x.save(t, "good")
		fresh := func() *sqlstore.Store { return newStore(t, dialect, db) }
		for _, tt := range []tampering{
			{"end deleted, head along", `DELETE FROM audit_events WHERE event_id = 7; UPDATE audit_chain SET last_event_id = 6,
				last_hash = (SELECT hash FROM audit_events WHERE event_id = 6)`, 0, headBad},
			{"head deleted", `DELETE FROM audit_chain`, 0, "restore its row from a backup"},
			{"forged at the end", forge(8), 0, "is there already"},
			{"key damaged", `UPDATE audit_chain SET chain_key_encrypted = 'x' || chain_key_encrypted`, 0, "does not open"},
		} {
			x.exec(t, tt.statements)
			for _, store := range []*sqlstore.Store{x.Store, fresh()} { // with the key at hand, and without
				_, err := store.CreateTrain(ctx, credstore.NewTrain{ID: "main"})
				requireTampered(t, err, tt.eventID, tt.says)
				_, err = store.GetTrain(ctx, "main")
				require.ErrorIs(t, err, credstore.ErrNotFound)
				_, err = store.RevealSecret(ctx, "a", credstore.SecretAccessToken)
				requireTampered(t, err, tt.eventID, tt.says)
				require.NoError(t, store.SaveTokens(ctx, "a", tokens("a").Refresh, tokens("a")))
			}
			restore()
		}
		_, err := x.CreateTrain(ctx, credstore.NewTrain{ID: "main"})
		require.NoError(t, err)
		_, err = x.VerifyAudit(ctx, credstore.AuditCheckpoint{})
		require.NoError(t, err)
	})
}
