package filestore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// maxFileSize is the most that a file may hold. Real ones have some hundred
// bytes; the bound keeps a file that landed here by mistake out of memory.
const maxFileSize = 1 << 20

// readFile reads a file of root, which may be reached through links as long as
// they stay in root. Errors wrap ErrDamaged or ErrUnavailable, or [fs.ErrNotExist].
func readFile(root *os.Root, file string) ([]byte, fs.FileInfo, error) {
	// Without O_NONBLOCK, opening a named pipe waits for its other end.
	f, err := root.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, readError(root, file, err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, nil, readError(root, file, err)
	case !info.Mode().IsRegular():
		return nil, info, damaged(file, errors.New("not a regular file"))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	switch {
	case err != nil:
		return nil, info, readError(root, file, err)
	case len(data) > maxFileSize:
		return nil, info, damaged(file, fmt.Errorf("larger than %d bytes", maxFileSize))
	}
	return data, info, nil
}

// readParsed reads a file of root and makes a value of it. An error of parse wraps
// ErrDamaged, and the value beside it is what parse returned.
//
// Programs that write in place empty the file first. What is damaged and has just
// been changed is therefore read again after a moment.
func readParsed[T any](root *os.Root, path, name string, parse func(string, []byte) (*T, error)) (value *T, data []byte, info fs.FileInfo, err error) {
	for again := false; ; again = true {
		data, info, err = readFile(root, path)
		if err == nil {
			if value, err = parse(name, data); err != nil {
				err = damaged(path, err)
			}
		}
		if err == nil || again || info == nil || time.Since(info.ModTime()) > quiet {
			return value, data, info, err
		}
		time.Sleep(quiet)
	}
}

// readError tells what is wrong with the file itself from what is wrong with
// reading it. What [os.Root] refuses comes without an error of the system.
func readError(root *os.Root, file string, err error) error {
	var errno syscall.Errno
	_, lstatErr := root.Lstat(file)
	switch {
	case lstatErr == nil && errors.Is(err, fs.ErrNotExist):
		return damaged(file, errors.New("a link to a file that does not exist"))
	case errors.Is(err, fs.ErrNotExist):
		return err
	case errors.As(err, &errno):
		return fmt.Errorf("%w: %s: %w", credstore.ErrUnavailable, file, errno)
	}
	return damaged(file, errors.New("a link out of the folder"))
}

// listNames returns what stands before suffix in the names of a directory's
// entries, in byte order. Links, folders and the like are included.
func listNames(root *os.Root, path, suffix string) ([]string, error) {
	dir, err := root.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }() // only read
	files, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		if name, ok := strings.CutSuffix(file, suffix); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
