package filestore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/signalbox-go/signalbox/credstore"
)

// A session is an account's files under its lock.
type session struct {
	root *os.Root
	name string
	copy *copyError // nil unless the account is refused as a copy of another
	data []byte     // of the account file
	file *AccountFile
}

// withAccount runs change under the account's lock, with the account file as it
// is now, and then brings the store up to date.
func (s *Store) withAccount(ctx context.Context, accountID string, change func(*session) error) error {
	return s.withLock(ctx, accountID, func(locked *session) error {
		if err := locked.read(accountID); err != nil {
			return fmt.Errorf("account %q: %w", accountID, err)
		}
		return change(locked)
	})
}

// withLock is withAccount without the account file.
func (s *Store) withLock(ctx context.Context, accountID string, change func(*session) error) error {
	now, err := s.accountsNow(ctx)
	if err != nil {
		return err
	}
	if s.isClosed() {
		return fmt.Errorf("%w: the store is closed", credstore.ErrUnavailable)
	}
	account := now.accounts[accountID]
	if account == nil {
		return fmt.Errorf("account %q: %w", accountID, credstore.ErrNotFound)
	}
	root, err := os.OpenRoot(s.accounts.path)
	if err != nil {
		return s.accounts.unavailable(err)
	}
	defer func() { _ = root.Close() }()
	unlock, err := s.lock(ctx, root, account.name)
	if err != nil {
		return err
	}
	defer unlock()
	defer s.rereadAccount(account.name)
	locked := &session{root: root, name: account.name}
	_ = errors.As(account.err, &locked.copy)
	return change(locked)
}

func (l *session) path() string { return l.name + accountSuffix }

func (l *session) statePath() string { return filepath.Join(stateDir, l.name+stateSuffix) }

// read reads the account file, which must still be that of the account.
func (l *session) read(accountID string) error {
	file, data, _, err := readParsed(l.root, l.path(), l.name, parseAccount)
	if errors.Is(err, fs.ErrNotExist) {
		return credstore.ErrNotFound
	}
	if err != nil {
		return err
	}
	if file.id() != accountID {
		return credstore.ErrNotFound
	}
	l.data, l.file = data, file
	return nil
}

// save puts other tokens into the account file, if it is still as it was read;
// changed tells that it is not.
func (l *session) save(tokens credstore.Tokens) (changed bool, err error) {
	edited, err := editTokens(l.data, tokens)
	if err != nil {
		return false, damaged(l.path(), err)
	}
	if err := checkSaved(l.name, edited, tokens); err != nil {
		return false, err
	}
	target, err := followLinks(l.root, l.path())
	if err != nil {
		return false, writeError(l.path(), err)
	}
	// Programs that know nothing of the lock may have written meanwhile.
	data, _, err := readFile(l.root, l.path())
	if err == nil && bytes.Equal(data, l.data) {
		return false, writeFile(l.root, l.name, target, edited)
	}
	return true, nil
}

// checkSaved makes sure that an edited file is one that gives the tokens back.
func checkSaved(name string, edited []byte, tokens credstore.Tokens) error {
	if strings.ContainsRune(tokens.Access.Reveal()+tokens.Refresh.Reveal(), 0) {
		return fmt.Errorf("%w: the new tokens have a NUL byte", credstore.ErrInvalid)
	}
	file, err := parseAccount(name, edited)
	if err != nil {
		return fmt.Errorf("%w: the new tokens cannot be stored: %w", credstore.ErrInvalid, err)
	}
	saved := file.Account.Tokens
	if !saved.Access.Equal(tokens.Access) || !saved.Refresh.Equal(tokens.Refresh) {
		return fmt.Errorf("%w: the new tokens cannot be stored as text", credstore.ErrInvalid)
	}
	return nil
}

// readState reads what the store keeps beside the account file.
func (l *session) readState() (*state, error) {
	kept, _, _, err := readParsed(l.root, l.statePath(), l.name, parseState)
	if errors.Is(err, fs.ErrNotExist) {
		return new(state), nil
	}
	return kept, err
}

// writeState writes it; nothing to keep is no file.
func (l *session) writeState(kept *state) error {
	if *kept == (state{}) {
		if err := l.root.Remove(l.statePath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return writeError(l.statePath(), err)
		}
		return nil
	}
	data, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("%w: lease or mark of account file %s: %w", credstore.ErrInvalid, l.path(), err)
	}
	return writeFile(l.root, l.name, l.statePath(), append(data, '\n'))
}
