package sqlstore

import (
	"context"
	"fmt"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
)

// SaveTokens implements [credstore.TokenStore]. The plaintexts of the refresh
// tokens decide, not their sealed texts, so that sealing the stored one anew, as
// for another encryption key, gets into nobody's way.
func (s *Store) SaveTokens(ctx context.Context, accountID string, spent credstore.Secret, tokens credstore.Tokens) error {
	if err := checkSave(accountID, spent, tokens); err != nil {
		return about(err, "save tokens of account %q", accountID)
	}
	// Before the transaction, which is short then.
	sealed, err := s.seal(tokens.Access, tokens.Refresh)
	if err != nil {
		return about(err, "save tokens of account %q", accountID)
	}
	err = s.write(ctx, func(ctx context.Context, tx *Tx) error {
		row, err := tx.lockAccount(ctx, accountID)
		if err != nil {
			return err
		}
		stored, err := s.refreshToken(row)
		switch {
		case err != nil:
			return err
		case stored.Equal(spent):
			return tx.putTokens(ctx, row, tokens, sealed[0], sealed[1])
		case stored.Equal(tokens.Refresh):
			return nil // saved already
		}
		return errOtherToken
	})
	return about(err, "save tokens of account %q", accountID)
}

func checkSave(accountID string, spent credstore.Secret, tokens credstore.Tokens) error {
	if err := credstore.CheckID("account id", accountID); err != nil {
		return err
	}
	if spent.IsZero() || tokens.Access.IsZero() || tokens.Refresh.IsZero() {
		return fmt.Errorf("%w: the spent refresh token and both new tokens are needed", credstore.ErrInvalid)
	}
	return checkTokens(tokens)
}

// putTokens stores new tokens, given sealed. Scopes that are not known stay, and
// so does is_max.
func (tx *Tx) putTokens(ctx context.Context, row *sealedRow, tokens credstore.Tokens, access, refresh string) error {
	updatedAt, err := tx.after(ctx, row.UpdatedAt.Time)
	if err != nil {
		return err
	}
	update := sq.Update("accounts").Where("account_id = ?", row.ID).
		Set("oauth_access_token_encrypted", access).
		Set("oauth_refresh_token_encrypted", refresh).
		Set("oauth_expires_at", expiryParam(tokens.ExpiresAt)).
		Set("updated_at", timeParam(updatedAt))
	if tokens.Scopes != nil {
		update = update.Set("oauth_scopes", tx.dialect.listParam(tokens.Scopes))
	}
	if err := tx.execBuilt(ctx, update); err != nil {
		return err
	}
	tx.changed(credstore.EventAccount, row.ID)
	return nil
}

// MarkNeedsReauth implements [credstore.TokenStore]. It records an audit event.
func (s *Store) MarkNeedsReauth(ctx context.Context, accountID string, spent credstore.Secret, reason string) error {
	err := checkMark(accountID, spent, reason)
	if err == nil {
		err = s.write(ctx, func(ctx context.Context, tx *Tx) error {
			row, err := tx.lockAccount(ctx, accountID)
			if err != nil {
				return err
			}
			stored, err := s.refreshToken(row)
			if err != nil {
				return err
			}
			if !stored.Equal(spent) {
				return errOtherToken
			}
			if !row.ReauthSince.IsZero() {
				return nil // marked already
			}
			return tx.putMark(ctx, accountID, reason)
		})
	}
	return about(err, "mark account %q", accountID)
}

func checkMark(accountID string, spent credstore.Secret, reason string) error {
	if err := credstore.CheckID("account id", accountID); err != nil {
		return err
	}
	if spent.IsZero() {
		return fmt.Errorf("%w: the spent refresh token is needed", credstore.ErrInvalid)
	}
	return checkShortText("reason", reason)
}

// putMark marks the account for the refresh token that is stored now.
func (tx *Tx) putMark(ctx context.Context, accountID, reason string) error {
	now, err := tx.now(ctx)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO account_refreshes (account_id, reauth_since, reauth_reason, reauth_token)
		SELECT a.account_id, `+tx.dialect.timeCast()+`, ?, `+tokenMark("a")+` FROM accounts a WHERE a.account_id = ?
		ON CONFLICT (account_id) DO UPDATE SET
			reauth_since = excluded.reauth_since, reauth_reason = excluded.reauth_reason, reauth_token = excluded.reauth_token`,
		timeParam(now), reason, accountID)
	if err != nil {
		return err
	}
	tx.changed(credstore.EventAccount, accountID)
	change := newChange()
	change.set("needs_reauth", false, true)
	change.after["reason"] = reason
	return tx.record(ctx, credstore.ActionAccountReauth, credstore.ObjectAccount, accountID, change)
}
