package filestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// DefaultRescan is how often the folders are looked through when no notice of a
// change came: for network file systems, which give none, and for folders that
// were moved or made.
const DefaultRescan = 2 * time.Second

// Options of [Open]. Nil is the same as the zero value.
type Options struct {
	// Logger is told of files that are refused or too open, and is given no
	// secret; nil: slog.Default().
	Logger *slog.Logger
	// Rescan is how often the folders are looked through without a notice of the
	// operating system; zero: DefaultRescan.
	Rescan time.Duration

	noNotices bool // do without notices of the operating system
}

// A Store serves accounts and client keys from credential files. It implements
// [credstore.Store] and [credstore.Notifier]. Make one with [Open]. It is safe
// for concurrent use, also by several processes on the same folders.
type Store struct {
	log     *slog.Logger
	watcher watcher
	now     atomic.Pointer[snapshot]

	mu       sync.Mutex // guards the folders, and the order of snapshots
	accounts folder[AccountFile]
	states   folder[state]
	trains   folder[trainKeys]

	subscribers subscribers
	locks       locks
	lastUsed    lastUsed

	closing chan struct{}
	closed  func()
	stopped sync.WaitGroup
}

var (
	_ credstore.Store    = (*Store)(nil)
	_ credstore.Notifier = (*Store)(nil)
)

// Open reads the account files in accountsDir and the client key files in
// clientKeysDir, and begins to watch them. A folder that does not exist is empty,
// and may appear later; that there are no files is logged, and when there are some
// again. Files that are wrong are logged, and stop nothing: see [Store.Problems].
// The error wraps ErrUnavailable and tells which folder is none or cannot be read.
func Open(accountsDir, clientKeysDir string, opts *Options) (*Store, error) {
	if opts == nil {
		opts = &Options{}
	}
	accountsDir, err := absolute(accountsDir)
	if err != nil {
		return nil, err
	}
	clientKeysDir, err = absolute(clientKeysDir)
	if err != nil {
		return nil, err
	}
	s := &Store{log: opts.Logger, closing: make(chan struct{})}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.closed = sync.OnceFunc(func() { close(s.closing) })
	if !opts.noNotices {
		s.watcher.start(s.log)
	}
	s.accounts = newFolder(accountsDir, ".", accountSuffix, parseAccount, s.watcher.add)
	s.states = newFolder(accountsDir, stateDir, stateSuffix, parseState, s.watcher.add)
	s.trains = newFolder(clientKeysDir, ".", clientKeysSuffix, parseTrainKeys, s.watcher.add)
	s.now.Store(&snapshot{})
	s.rescan()
	if now := s.now.Load(); now.accountsErr != nil || now.trainsErr != nil {
		return nil, errors.Join(now.accountsErr, now.trainsErr, s.Close())
	}
	interval := opts.Rescan
	if interval <= 0 {
		interval = DefaultRescan
	}
	s.stopped.Go(func() { s.follow(interval) })
	return s, nil
}

func absolute(dir string) (string, error) {
	if dir == "" {
		return "", fmt.Errorf("%w: the path of a credential folder is empty", credstore.ErrInvalid)
	}
	return filepath.Abs(dir)
}

// Close stops watching the folders and waits until that is done. Reads go on
// being answered from what was read last.
func (s *Store) Close() error {
	s.closed()
	err := s.watcher.close()
	s.stopped.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts.close()
	s.states.close()
	s.trains.close()
	return err
}

func (s *Store) isClosed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// Ping returns ErrUnavailable when a folder cannot be read now.
func (s *Store) Ping(ctx context.Context) error {
	now := s.now.Load()
	return errors.Join(ctx.Err(), now.accountsErr, now.trainsErr)
}

func (s *Store) rescan() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scan()
}

// scan looks through the folders and publishes what changed. The caller holds s.mu.
func (s *Store) scan() {
	s.accounts.scan()
	s.states.scan()
	s.trains.scan()
	s.publish()
}

// rereadAccount reads the files of one account again, whatever they look like.
func (s *Store) rereadAccount(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed() {
		return
	}
	s.accounts.refresh(name)
	s.states.refresh(name)
	s.publish()
}

// rereadTrain reads the file of one train again, whatever it looks like.
func (s *Store) rereadTrain(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed() {
		return
	}
	s.trains.refresh(id)
	s.publish()
}

// publish makes what is in the folders the snapshot that reads are answered
// from, and tells subscribers of the difference. The caller holds s.mu, so that
// whoever waits for it finds them told.
func (s *Store) publish() {
	old := s.now.Load()
	now := newSnapshot(old, &s.accounts, &s.states, &s.trains)
	s.now.Store(now)
	s.logProblems(old, now)
	s.subscribers.tell(now.events(old))
}
