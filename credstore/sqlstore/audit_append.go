package sqlstore

import (
	"context"
	"errors"
	"slices"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
)

// auditValues are the values of auditColumns; id and time come when it is written.
func auditValues(event credstore.AuditEvent, actor credstore.Actor) []any {
	return []any{
		nil, nil, string(actor.Kind), actor.Name, actor.Verified, actor.Session, actor.Address,
		string(event.Action), string(event.ObjectType), event.ObjectID, nullText(string(event.Before)), nullText(string(event.After)),
	}
}

// auditBatch is how many events go into one statement.
const auditBatch = 500

// flushAudit writes what the transaction recorded to the end of the audit trail.
// The row of audit_chain is the last that a transaction locks, and nothing but the
// commit comes after: so there is nothing to wait for in a circle, and times ascend
// with ids.
func (s *Store) flushAudit(ctx context.Context, tx *Tx) error {
	if len(tx.audit) == 0 {
		return nil
	}
	if err := s.warmChainKey(ctx, tx); err != nil {
		return err
	}
	row, err := tx.lockChain(ctx)
	if errors.Is(err, credstore.ErrNotFound) {
		row, err = s.startChain(ctx, tx)
	}
	if err != nil {
		return err
	}
	chain, err := s.openChain(row)
	if err != nil {
		return err
	}
	if !row.isGenuine(chain) {
		return errHeadChanged
	}
	end := row.end()
	if err := tx.checkSeen(ctx, s.seen.get(), end); err != nil {
		return err
	}
	now, err := tx.now(ctx)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(tx.audit, auditBatch) {
		if end, err = tx.insertAudit(ctx, chain, end, batch, now); err != nil {
			return err
		}
	}
	tx.end = end
	return tx.moveHead(ctx, chain, end)
}

// insertAudit adds events after end and returns the new end.
func (tx *Tx) insertAudit(ctx context.Context, chain *chain, end credstore.AuditCheckpoint, events [][]any, at time.Time) (credstore.AuditCheckpoint, error) {
	insert := sq.Insert("audit_events").Columns(append(slices.Clone(auditColumns), "hash")...)
	for _, values := range events {
		end.EventID++
		values[0], values[1] = end.EventID, timeParam(at)
		end.Hash = chain.event(end.Hash, values)
		insert = insert.Values(append(values, end.Hash)...)
	}
	text, args, err := insert.ToSql()
	if err != nil {
		return end, err
	}
	written, err := tx.exec(ctx, text, args...)
	if errors.Is(err, credstore.ErrAlreadyExists) {
		return end, &credstore.TamperError{Problem: "an event that is to be written is there already: " + whatToDo}
	}
	if err == nil && written != int64(len(events)) {
		err = swallowed("audit_events")
	}
	return end, err
}

// swallowed is for a row that the database took without an error and did not write.
func swallowed(table string) error {
	return &credstore.TamperError{Problem: table + " did not take what was to be written, and said nothing: " +
		"something in the database (a trigger, a rule) suppresses it; changes are refused until it is gone"}
}

func (tx *Tx) moveHead(ctx context.Context, chain *chain, end credstore.AuditCheckpoint) error {
	moved, err := tx.exec(ctx, `UPDATE audit_chain SET last_event_id = ?, last_hash = ?, head_mac = ?`,
		end.EventID, end.Hash, chain.head(end))
	if err == nil && moved != 1 {
		err = swallowed("audit_chain")
	}
	return err
}

// startChain makes the row, with a new key, for the first event; the row that
// another made meanwhile counts instead. It refuses when there are events: their
// key is not to be made again.
func (s *Store) startChain(ctx context.Context, tx *Tx) (*chainRow, error) {
	sealed, chain, err := s.newChainKey()
	if err != nil {
		return nil, err
	}
	genesis := credstore.AuditCheckpoint{Hash: credstore.AuditGenesis}
	row := &chainRow{LastHash: genesis.Hash, MAC: chain.head(genesis), SealedKey: sealed}
	made, err := tx.exec(ctx, `INSERT INTO audit_chain (chain_id, last_event_id, last_hash, head_mac, chain_key_encrypted)
		VALUES (1, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, row.LastEventID, row.LastHash, row.MAC, row.SealedKey)
	if err != nil {
		return nil, err
	}
	if made == 0 {
		row, err := tx.lockChain(ctx)
		if errors.Is(err, credstore.ErrNotFound) {
			err = swallowed("audit_chain")
		}
		return row, err
	}
	exist, err := tx.auditExists(ctx)
	if err == nil && exist {
		err = errHeadMissing
	}
	return row, err
}
