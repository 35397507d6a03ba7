package sqlstore

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/signalbox-go/signalbox/credstore"
)

// What the tests need of the inside.

// Fail is fail.
var Fail = fail

// LastUsedAccounts is how many accounts' last-used times are remembered.
const LastUsedAccounts = lastUsedAccounts

// WriteLastUsed writes last-used times at once.
func (s *Store) WriteLastUsed(ctx context.Context, notes map[string]time.Time) error {
	return s.writeLastUsed(ctx, notes)
}

// FlushLastUsed writes the last-used times that wait, at once.
func (s *Store) FlushLastUsed(ctx context.Context) error { return s.lastUsed.flush(ctx) }

// WaitingLastUsed is how many last-used times wait to be written.
func (s *Store) WaitingLastUsed() int {
	s.lastUsed.mu.Lock()
	defer s.lastUsed.mu.Unlock()
	return len(s.lastUsed.waiting)
}

// DropLastUsed forgets the last-used times that wait.
func (s *Store) DropLastUsed() { s.lastUsed.take() }

// RecordQueries makes the store call record with every query that reads.
func (s *Store) RecordQueries(record func(query string, args []any)) {
	s.db = recordingDB{ExtContext: s.pool, record: record}
}

// Exec runs a statement in the transaction.
func (tx *Tx) Exec(ctx context.Context, statement string) error {
	_, err := tx.exec(ctx, statement)
	return err
}

type recordingDB struct {
	sqlx.ExtContext
	record func(query string, args []any)
}

func (r recordingDB) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	r.record(query, args)
	return r.ExtContext.QueryxContext(ctx, query, args...)
}

func (r recordingDB) QueryRowxContext(ctx context.Context, query string, args ...any) *sqlx.Row {
	r.record(query, args)
	return r.ExtContext.QueryRowxContext(ctx, query, args...)
}

// AuditHash is the hash of an event with these columns.
func AuditHash(key []byte, previous string, columns []any) string {
	return newChain(key).event(previous, columns)
}

// AuditHeadMAC is what proves that the trail ends there.
func AuditHeadMAC(key []byte, end credstore.AuditCheckpoint) string { return newChain(key).head(end) }

// ChainKeyMark begins the plaintext of the trail's key.
const ChainKeyMark = chainKeyMark

// AuditPage is how many events are verified at once.
const AuditPage = auditPage
