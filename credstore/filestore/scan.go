package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/signalbox-go/signalbox/credstore"
)

// A ScannedAccount is an account file as [ScanAccounts] found it: File or Err is set.
type ScannedAccount struct {
	Path string // base name
	File *AccountFile
	Err  error // wraps ErrInvalidID, ErrDamaged or ErrUnavailable
}

// ScanAccounts reads every account file of a folder, in the order of the account
// names, by the same rules as [Store]: a name outside the grammar of
// [credstore.CheckID] is refused, and so is the second of two files with one
// account id, and of two OAuth files with one refresh token. A folder that does not exist holds no file. The error tells that
// the folder could not be read.
func ScanAccounts(dir string) ([]ScannedAccount, error) {
	var found []ScannedAccount
	taken := newClaims()
	err := scanFolder(dir, accountSuffix, func(root *os.Root, name string) {
		file, err := scanFile(root, name, accountSuffix, parseAccount)
		if errors.Is(err, fs.ErrNotExist) {
			return // removed since the folder was listed
		}
		if err == nil {
			err = taken.claim(file)
		}
		if err != nil {
			file = nil
		}
		found = append(found, ScannedAccount{Path: name + accountSuffix, File: file, Err: err})
	})
	return found, err
}

// A ScannedClientKeys is a client key file as [ScanClientKeys] found it: File or
// Err is set.
type ScannedClientKeys struct {
	Path string // base name
	File *ClientKeysFile
	Err  error // wraps ErrInvalidID, ErrDamaged or ErrUnavailable
}

// ScanClientKeys reads every client key file of a folder, in the order of the
// train ids. Otherwise it is like [ScanAccounts].
func ScanClientKeys(dir string) ([]ScannedClientKeys, error) {
	var found []ScannedClientKeys
	err := scanFolder(dir, clientKeysSuffix, func(root *os.Root, name string) {
		file, err := scanFile(root, name, clientKeysSuffix, parseClientKeys)
		if errors.Is(err, fs.ErrNotExist) {
			return // removed since the folder was listed
		}
		found = append(found, ScannedClientKeys{Path: name + clientKeysSuffix, File: file, Err: err})
	})
	return found, err
}

func scanFolder(dir, suffix string, each func(root *os.Root, name string)) error {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", credstore.ErrUnavailable, err)
	}
	defer func() { _ = root.Close() }() // only read
	names, err := listNames(root, ".", suffix)
	if err != nil {
		return fmt.Errorf("%w: %w", credstore.ErrUnavailable, err)
	}
	for _, name := range names {
		each(root, name)
	}
	return nil
}

func scanFile[T any](root *os.Root, name, suffix string, parse func(name string, data []byte) (*T, error)) (*T, error) {
	if err := checkName(name, suffix); err != nil {
		return nil, err
	}
	value, _, _, err := readParsed(root, name+suffix, name, parse)
	if err != nil {
		return nil, err
	}
	return value, nil
}

// checkName returns an error unless the name in a file's name may name an account
// or a train.
func checkName(name, suffix string) error {
	if err := credstore.CheckID("the name", name); err != nil {
		return fmt.Errorf("%q: %w", name+suffix, err)
	}
	return nil
}
