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
	ctx, cancel := context.WithTimeoutCause(ctx, lockTimeout, errors.New("another process holds its lock"))
	defer cancel()
	local := s.locks.get(name)
	select {
	case local <- struct{}{}:
	case <-ctx.Done():
		return nil, lockError(ctx, name)
	}
	file, err := lockFile(ctx, root, name)
	if err != nil {
		<-local
		return nil, err
	}
	return func() {
		_ = file.Close() // gives the lock back
		<-local
	}, nil
}

// lockFile locks NAME.lock, which is made through root and then is a plain file in it.
func lockFile(ctx context.Context, root *os.Root, name string) (*flock.Flock, error) {
	path := filepath.Join(stateDir, name+lockSuffix)
	if err := root.Mkdir(stateDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, writeError(stateDir, err)
	}
	made, err := root.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, writeError(path, err)
	}
	defer func() { _ = made.Close() }() // nothing was written
	file := flock.New(filepath.Join(root.Name(), path), flock.SetFlag(os.O_RDWR))
	switch _, err := file.TryLockContext(ctx, lockRetry); {
	case ctx.Err() != nil && err != nil:
		return nil, lockError(ctx, name)
	case err != nil:
		return nil, writeError(path, err)
	}
	if err := sameFile(made, file); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// sameFile makes sure that what was locked, by its path, is what was made in the folder.
func sameFile(made *os.File, locked *flock.Flock) error {
	a, errA := made.Stat()
	b, errB := locked.Stat()
	if errA != nil || errB != nil || !os.SameFile(a, b) {
		return fmt.Errorf("%w: the folder was moved just now", credstore.ErrUnavailable)
	}
	return nil
}

func lockError(ctx context.Context, name string) error {
	return fmt.Errorf("%w: account file %s: %w: %w", credstore.ErrUnavailable, name+accountSuffix, ctx.Err(), context.Cause(ctx))
}

// writeError tells a folder that cannot be written to from other faults. Errors
// of the file system name files, never what is in them.
func writeError(path string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: account files: %w", credstore.ErrReadOnly, err)
	}
	return fmt.Errorf("%w: writing %s: %w", credstore.ErrUnavailable, path, err)
}
