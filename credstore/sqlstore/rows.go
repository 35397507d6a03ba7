package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
)

// An AccountRow is an account as it is stored, secrets sealed, for imports.
type AccountRow struct {
	ID   string
	Name string
	Type credstore.CredentialType
	// The secrets, sealed; empty: none. The table wants an API key, or both tokens.
	APIKey, AccessToken, RefreshToken string
	ExpiresAt                         time.Time // milliseconds; zero: not known
	Scopes                            []string  // nil: not known
	IsMax                             bool
	Active                            bool
	UpdatedAt                         time.Time // read only: writing moves it
}

// A TrainRow is a train as it is stored, without its mappings, for imports.
type TrainRow struct {
	ID               string
	Name             string
	Description      string
	ClientKeyHashes  []string        // lower-case hex SHA-256; other entries of the list stay as they are
	Slack            json.RawMessage // nil: none
	DefaultAccountID string          // empty: none
	Active           bool
	UpdatedAt        time.Time // read only: writing moves it
}

// GetAccount reads an account and locks it until the transaction ends. ErrNotFound.
func (tx *Tx) GetAccount(ctx context.Context, accountID string) (*AccountRow, error) {
	row, err := tx.lockAccount(ctx, accountID)
	if err != nil {
		return nil, about(err, "account %q", accountID)
	}
	return row.row(), nil
}

// GetAccountByName is GetAccount for the account of that name. ErrNotFound.
func (tx *Tx) GetAccountByName(ctx context.Context, name string) (*AccountRow, error) {
	var accountID string
	if err := tx.get(ctx, &accountID, `SELECT account_id FROM accounts WHERE account_name = ?`, name); err != nil {
		return nil, about(err, "account named %q", name)
	}
	return tx.GetAccount(ctx, accountID)
}

func (r *sealedRow) row() *AccountRow {
	return &AccountRow{
		ID: r.ID, Name: r.Name, Type: credstore.CredentialType(r.Type),
		APIKey: r.APIKey, AccessToken: r.AccessToken, RefreshToken: r.RefreshToken,
		ExpiresAt: expiry(r.ExpiresAt), Scopes: r.Scopes, IsMax: r.IsMax, Active: r.Active, UpdatedAt: r.UpdatedAt.Time,
	}
}

// PutAccount stores the account, new or in place of the one with its id, whose
// created_at and last_used_at stay. It checks ids and names, not what is sealed.
// ErrInvalid, ErrAlreadyExists for the name.
func (tx *Tx) PutAccount(ctx context.Context, row AccountRow) error {
	return about(tx.putAccount(ctx, row), "account %q", row.ID)
}

func (tx *Tx) putAccount(ctx context.Context, row AccountRow) error {
	if err := errors.Join(credstore.CheckID("account id", row.ID), credstore.CheckID("account name", row.Name)); err != nil {
		return err
	}
	stored, err := tx.lockAccount(ctx, row.ID)
	if errors.Is(err, credstore.ErrNotFound) {
		return tx.InsertAccounts(ctx, row)
	}
	if err != nil {
		return err
	}
	updatedAt, err := tx.after(ctx, stored.UpdatedAt.Time)
	if err != nil {
		return err
	}
	columns := tx.dialect.accountValues(row)
	columns["updated_at"] = timeParam(updatedAt)
	tx.changed(credstore.EventAccount, row.ID)
	return tx.execBuilt(ctx, sq.Update("accounts").SetMap(columns).Where("account_id = ?", row.ID))
}

func (d Dialect) accountValues(row AccountRow) map[string]any {
	return map[string]any{
		"account_name": row.Name, "credential_type": string(row.Type),
		"api_key_encrypted":             nullText(row.APIKey),
		"oauth_access_token_encrypted":  nullText(row.AccessToken),
		"oauth_refresh_token_encrypted": nullText(row.RefreshToken),
		"oauth_expires_at":              expiryParam(row.ExpiresAt),
		"oauth_scopes":                  d.listParam(row.Scopes),
		"oauth_is_max":                  row.IsMax, "is_active": row.Active,
	}
}

// GetTrain reads a train and locks it until the transaction ends. ErrNotFound.
func (tx *Tx) GetTrain(ctx context.Context, trainID string) (*TrainRow, error) {
	row, err := tx.getTrain(ctx, trainID)
	return row, about(err, "train %q", trainID)
}

func (tx *Tx) getTrain(ctx context.Context, trainID string) (*TrainRow, error) {
	train, err := tx.lockTrain(ctx, trainID)
	if err != nil {
		return nil, err
	}
	keys, err := tx.readClientKeys(ctx, trainID)
	if err != nil {
		return nil, err
	}
	slack, err := tx.readSlack(ctx, trainID)
	return &TrainRow{
		ID: trainID, Name: train.Name, Description: train.Description, ClientKeyHashes: keys.Stored, Slack: slack,
		DefaultAccountID: train.DefaultAccountID, Active: train.Active, UpdatedAt: train.UpdatedAt,
	}, err
}

// PutTrain stores the train, new or in place of the one with its id, whose
// created_at and mappings stay. ErrInvalid, ErrNotFound for the default account.
func (tx *Tx) PutTrain(ctx context.Context, row TrainRow) error {
	return about(tx.putTrain(ctx, row), "train %q", row.ID)
}

func (tx *Tx) putTrain(ctx context.Context, row TrainRow) error {
	if err := errors.Join(credstore.CheckID("train id", row.ID), checkTrainText(&row.Name, &row.Description)); err != nil {
		return err
	}
	stored, err := tx.lockTrain(ctx, row.ID)
	if errors.Is(err, credstore.ErrNotFound) {
		return tx.InsertTrains(ctx, row)
	}
	if err != nil {
		return err
	}
	updatedAt, err := tx.after(ctx, stored.UpdatedAt)
	if err != nil {
		return err
	}
	columns := tx.dialect.trainValues(row)
	columns["updated_at"] = timeParam(updatedAt)
	tx.changed(credstore.EventTrain, row.ID)
	return tx.execBuilt(ctx, sq.Update("trains").SetMap(columns).Where("train_id = ?", row.ID))
}

func (d Dialect) trainValues(row TrainRow) map[string]any {
	return map[string]any{
		"train_name": nullText(row.Name), "description": nullText(row.Description),
		"client_api_keys_hashed": d.listParam(row.ClientKeyHashes),
		"slack_config":           nullText(string(row.Slack)),
		"default_account_id":     nullText(row.DefaultAccountID), "is_active": row.Active,
	}
}
