package sqlstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
)

// CreateAccount implements [credstore.AccountAdmin].
func (s *Store) CreateAccount(ctx context.Context, account credstore.NewAccount) (*credstore.Account, error) {
	created, err := s.createAccount(ctx, account)
	return created, about(err, "create account %q", account.Name)
}

func (s *Store) createAccount(ctx context.Context, account credstore.NewAccount) (*credstore.Account, error) {
	if err := errors.Join(account.Check(), checkSecret("API key", account.APIKey), checkTokens(account.Tokens)); err != nil {
		return nil, err
	}
	if account.ID == "" {
		account.ID = newAccountID()
	}
	sealed, err := s.seal(account.APIKey, account.Tokens.Access, account.Tokens.Refresh)
	if err != nil {
		return nil, err
	}
	row := AccountRow{
		ID: account.ID, Name: account.Name, Type: account.Type,
		APIKey: sealed[0], AccessToken: sealed[1], RefreshToken: sealed[2],
		ExpiresAt: account.Tokens.ExpiresAt, Scopes: account.Tokens.Scopes, IsMax: account.IsMax, Active: true,
	}
	var created *credstore.Account
	err = s.write(ctx, func(ctx context.Context, tx *Tx) (err error) {
		if err := tx.InsertAccounts(ctx, row); err != nil {
			return err
		}
		if err := tx.record(ctx, credstore.ActionAccountCreate, credstore.ObjectAccount, row.ID, creation(row)); err != nil {
			return err
		}
		created, err = tx.readAccount(ctx, "a.account_id", row.ID)
		return err
	})
	return created, err
}

// newAccountID makes an id such as acc_f3a3cc0537c41b02: 64 random bits.
func newAccountID() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return "acc_" + hex.EncodeToString(random[:])
}

// creation is what the audit event of a new account says.
func creation(row AccountRow) *change {
	c := newChange()
	c.after = map[string]any{
		"name": row.Name, "type": row.Type, "is_max": row.IsMax, "active": row.Active,
	}
	for field, sealed := range map[string]string{"api_key": row.APIKey, "access_token": row.AccessToken, "refresh_token": row.RefreshToken} {
		if sealed != "" {
			c.after[field] = redacted(true)
		}
	}
	if !row.ExpiresAt.IsZero() {
		c.after["expires_at"] = auditTime(row.ExpiresAt)
	}
	if row.Scopes != nil {
		c.after["scopes"] = row.Scopes
	}
	return c
}

// UpdateAccount implements [credstore.AccountAdmin].
func (s *Store) UpdateAccount(ctx context.Context, accountID string, update credstore.AccountUpdate) (*credstore.Account, error) {
	updated, err := s.updateAccount(ctx, accountID, update)
	return updated, about(err, "update account %q", accountID)
}

func (s *Store) updateAccount(ctx context.Context, accountID string, update credstore.AccountUpdate) (*credstore.Account, error) {
	if err := checkAccountUpdate(accountID, &update); err != nil {
		return nil, err
	}
	sealed, err := s.seal(update.APIKey, update.AccessToken, update.RefreshToken)
	if err != nil {
		return nil, err
	}
	var updated *credstore.Account
	err = s.write(ctx, func(ctx context.Context, tx *Tx) error {
		row, err := tx.lockAccount(ctx, accountID)
		if err != nil {
			return err
		}
		if err := checkSeen(update.IfUpdatedAt, row.UpdatedAt.Time); err != nil {
			return err
		}
		patch := patchAccount(tx.dialect, row, &update, sealed)
		if err := checkTypeSecrets(row, &update, sealed); err != nil {
			return err
		}
		action := credstore.ActionAccountUpdate
		if update.Rotates() {
			action = credstore.ActionAccountRotate
		}
		if err := tx.applyAccount(ctx, row, patch, action); err != nil {
			return err
		}
		updated, err = tx.readAccount(ctx, "a.account_id", accountID)
		return err
	})
	return updated, err
}

func checkAccountUpdate(accountID string, update *credstore.AccountUpdate) error {
	if err := credstore.CheckID("account id", accountID); err != nil {
		return err
	}
	if update.Name != nil {
		if err := credstore.CheckID("account name", *update.Name); err != nil {
			return err
		}
	}
	if update.Type != nil {
		if err := credstore.CheckCredentialType(*update.Type); err != nil {
			return err
		}
	}
	if err := checkSecret("API key", update.APIKey); err != nil {
		return err
	}
	tokens := credstore.Tokens{Access: update.AccessToken, Refresh: update.RefreshToken}
	if update.Scopes != nil {
		tokens.Scopes = *update.Scopes
	}
	return checkTokens(tokens)
}

// checkSeen compares the time that the caller saw with the stored one. A time with
// less than microseconds cannot have been seen, hence the truncation.
func checkSeen(seen, stored time.Time) error {
	if seen.IsZero() || seen.Truncate(time.Microsecond).Equal(stored) {
		return nil
	}
	return fmt.Errorf("%w at %s", credstore.ErrConflict, stored.Format(timeLayout))
}

