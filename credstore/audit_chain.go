package credstore

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrTampered tells that the audit trail is not as the store wrote it. A
// [TamperError] says where and how.
var ErrTampered = errors.New("audit trail is not as it was written")

// A TamperError is the first place at which an audit trail is not as it was
// written. It is an [ErrTampered].
type TamperError struct {
	EventID int64  // of the first event that is changed or missing; 0: no event is at fault, but what guards them
	Problem string // in words, without values of the event
}

// Error implements error.
func (e *TamperError) Error() string {
	where := ""
	if e.EventID != 0 {
		where = fmt.Sprintf("event %d: ", e.EventID)
	}
	return ErrTampered.Error() + ": " + where + e.Problem
}

// Unwrap returns [ErrTampered].
func (*TamperError) Unwrap() error { return ErrTampered }

// An AuditCheckpoint names an event of an audit trail and, by its hash, all that
// came before it. Kept away from the database (in a log, in a mail to oneself), it
// shows later whether the trail up to there is still the same one, even to who
// finds all of it replaced by an older copy. It holds nothing secret. The zero
// value is the checkpoint of an empty trail, which every trail passes.
type AuditCheckpoint struct {
	EventID int64
	Hash    string // 64 lower-case hexadecimal digits
}

// AuditGenesis stands for the hash before the first event.
const AuditGenesis = "genesis"

const checkpointPrefix = "signalbox-audit-v1:"

// String is the checkpoint on one line: signalbox-audit-v1:42:9f86d0….
func (c AuditCheckpoint) String() string {
	hash := c.Hash
	if c.EventID == 0 {
		hash = AuditGenesis
	}
	return checkpointPrefix + strconv.FormatInt(c.EventID, 10) + ":" + hash
}

// ParseAuditCheckpoint reads what [AuditCheckpoint.String] returned. [ErrInvalid].
func ParseAuditCheckpoint(text string) (AuditCheckpoint, error) {
	rest, ok := strings.CutPrefix(text, checkpointPrefix)
	id, hash, _ := strings.Cut(rest, ":")
	eventID, err := strconv.ParseInt(id, 10, 64)
	checkpoint := AuditCheckpoint{EventID: eventID, Hash: hash}
	if eventID == 0 {
		checkpoint.Hash = ""
	}
	isHash := len(hash) == 64 && strings.Trim(hash, "0123456789abcdef") == ""
	if !ok || err != nil || eventID < 0 || eventID > 0 && !isHash || checkpoint.String() != text {
		return AuditCheckpoint{}, fmt.Errorf("%w: a checkpoint looks like %s<event id>:<64 hexadecimal digits>", ErrInvalid, checkpointPrefix)
	}
	return checkpoint, nil
}

// MarshalText implements [encoding.TextMarshaler]: it is String.
func (c AuditCheckpoint) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]: it is ParseAuditCheckpoint.
func (c *AuditCheckpoint) UnmarshalText(text []byte) (err error) {
	*c, err = ParseAuditCheckpoint(string(text))
	return err
}
