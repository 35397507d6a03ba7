package sqlstore

import (
	"context"
	"fmt"

	"github.com/signalbox-go/signalbox/credstore"
)

// A sealedRow is a row of accounts with its secrets, sealed; empty: none.
type sealedRow struct {
	accountRow
	APIKey       string `db:"api_key"`
	AccessToken  string `db:"access_token"`
	RefreshToken string `db:"refresh_token"`
}

func (d Dialect) sealedColumns() string {
	return d.accountColumns() + `, coalesce(a.api_key_encrypted, '') AS api_key,
		coalesce(a.oauth_access_token_encrypted, '') AS access_token,
		coalesce(a.oauth_refresh_token_encrypted, '') AS refresh_token`
}

func (q querier) readSealed(ctx context.Context, column, value string) (*sealedRow, error) {
	var row sealedRow
	err := q.get(ctx, &row, `SELECT `+q.dialect.sealedColumns()+` FROM `+fromAccounts+` WHERE `+column+` = ?`, value)
	return &row, err
}

// lockAccount keeps the account's row as it is until the transaction ends, and
// reads it. It reads after it has the lock: a SELECT that waited for the lock
// returns the row's new version joined to the other tables' old ones.
func (tx *Tx) lockAccount(ctx context.Context, accountID string) (*sealedRow, error) {
	var one int
	err := tx.get(ctx, &one, `SELECT 1 FROM accounts WHERE account_id = ?`+tx.dialect.lock("accounts"), accountID)
	if err != nil {
		return nil, err
	}
	return tx.readSealed(ctx, "a.account_id", accountID)
}

// GetCredential implements [credstore.RequestStore].
func (s *Store) GetCredential(ctx context.Context, accountID string) (*credstore.Credential, error) {
	if err := credstore.CheckID("account id", accountID); err != nil {
		return nil, err
	}
	row, err := s.readSealed(ctx, "a.account_id", accountID)
	if err == nil && !row.Active {
		err = credstore.ErrInactive
	}
	if err != nil {
		return nil, about(err, "account %q", accountID)
	}
	return s.credential(row, row.AccessToken) // to open the refresh token too would be a second derivation
}

// RevealSecret implements [credstore.AccountAdmin].
func (s *Store) RevealSecret(ctx context.Context, accountID string, kind credstore.SecretKind) (credstore.Secret, error) {
	secret, err := s.revealSecret(ctx, accountID, kind)
	return secret, about(err, "reveal a secret of account %q", accountID)
}

func (s *Store) revealSecret(ctx context.Context, accountID string, kind credstore.SecretKind) (credstore.Secret, error) {
	var none credstore.Secret
	if err := credstore.CheckID("account id", accountID); err != nil {
		return none, err
	}
	var sealed string
	err := s.write(ctx, func(ctx context.Context, tx *Tx) error {
		row, err := tx.readSealed(ctx, "a.account_id", accountID)
		if err != nil {
			return err
		}
		if sealed, err = row.secret(kind); err != nil {
			return err
		}
		c := newChange()
		c.after["secret"] = kind
		return tx.record(ctx, credstore.ActionAccountReveal, credstore.ObjectAccount, accountID, c)
	})
	if err != nil {
		return none, err
	}
	secrets, err := s.open(sealed)
	if err != nil {
		return none, err
	}
	return secrets[0], nil
}

// secret is one of the secrets that the account's type uses, sealed.
func (r *sealedRow) secret(kind credstore.SecretKind) (sealed string, err error) {
	isAPIKey := credstore.CredentialType(r.Type) == credstore.APIKey
	switch {
	case isAPIKey && kind == credstore.SecretAPIKey:
		return r.APIKey, nil
	case !isAPIKey && kind == credstore.SecretAccessToken:
		return r.AccessToken, nil
	case !isAPIKey && kind == credstore.SecretRefreshToken:
		return r.RefreshToken, nil
	}
	return "", fmt.Errorf("%w: an account of type %s has no secret of that kind", credstore.ErrInvalid, r.Type)
}

// credential opens the secrets that the account's type uses: the API key, or those
// of the tokens that are given, the access token and perhaps the refresh token.
func (s *Store) credential(row *sealedRow, tokens ...string) (*credstore.Credential, error) {
	credential := &credstore.Credential{
		AccountID: row.ID, AccountName: row.Name, Type: credstore.CredentialType(row.Type),
		NeedsReauth: !row.ReauthSince.IsZero(),
	}
	if credential.Type == credstore.APIKey {
		tokens = []string{row.APIKey}
	}
	secrets, err := s.open(tokens...)
	if err == nil && secrets[0].IsZero() {
		err = fmt.Errorf("%w: the stored %s is empty", credstore.ErrDamaged, credential.Type)
	}
	if err != nil {
		return nil, about(err, "account %q", row.ID)
	}
	if credential.Type == credstore.APIKey {
		credential.APIKey = secrets[0]
		return credential, nil
	}
	credential.Renewable = row.RefreshToken != ""
	credential.Tokens = credstore.Tokens{Access: secrets[0], ExpiresAt: expiry(row.ExpiresAt), Scopes: row.Scopes}
	if len(secrets) > 1 {
		credential.Tokens.Refresh = secrets[1]
	}
	return credential, nil
}

// refreshToken opens the refresh token that is stored, for a comparison.
func (s *Store) refreshToken(row *sealedRow) (credstore.Secret, error) {
	secrets, err := s.open(row.RefreshToken)
	if err != nil {
		return credstore.Secret{}, err
	}
	return secrets[0], nil
}

var errOtherToken = fmt.Errorf("%w: another refresh token is stored", credstore.ErrConflict)
