package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// maxBeyond is how much later a lease may end than one that is given now.
const maxBeyond = time.Hour

// AcquireLease implements [credstore.TokenStore]. Leases run by the clock that
// the processes share: PostgreSQL's own, or the machine's for an SQLite file.
func (s *Store) AcquireLease(ctx context.Context, accountID, owner string, ttl time.Duration) (credstore.Lease, error) {
	lease, err := s.acquireLease(ctx, accountID, owner, ttl)
	return lease, about(err, "lease of account %q", accountID)
}

func (s *Store) acquireLease(ctx context.Context, accountID, owner string, ttl time.Duration) (lease credstore.Lease, err error) {
	if err := checkLease(accountID, owner); err != nil {
		return lease, err
	}
	if ttl < time.Millisecond {
		return lease, fmt.Errorf("%w: the lease must last at least a millisecond", credstore.ErrInvalid)
	}
	var row *sealedRow
	err = s.write(ctx, func(ctx context.Context, tx *Tx) (err error) {
		if row, err = tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		if !row.Active {
			return credstore.ErrInactive
		}
		lease, err = tx.takeLease(ctx, accountID, owner, ttl)
		return err
	})
	if err != nil {
		return credstore.Lease{}, err
	}
	// After the transaction: opening may cost key derivations.
	lease.Credential, err = s.credential(row, row.AccessToken, row.RefreshToken)
	if err == nil {
		return lease, nil
	}
	if lease.Acquired {
		err = errors.Join(err, s.ReleaseLease(ctx, accountID, owner))
	}
	return credstore.Lease{}, err
}

func checkLease(accountID, owner string) error {
	if err := credstore.CheckID("account id", accountID); err != nil {
		return err
	}
	if owner == "" {
		return fmt.Errorf("%w: the lease needs an owner", credstore.ErrInvalid)
	}
	return checkText("lease owner", owner)
}

// takeLease gives the lease to owner unless another holds it still. The account's
// row is locked.
func (tx *Tx) takeLease(ctx context.Context, accountID, owner string, ttl time.Duration) (credstore.Lease, error) {
	var held struct {
		Owner     sql.NullString `db:"lease_owner"`
		ExpiresAt nullTime       `db:"lease_expires_at"`
	}
	err := tx.get(ctx, &held, `SELECT lease_owner, lease_expires_at FROM account_refreshes WHERE account_id = ?`, accountID)
	if err != nil && !errors.Is(err, credstore.ErrNotFound) {
		return credstore.Lease{}, err
	}
	now, err := tx.now(ctx)
	if err != nil {
		return credstore.Lease{}, err
	}
	left := held.ExpiresAt.Sub(now)
	if held.Owner.Valid && held.Owner.String != owner && left > 0 && left <= ttl+maxBeyond {
		return credstore.Lease{ExpiresAt: held.ExpiresAt.Time}, nil
	}
	expires := now.Add(ttl).Truncate(time.Microsecond)
	_, err = tx.exec(ctx, `INSERT INTO account_refreshes (account_id, lease_owner, lease_expires_at) VALUES (?, ?, ?)
		ON CONFLICT (account_id) DO UPDATE SET lease_owner = excluded.lease_owner, lease_expires_at = excluded.lease_expires_at`,
		accountID, owner, timeParam(expires))
	return credstore.Lease{Acquired: true, ExpiresAt: expires}, err
}

// ReleaseLease implements [credstore.TokenStore].
func (s *Store) ReleaseLease(ctx context.Context, accountID, owner string) error {
	err := checkLease(accountID, owner)
	if err == nil {
		err = s.write(ctx, func(ctx context.Context, tx *Tx) error { return tx.dropLease(ctx, accountID, owner) })
	}
	return about(err, "release lease of account %q", accountID)
}

// dropLease ends owner's lease. A row that says nothing else goes: every listing
// joins this table, and so it stays small.
func (tx *Tx) dropLease(ctx context.Context, accountID, owner string) error {
	deleted, err := tx.exec(ctx, `DELETE FROM account_refreshes WHERE account_id = ? AND lease_owner = ? AND reauth_token IS NULL`,
		accountID, owner)
	if err != nil || deleted > 0 {
		return err
	}
	_, err = tx.exec(ctx, `UPDATE account_refreshes SET lease_owner = NULL, lease_expires_at = NULL
		WHERE account_id = ? AND lease_owner = ?`, accountID, owner)
	return err
}
