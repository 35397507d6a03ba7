package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/paging"
)

// clientKeys are what a train's row says of its client keys.
type clientKeys struct {
	Stored textList `db:"client_api_keys_hashed"`
	Active bool     `db:"is_active"`
}

func (q querier) readClientKeys(ctx context.Context, trainID string) (clientKeys, error) {
	var keys clientKeys
	err := credstore.CheckID("train id", trainID)
	if err == nil {
		err = q.get(ctx, &keys, `SELECT `+q.dialect.list("client_api_keys_hashed")+` AS client_api_keys_hashed,
			coalesce(is_active, false) AS is_active FROM trains WHERE train_id = ?`, trainID)
	}
	return keys, about(err, "client keys of train %q", trainID)
}

// ClientKeyHashes implements [credstore.RequestStore].
func (s *Store) ClientKeyHashes(ctx context.Context, trainID string) ([]string, error) {
	keys, err := s.readClientKeys(ctx, trainID)
	if err != nil {
		return nil, err
	}
	if !keys.Active {
		return nil, fmt.Errorf("train %q: %w", trainID, credstore.ErrInactive)
	}
	return keys.Stored.hashes(), nil
}

// ValidateClientKey implements [credstore.RequestStore].
func (s *Store) ValidateClientKey(ctx context.Context, trainID string, key credstore.Secret) error {
	hashes, err := s.ClientKeyHashes(ctx, trainID)
	for _, unknown := range []error{credstore.ErrNotFound, credstore.ErrInactive, credstore.ErrInvalidID} {
		if errors.Is(err, unknown) {
			return credstore.ErrUnauthorized
		}
	}
	if err != nil {
		return err
	}
	if !credstore.MatchClientKey(hashes, credstore.TrimClientKey(key)) {
		return credstore.ErrUnauthorized
	}
	return nil
}

// ListClientKeys implements [credstore.TrainReader].
func (s *Store) ListClientKeys(ctx context.Context, trainID string, page credstore.PageRequest) (credstore.Page[credstore.ClientKey], error) {
	var none credstore.Page[credstore.ClientKey]
	keys, err := s.readClientKeys(ctx, trainID)
	if err != nil {
		return none, err
	}
	hashes := keys.Stored.hashes()
	border, err := clientKeyBorder(hashes, page)
	if err != nil {
		return none, about(err, "client keys of train %q", trainID)
	}
	items := make([]credstore.ClientKey, len(hashes))
	for i, hash := range hashes {
		items[i] = credstore.ClientKey{Hash: hash}
	}
	return paging.Window(items, border, page, func(i int) string {
		return encodeCursor(clientKeyListing, []any{i, hashes[i]})
	}), nil
}

const clientKeyListing = "client keys"

// clientKeyBorder is how many keys come before the border of the page: it is at
// the key its cursor names or, when that was revoked meanwhile, where that was.
func clientKeyBorder(hashes []string, page credstore.PageRequest) (int, error) {
	place, err := paging.PlaceOf(page)
	if err != nil || place.Cursor == "" {
		return 0, err
	}
	key, err := decodeCursor(clientKeyListing, place.Cursor, 2)
	if err != nil {
		return 0, err
	}
	index, isNumber := key[0].(int64)
	hash, isText := key[1].(string)
	if !isNumber || !isText || index < 0 {
		return 0, fmt.Errorf("%w page cursor for client keys", credstore.ErrInvalid)
	}
	found := slices.Index(hashes, hash)
	switch {
	case found < 0:
		return int(min(index, int64(len(hashes)))), nil
	case place.Behind():
		return found + 1, nil
	}
	return found, nil
}

// AddClientKeys implements [credstore.TrainAdmin].
func (s *Store) AddClientKeys(ctx context.Context, trainID string, keys ...credstore.Secret) (int, error) {
	hashes, err := hashClientKeys(keys)
	var added []string
	if err == nil {
		err = s.changeTrain(ctx, trainID, credstore.ActionClientKeyAdd, func(ctx context.Context, tx *Tx, _ *credstore.Train, p *patch) error {
			present, err := tx.readClientKeys(ctx, trainID)
			if err != nil {
				return err
			}
			added = slices.DeleteFunc(hashes, func(hash string) bool { return slices.Contains(present.Stored, hash) })
			if len(added) > 0 {
				p.columns["client_api_keys_hashed"] = tx.dialect.listParam(append(present.Stored, added...))
				p.after["client_keys"] = added
			}
			return nil
		})
	}
	if err != nil {
		return 0, about(err, "add client keys to train %q", trainID)
	}
	return len(added), nil
}

// RevokeClientKey implements [credstore.TrainAdmin].
func (s *Store) RevokeClientKey(ctx context.Context, trainID, hash string) error {
	err := s.changeTrain(ctx, trainID, credstore.ActionClientKeyRevoke, func(ctx context.Context, tx *Tx, _ *credstore.Train, p *patch) error {
		present, err := tx.readClientKeys(ctx, trainID)
		if err != nil {
			return err
		}
		if !isHash(hash) || !slices.Contains(present.Stored, hash) {
			return fmt.Errorf("client key: %w", credstore.ErrNotFound)
		}
		rest := slices.DeleteFunc(present.Stored, func(stored string) bool { return stored == hash })
		p.columns["client_api_keys_hashed"] = tx.dialect.listParam(rest)
		p.before["client_keys"] = []string{hash}
		return nil
	})
	return about(err, "revoke client key of train %q", trainID)
}

// hashClientKeys trims and hashes client keys, each once.
func hashClientKeys(keys []credstore.Secret) ([]string, error) {
	hashes := make([]string, 0, len(keys))
	for i, key := range keys {
		key = credstore.TrimClientKey(key)
		if key.IsZero() {
			return nil, fmt.Errorf("%w: client key %d is empty", credstore.ErrInvalid, i+1)
		}
		if err := checkSecret(fmt.Sprintf("client key %d", i+1), key); err != nil {
			return nil, err
		}
		if hash := credstore.HashClientKey(key); !slices.Contains(hashes, hash) {
			hashes = append(hashes, hash)
		}
	}
	return hashes, nil
}
