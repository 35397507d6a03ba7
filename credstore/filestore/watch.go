package filestore

import (
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"
)

// quiet is how long to wait after a notice: programs that write a file in place
// empty it first, and one save makes several notices.
const quiet = 20 * time.Millisecond

// A watcher asks the operating system for notices of changes. The zero watcher
// gives none.
type watcher struct {
	log    *slog.Logger
	notify *fsnotify.Watcher
	events <-chan fsnotify.Event
	errors <-chan error
}

func (w *watcher) start(log *slog.Logger) {
	w.log = log
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("filestore: no notices of changed files, looking at intervals", "error", err)
		return
	}
	w.notify, w.events, w.errors = notify, notify.Events, notify.Errors
}

// add begins to watch the directory that is at path now.
func (w *watcher) add(path string) {
	if w.notify == nil {
		return
	}
	_ = w.notify.Remove(path) // what was there before, if anything
	if err := w.notify.Add(path); err != nil {
		w.log.Warn("filestore: no notices of changed files, looking at intervals", "folder", path, "error", err)
	}
}

func (w *watcher) close() error {
	if w.notify == nil {
		return nil
	}
	return w.notify.Close()
}

// follow keeps the store up to date until it is closed.
func (s *Store) follow(interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	paths := map[string]bool{} // that notices were about
	var settled <-chan time.Time
	for {
		select {
		case <-s.closing:
			return
		case event := <-s.watcher.events:
			paths[event.Name] = true
			if settled == nil {
				settled = time.After(quiet)
			}
		case <-settled:
			s.touch(paths)
			clear(paths)
			settled = nil
		case err := <-s.watcher.errors:
			if err != nil { // nil: it is being closed
				s.log.Warn("filestore: notices of changed files were lost, looking through the folders", "error", err)
			}
			s.rescan()
		case <-ticker.C:
			s.rescan()
		}
	}
}

// touch reads the files at paths again.
func (s *Store) touch(paths map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unknown := false
	for path := range paths {
		known := s.accounts.touch(path)
		known = s.states.touch(path) || known
		known = s.trains.touch(path) || known
		// A folder itself came or went, or a link that files are reached through.
		unknown = unknown || !known && !s.states.contains(path)
	}
	if unknown {
		s.scan()
		return
	}
	s.publish()
}
