package filestore

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// stateDir is the folder, beside the account files, of what the store keeps for
// itself: NAME.json (leases and re-authentication marks), NAME.lock, and NAME.new
// while a file is written. Programs that look for account files do not see it.
const (
	stateDir    = ".signalbox"
	stateSuffix = ".json"
	lockSuffix  = ".lock"
	newSuffix   = ".new"
)

// A state is what NAME.json holds.
type state struct {
	Lease  *leaseRecord `json:"lease,omitempty"`
	Reauth *reauthMark  `json:"reauth,omitempty"`
}

// A leaseRecord is who may refresh the account, by this machine's clock.
type leaseRecord struct {
	Owner     string    `json:"owner"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// maxBeyond is how much later a lease may end than one that is given now. A later
// end was written before the clock was set back, and nobody would live to see it.
const maxBeyond = time.Hour

// holds tells whether the lease is in force when another owner asks for ttl.
func (l *leaseRecord) holds(now time.Time, ttl time.Duration) bool {
	left := l.ExpiresAt.Sub(now)
	return left > 0 && left <= ttl+maxBeyond
}

// A reauthMark says that a refresh token was refused for good. It belongs to that
// token: once another is in the account file, the mark means nothing.
type reauthMark struct {
	RefreshTokenHash string    `json:"refreshTokenHash"`
	Since            time.Time `json:"since"`
	Reason           string    `json:"reason"`
}

func parseState(_ string, data []byte) (*state, error) {
	s := new(state)
	if json.Unmarshal(data, s) != nil {
		return nil, errors.New("not what this store wrote there: remove it")
	}
	return s, nil
}

// markOf returns the mark that holds for the account file, the zero mark if none does.
func markOf(s *state, f *AccountFile) reauthMark {
	if s == nil || s.Reauth == nil || f == nil || f.Account.Type != credstore.OAuth ||
		s.Reauth.RefreshTokenHash != hashToken(f.Account.Tokens.Refresh) {
		return reauthMark{}
	}
	return *s.Reauth
}

// hashToken is what is kept of a refresh token to recognise it. Tokens are long
// and random, so a plain hash gives nothing away.
func hashToken(token credstore.Secret) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:])
}
