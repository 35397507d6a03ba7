package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/signalbox-go/signalbox/credstore"
)

const (
	// lockTimeout bounds the wait for a lock. It is held for two or three writes.
	lockTimeout = 10 * time.Second
	// lockRetry is the pause between two tries to get a lock that another process holds.
	lockRetry = 2 * time.Millisecond
)

// locks are the locks of this process's goroutines, by account name. In front of
// the lock on a file, they make a queue of what would otherwise be a scramble.
type locks struct {
	mu     sync.Mutex
	byName map[string]chan struct{} // of capacity 1: full while locked
}

func (l *locks) get(name string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byName == nil {
		l.byName = map[string]chan struct{}{}
	}
	if l.byName[name] == nil {
		l.byName[name] = make(chan struct{}, 1)
	}
	return l.byName[name]
}

// lock takes the lock of an account's files against other goroutines and other
// processes. The operating system gives it back when a process dies.
func (s *Store) lock(ctx context.Context, root *os.Root, name string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lockTimeout,
		fmt.Errorf("%w: somebody else holds the lock of account file %s", credstore.ErrUnavailable, name+accountSuffix))
	defer cancel()
	local := s.locks.get(name)
	select {
	case local <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	file, err := lockFile(ctx, root, filepath.Join(stateDir, name+lockSuffix))
	if err != nil {
		<-local
		return nil, err
	}
	return func() {
		_ = file.Close() // gives the lock back
		<-local
	}, nil
}

// lockFile locks the file at path, which is made through root and so is in it.
func lockFile(ctx context.Context, root *os.Root, path string) (*flock.Flock, error) {
	if err := root.Mkdir(stateDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, writeError(stateDir, err)
	}
	made, err := root.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, writeError(path, err)
	}
	defer func() { _ = made.Close() }() // nothing was written
	file := flock.New(filepath.Join(root.Name(), path), flock.SetFlag(os.O_RDWR))
	if _, err := file.TryLockContext(ctx, lockRetry); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, writeError(path, err)
	}
	if err := checkSame(made, file); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// checkSame makes sure that what was locked, by its path, is what was made in the folder.
func checkSame(made *os.File, locked *flock.Flock) error {
	a, errA := made.Stat()
	b, errB := locked.Stat()
	if errA != nil || errB != nil || !os.SameFile(a, b) {
		return fmt.Errorf("%w: the folder was moved just now", credstore.ErrUnavailable)
	}
	return nil
}

// writeError tells a folder that cannot be written to from other faults. Errors
// of the file system name files, never what is in them.
func writeError(path string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: account files: %w", credstore.ErrReadOnly, err)
	}
	return fmt.Errorf("%w: writing %s: %w", credstore.ErrUnavailable, path, err)
}
