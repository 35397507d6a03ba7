package filestore

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/signalbox-go/signalbox/credstore"
)

// AcquireLease implements [credstore.TokenStore]. Leases of different processes
// on one machine, or on machines whose clocks agree, respect each other. In a
// folder that cannot be written to: ErrReadOnly, before any token is spent.
func (s *Store) AcquireLease(ctx context.Context, accountID, owner string, ttl time.Duration) (credstore.Lease, error) {
	var lease credstore.Lease
	if err := checkOwner(accountID, owner); err != nil {
		return lease, err
	}
	if ttl < time.Millisecond {
		return lease, fmt.Errorf("%w: a lease must last at least a millisecond", credstore.ErrInvalid)
	}
	err := s.withAccount(ctx, accountID, func(l *session) error {
		if l.copy != nil {
			return damaged(l.path(), l.copy)
		}
		kept, err := l.readState()
		if err != nil {
			return err
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		if held := kept.Lease; held != nil && held.Owner != owner && held.holds(now, ttl) {
			lease.ExpiresAt = held.ExpiresAt
		} else {
			kept.Lease = &leaseRecord{Owner: owner, ExpiresAt: now.Add(ttl)}
			if err := l.writeState(kept); err != nil {
				return err
			}
			lease.Acquired, lease.ExpiresAt = true, kept.Lease.ExpiresAt
		}
		lease.Credential = credential(l.file, markOf(kept, l.file))
		return nil
	})
	if err != nil {
		return credstore.Lease{}, err
	}
	return lease, nil
}

func checkOwner(accountID, owner string) error {
	if err := credstore.CheckID("account id", accountID); err != nil {
		return err
	}
	if owner == "" || !utf8.ValidString(owner) {
		return fmt.Errorf("%w: a lease needs an owner", credstore.ErrInvalid)
	}
	return nil
}

// ReleaseLease implements [credstore.TokenStore].
func (s *Store) ReleaseLease(ctx context.Context, accountID, owner string) error {
	if err := checkOwner(accountID, owner); err != nil {
		return err
	}
	err := s.withLock(ctx, accountID, func(l *session) error {
		kept, err := l.readState()
		if err != nil || kept.Lease == nil || kept.Lease.Owner != owner {
			return err
		}
		kept.Lease = nil
		return l.writeState(kept)
	})
	if errors.Is(err, credstore.ErrNotFound) {
		return nil // the lease went with the account
	}
	return err
}

// maxSaves is how often a save begins again because another program wrote to the
// file at the same moment.
const maxSaves = 10

// SaveTokens implements [credstore.TokenStore]. The rest of the file stays to the
// letter. [credstore.ErrDamaged] when the file is not what it should be,
// [credstore.ErrReadOnly] when it cannot be written.
func (s *Store) SaveTokens(ctx context.Context, accountID string, spent credstore.Secret, tokens credstore.Tokens) error {
	if err := credstore.CheckID("account id", accountID); err != nil {
		return err
	}
	if spent.IsZero() || tokens.Access.IsZero() || tokens.Refresh.IsZero() {
		return fmt.Errorf("%w: saving tokens needs the spent refresh token and both new tokens", credstore.ErrInvalid)
	}
	return s.withAccount(ctx, accountID, func(l *session) error {
		for range maxSaves {
			stored := l.file.Account.Tokens.Refresh
			if !stored.Equal(spent) {
				if stored.Equal(tokens.Refresh) {
					return nil // saved before
				}
				return fmt.Errorf("account %q: refresh token: %w", accountID, credstore.ErrConflict)
			}
			changed, err := l.save(tokens)
			if err != nil {
				return fmt.Errorf("account %q: %w", accountID, err)
			}
			if !changed {
				return l.liftMark(tokens.Refresh)
			}
			if err := l.read(accountID); err != nil {
				return fmt.Errorf("account %q: %w", accountID, err)
			}
		}
		return fmt.Errorf("account %q: %w: its file keeps changing", accountID, credstore.ErrUnavailable)
	})
}

// liftMark removes a re-authentication mark that would still hold: the provider
// may have given the same refresh token again.
func (l *session) liftMark(refresh credstore.Secret) error {
	kept, err := l.readState()
	if err == nil && kept.Reauth != nil && kept.Reauth.RefreshTokenHash == hashToken(refresh) {
		kept.Reauth = nil
		return l.writeState(kept)
	}
	return nil // also when it cannot be read: the tokens are saved, and that is what counts
}

// MarkNeedsReauth implements [credstore.TokenStore]. The mark is kept beside the
// account file, which stays as it is.
func (s *Store) MarkNeedsReauth(ctx context.Context, accountID string, spent credstore.Secret, reason string) error {
	if err := credstore.CheckID("account id", accountID); err != nil {
		return err
	}
	if spent.IsZero() {
		return fmt.Errorf("%w: marking an account needs the refused refresh token", credstore.ErrInvalid)
	}
	return s.withAccount(ctx, accountID, func(l *session) error {
		stored := l.file.Account.Tokens.Refresh
		if !stored.Equal(spent) {
			return fmt.Errorf("account %q: refresh token: %w", accountID, credstore.ErrConflict)
		}
		kept, err := l.readState()
		if err != nil {
			return err
		}
		if hash := hashToken(stored); kept.Reauth == nil || kept.Reauth.RefreshTokenHash != hash {
			kept.Reauth = &reauthMark{
				RefreshTokenHash: hash, Since: time.Now().UTC().Truncate(time.Microsecond), Reason: reason,
			}
		}
		return l.writeState(kept)
	})
}
