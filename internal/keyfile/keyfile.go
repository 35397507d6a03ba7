// Package keyfile keeps an encryption key in a file that only its owner can read.
package keyfile

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ReadOrMake returns the key in the file at path. If there is no such file it
// makes one, mode 0600, with a new random key: 32 bytes in base64, 44 characters.
// Processes that make it at the same moment agree on one key. The folder must
// exist.
func ReadOrMake(path string) (string, error) {
	key, err := os.ReadFile(path)
	if err == nil {
		return string(key), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("key file: %w", err)
	}
	if err := makeKey(path); err != nil {
		return "", fmt.Errorf("make key file: %w", err)
	}
	key, err = os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	return string(key), nil
}

// makeKey writes a whole key aside and then gives it its name, unless another
// process was first.
func makeKey(path string) error {
	key := make([]byte, 32)
	rand.Read(key)                                                           // never fails
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(key))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}
