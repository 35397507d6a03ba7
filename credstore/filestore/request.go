package filestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// ValidateClientKey implements [credstore.RequestStore]. A client key file that
// is damaged has no keys; one that cannot be read is ErrUnavailable.
func (s *Store) ValidateClientKey(ctx context.Context, trainID string, key credstore.Secret) error {
	hashes, err := s.hashes(ctx, trainID)
	if err != nil && !errors.Is(err, credstore.ErrNotFound) && !errors.Is(err, credstore.ErrInvalidID) {
		return err
	}
	if !credstore.MatchClientKey(hashes, credstore.TrimClientKey(key)) {
		return fmt.Errorf("train %q: %w", trainID, credstore.ErrUnauthorized)
	}
	return nil
}

// ClientKeyHashes implements [credstore.RequestStore].
func (s *Store) ClientKeyHashes(ctx context.Context, trainID string) ([]string, error) {
	hashes, err := s.hashes(ctx, trainID)
	return slices.Clone(hashes), err
}

// GetRoute implements [credstore.RequestStore]. Files hold no mappings: a train
// with a client key file may use every account.
func (s *Store) GetRoute(ctx context.Context, trainID string) (*credstore.Route, error) {
	train, err := s.train(ctx, trainID)
	if err != nil {
		return nil, err
	}
	return train.route, nil
}

// ActiveAccounts implements [credstore.RequestStore]. Accounts whose files are
// refused are not among them.
func (s *Store) ActiveAccounts(ctx context.Context) ([]credstore.AccountRef, error) {
	now, err := s.accountsNow(ctx)
	if err != nil {
		return nil, err
	}
	refs := make([]credstore.AccountRef, len(now.usable))
	for i, a := range now.usable {
		refs[i] = credstore.AccountRef{ID: a.id, Name: a.name, Type: a.info.Type, Active: true, NeedsReauth: a.credential.NeedsReauth}
	}
	return refs, nil
}

// GetCredential implements [credstore.RequestStore].
func (s *Store) GetCredential(ctx context.Context, accountID string) (*credstore.Credential, error) {
	account, err := s.account(ctx, accountID)
	if err != nil {
		return nil, err
	}
	return account.credential, nil
}

// touchInterval is how finely the last use of an account is noted.
const touchInterval = time.Minute

// lastUsed is when accounts last served a request: microseconds since 1970, by id.
type lastUsed struct{ byID sync.Map }

// TouchLastUsed implements [credstore.RequestStore]. Files have no place for it:
// it is known in this process only, until it ends.
func (s *Store) TouchLastUsed(accountID string, at time.Time) {
	noted, ok := s.lastUsed.byID.Load(accountID)
	if !ok {
		if s.now.Load().accounts[accountID] == nil {
			return
		}
		noted, _ = s.lastUsed.byID.LoadOrStore(accountID, new(atomic.Int64))
	}
	last, _ := noted.(*atomic.Int64)
	for {
		before := last.Load()
		if at.UnixMicro() < before+touchInterval.Microseconds() || last.CompareAndSwap(before, at.UnixMicro()) {
			return
		}
	}
}

// at returns the account's last use, zero when there was none.
func (l *lastUsed) at(accountID string) time.Time {
	noted, ok := l.byID.Load(accountID)
	if !ok {
		return time.Time{}
	}
	last, _ := noted.(*atomic.Int64)
	if last.Load() == 0 {
		return time.Time{} // noted just now
	}
	return time.UnixMicro(last.Load()).UTC()
}
