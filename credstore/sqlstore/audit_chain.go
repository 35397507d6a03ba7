package sqlstore

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strconv"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// The labels begin what is hashed, so that no hash of one kind is one of the other.
const (
	eventLabel = "signalbox-audit-v1 event"
	headLabel  = "signalbox-audit-v1 head"
)

// auditColumns are the columns that an event's hash covers, in its order.
var auditColumns = []string{
	"event_id", "occurred_at", "actor_kind", "actor_name", "actor_verified", "actor_session", "actor_address",
	"action", "object_type", "object_id", "before_state", "after_state",
}

// A chain computes the hashes of an audit trail. The package documentation says
// how; a change there is another version, with labels of its own.
type chain struct {
	mac     hash.Hash
	message []byte // kept for its memory
}

func newChain(key []byte) *chain { return &chain{mac: hmac.New(sha256.New, key)} }

// event is the hash of the event with these columns, after the event with that hash.
// A value that no store writes there has none: "".
func (c *chain) event(previous string, columns []any) string {
	c.message = appendField(c.message[:0], eventLabel)
	c.message = appendField(c.message, previous)
	for _, column := range columns {
		if column == nil {
			c.message = append(c.message, 0)
			continue
		}
		text, ok := columnText(column)
		if !ok {
			return ""
		}
		c.message = appendField(c.message, text)
	}
	return c.sum()
}

// head is what proves the end of the trail.
func (c *chain) head(end credstore.AuditCheckpoint) string {
	c.message = appendField(c.message[:0], headLabel)
	c.message = appendField(c.message, strconv.FormatInt(end.EventID, 10))
	c.message = appendField(c.message, end.Hash)
	return c.sum()
}

func (c *chain) sum() string {
	c.mac.Reset()
	_, _ = c.mac.Write(c.message) // never fails
	return hex.EncodeToString(c.mac.Sum(nil))
}

// appendField appends a text so that where it ends is no matter of what it says.
func appendField(message []byte, text string) []byte {
	message = append(message, 1)
	message = binary.BigEndian.AppendUint64(message, uint64(len(text)))
	return append(message, text...)
}

// columnText is the value as it is hashed; false for a type that no driver returns
// for what the store wrote.
func columnText(value any) (text string, ok bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case int64:
		return strconv.FormatInt(value, 10), true
	case bool:
		return strconv.FormatBool(value), true
	case time.Time:
		return value.UTC().Format(timeLayout), true
	}
	return "", false
}

// whatToDo ends a message of a store that refuses to go on with a trail.
const whatToDo = "`audit verify` tells more; changes are refused until the trail is restored"

var (
	errHeadChanged = &credstore.TamperError{Problem: "audit_chain was changed, so the trail's end is not known: " + whatToDo}
	errHeadMissing = &credstore.TamperError{Problem: "audit_chain is empty although there are events, so their key is lost: restore its row " +
		"from a backup, or move the events to an archive and empty audit_events, which begins a new trail"}
)

// A chainRow is the row of audit_chain: the trail's end and key.
type chainRow struct {
	LastEventID int64  `db:"last_event_id"`
	LastHash    string `db:"last_hash"`
	MAC         string `db:"head_mac"`
	SealedKey   string `db:"chain_key_encrypted"`
}

const selectChain = `SELECT last_event_id, last_hash, head_mac, chain_key_encrypted FROM audit_chain`

func (r *chainRow) end() credstore.AuditCheckpoint {
	return credstore.AuditCheckpoint{EventID: r.LastEventID, Hash: r.LastHash}
}

// isGenuine tells whether the store wrote the row.
func (r *chainRow) isGenuine(chain *chain) bool {
	return subtle.ConstantTimeCompare([]byte(r.MAC), []byte(chain.head(r.end()))) == 1
}

// readChain reads the row; ErrNotFound before the first event.
func (q querier) readChain(ctx context.Context) (*chainRow, error) {
	var row chainRow
	err := q.get(ctx, &row, selectChain)
	return &row, err
}

// lockChain is readChain, and keeps others from it until the transaction ends.
func (tx *Tx) lockChain(ctx context.Context) (*chainRow, error) {
	var row chainRow
	err := tx.get(ctx, &row, selectChain+tx.dialect.lock("audit_chain"))
	return &row, err
}

// auditExists tells whether there are events.
func (q querier) auditExists(ctx context.Context) (exist bool, err error) {
	err = q.get(ctx, &exist, `SELECT EXISTS (SELECT 1 FROM audit_events)`)
	return exist, err
}