// checkTypeSecrets refuses a type whose secrets would not be there.
func checkTypeSecrets(row *sealedRow, update *credstore.AccountUpdate, sealed []string) error {
	kind := credstore.CredentialType(row.Type)
	if update.Type != nil {
		kind = *update.Type
	}
	switch {
	case kind == credstore.APIKey && row.APIKey+sealed[0] == "":
		return fmt.Errorf("%w: an %s account needs an API key", credstore.ErrInvalid, kind)
	case kind == credstore.OAuth && (row.AccessToken+sealed[1] == "" || row.RefreshToken+sealed[2] == ""):
		return fmt.Errorf("%w: an %s account needs an access token and a refresh token", credstore.ErrInvalid, kind)
	}
	return nil
}

// A patch is a change of a row: the columns to set, and what the audit event says.
type patch struct {
	columns map[string]any
	*change
}

func newPatch() *patch { return &patch{columns: make(map[string]any), change: newChange()} }

// put changes a column, and the field that the audit event calls by that name.
func (p *patch) put(column string, param any, field string, before, after any) {
	p.columns[column] = param
	p.set(field, before, after)
}

func patchAccount(d Dialect, row *sealedRow, update *credstore.AccountUpdate, sealed []string) *patch {
	p := newPatch()
	if update.Name != nil && *update.Name != row.Name {
		p.put("account_name", *update.Name, "name", row.Name, *update.Name)
	}
	if update.Type != nil && string(*update.Type) != row.Type {
		p.put("credential_type", string(*update.Type), "type", row.Type, *update.Type)
	}
	if update.IsMax != nil && *update.IsMax != row.IsMax {
		p.put("oauth_is_max", *update.IsMax, "is_max", row.IsMax, *update.IsMax)
	}
	if expires := expiry(row.ExpiresAt); update.ExpiresAt != nil && !update.ExpiresAt.Truncate(time.Millisecond).Equal(expires) {
		p.put("oauth_expires_at", expiryParam(*update.ExpiresAt), "expires_at", auditTime(expires), auditTime(*update.ExpiresAt))
	}
	if update.Scopes != nil && !slices.Equal(*update.Scopes, row.Scopes) {
		p.put("oauth_scopes", d.listParam(*update.Scopes), "scopes", row.Scopes, *update.Scopes)
	}
	for i, secret := range []struct{ column, field, stored string }{
		{"api_key_encrypted", "api_key", row.APIKey},
		{"oauth_access_token_encrypted", "access_token", row.AccessToken},
		{"oauth_refresh_token_encrypted", "refresh_token", row.RefreshToken},
	} {
		if sealed[i] != "" {
			p.put(secret.column, sealed[i], secret.field, redacted(secret.stored != ""), redacted(true))
		}
	}
	return p
}

// applyAccount writes a patch and its audit event; nothing for an empty one.
func (tx *Tx) applyAccount(ctx context.Context, row *sealedRow, p *patch, action credstore.Action) error {
	if len(p.columns) == 0 {
		return nil
	}
	updatedAt, err := tx.after(ctx, row.UpdatedAt.Time)
	if err != nil {
		return err
	}
	p.columns["updated_at"] = timeParam(updatedAt)
	if err := tx.execBuilt(ctx, sq.Update("accounts").SetMap(p.columns).Where("account_id = ?", row.ID)); err != nil {
		return err
	}
	tx.changed(credstore.EventAccount, row.ID)
	return tx.record(ctx, action, credstore.ObjectAccount, row.ID, p.change)
}

// after is the time of now, and in any case later than the time before.
func (tx *Tx) after(ctx context.Context, before time.Time) (time.Time, error) {
	now, err := tx.now(ctx)
	if earliest := before.Add(time.Microsecond); now.Before(earliest) {
		now = earliest
	}
	return now, err
}

// ReactivateAccount implements [credstore.AccountAdmin].
func (s *Store) ReactivateAccount(ctx context.Context, accountID string) error {
	return s.setAccountActive(ctx, accountID, true, false)
}

// DeactivateAccount implements [credstore.AccountAdmin]. With removeMappings the
// trains that lose a mapping or their default get audit events of their own; those
// that keep the account are named in the account's (kept_by_trains).
func (s *Store) DeactivateAccount(ctx context.Context, accountID string, removeMappings bool) error {
	return s.setAccountActive(ctx, accountID, false, removeMappings)
}

func (s *Store) setAccountActive(ctx context.Context, accountID string, active, removeMappings bool) error {
	action, verb := credstore.ActionAccountReactivate, "reactivate"
	if !active {
		action, verb = credstore.ActionAccountDeactivate, "deactivate"
	}
	if err := credstore.CheckID("account id", accountID); err != nil {
		return err
	}
	err := s.write(ctx, func(ctx context.Context, tx *Tx) (err error) {
		var kept []string
		if removeMappings {
			// Trains before accounts, as everywhere: no deadlock.
			if kept, err = tx.removeFromTrains(ctx, accountID); err != nil {
				return err
			}
		}
		row, err := tx.lockAccount(ctx, accountID)
		if err != nil {
			return err
		}
		p := newPatch()
		if row.Active != active {
			p.put("is_active", active, "active", row.Active, active)
		}
		if len(kept) > 0 {
			p.after["kept_by_trains"] = kept
		}
		return tx.applyAccount(ctx, row, p, action)
	})
	return about(err, "%s account %q", verb, accountID)
}
