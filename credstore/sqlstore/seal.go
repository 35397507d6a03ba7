package sqlstore

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-go/signalbox/credstore"
)

// seal encrypts secrets, all at once: each may cost a key derivation, some 20 ms
// of CPU. No secret becomes an empty text.
func (s *Store) seal(secrets ...credstore.Secret) ([]string, error) {
	sealed := make([]string, len(secrets))
	var group errgroup.Group
	for i, secret := range secrets {
		if secret.IsZero() {
			continue
		}
		group.Go(func() (err error) {
			sealed[i], err = s.sealer.Seal(secret.Reveal())
			return err
		})
	}
	return sealed, about(group.Wait(), "seal")
}

// open decrypts what seal returned, all at once. ErrDamaged.
func (s *Store) open(sealed ...string) ([]credstore.Secret, error) {
	secrets := make([]credstore.Secret, len(sealed))
	var group errgroup.Group
	for i, text := range sealed {
		if text == "" {
			continue
		}
		group.Go(func() error {
			plaintext, err := s.sealer.Open(text)
			if strings.HasPrefix(plaintext, chainKeyMark) {
				return errors.New("it is the audit trail's key, moved here")
			}
			secrets[i] = credstore.NewSecret(plaintext)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("%w: a stored secret does not open: %w", credstore.ErrDamaged, err)
	}
	return secrets, nil
}
