package sqlstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/signalbox-go/signalbox/credstore"
)

// chainKeys keeps the trail's key, so that it is derived once and not under the
// lock of audit_chain.
type chainKeys struct {
	mu     sync.Mutex
	sealed string
	key    []byte
}

// chainKeyMark begins the plaintext of the key. No other secret can begin so,
// because a byte 0xFF is not UTF-8: otherwise whoever knows a secret of the
// database could move it here, and whoever may see an account's secret could move
// the key there.
const chainKeyMark = "\xffsignalbox-audit-v1 key\x00"

const chainKeySize = 32

// newChainKey makes and seals a key.
func (s *Store) newChainKey() (sealed string, _ *chain, err error) {
	key := make([]byte, chainKeySize)
	_, _ = rand.Read(key) // never fails
	if sealed, err = s.sealer.Seal(chainKeyMark + string(key)); err != nil {
		return "", nil, about(err, "seal the audit trail's key")
	}
	return sealed, s.chain.keep(sealed, key), nil
}

// openChain opens the row's key. A TamperError when it does not open.
func (s *Store) openChain(row *chainRow) (*chain, error) {
	if chain := s.chain.get(row.SealedKey); chain != nil {
		return chain, nil
	}
	plaintext, err := s.sealer.Open(row.SealedKey)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errKeyShut, err)
	}
	key, ok := strings.CutPrefix(plaintext, chainKeyMark)
	if !ok || len(key) != chainKeySize {
		return nil, errKeyForeign
	}
	return s.chain.keep(row.SealedKey, []byte(key)), nil
}

var (
	errKeyShut = &credstore.TamperError{Problem: "the trail's key (audit_chain.chain_key_encrypted) does not open: " +
		"it was changed, or this is not the encryption key of the database"}
	errKeyForeign = &credstore.TamperError{Problem: "audit_chain.chain_key_encrypted is another secret, moved there"}
)

// warmChainKey opens the key before the lock is taken; none is no error.
func (s *Store) warmChainKey(ctx context.Context, tx *Tx) error {
	if s.chain.known() {
		return nil
	}
	row, err := tx.readChain(ctx)
	if err == nil {
		_, err = s.openChain(row)
	}
	if errors.Is(err, credstore.ErrNotFound) {
		return nil
	}
	return err
}

func (k *chainKeys) known() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sealed != ""
}

// get is nil for another key than the one that is kept.
func (k *chainKeys) get(sealed string) *chain {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sealed == "" || k.sealed != sealed {
		return nil
	}
	return newChain(k.key)
}

// keep takes the key over, in place of the one that is kept.
func (k *chainKeys) keep(sealed string, key []byte) *chain {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.key)
	k.sealed, k.key = sealed, key
	return newChain(key)
}

func (k *chainKeys) wipe() { k.keep("", nil) }
