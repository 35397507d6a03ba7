package filestore

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// settleTime is how old a file's last change must be before its size and time are
// trusted to show the next one: the coarsest clock of a file system (FAT) ticks
// every two seconds.
const settleTime = 2 * time.Second

// A folder is what the files of one kind in a directory were when they were last
// looked at. The store's mutex guards it, but for what newFolder sets.
type folder[T any] struct {
	base   string // absolute: nothing outside it is opened
	within string // the directory's path in base: "." or below
	path   string // both together
	suffix string
	parse  func(name string, data []byte) (*T, error)
	watch  func(path string) // begins to watch a directory

	root  *os.Root // base, nil while the directory does not exist
	info  fs.FileInfo
	files map[string]*file[T] // by name, without suffix
	err   error               // why the directory could not be read; wraps ErrUnavailable
}

func newFolder[T any](base, within, suffix string, parse func(string, []byte) (*T, error), watch func(string)) folder[T] {
	return folder[T]{base: base, within: within, path: filepath.Join(base, within), suffix: suffix, parse: parse, watch: watch}
}

// A file is one file as it was last read.
type file[T any] struct {
	info   fs.FileInfo // nil when it could not be opened
	readAt time.Time
	sum    [sha256.Size]byte
	value  *T // may be set beside err, with as much as could be read
	err    error
}

// scan brings the folder up to date, reading only files that look changed.
func (f *folder[T]) scan() {
	var names []string
	if f.err = f.reopen(); f.err == nil && f.root != nil {
		names, f.err = listNames(f.root, f.within, f.suffix)
	}
	if f.err != nil {
		f.err = f.unavailable(f.err)
	}
	old := f.files
	f.files = make(map[string]*file[T], len(names))
	for _, name := range names {
		kept := old[name]
		if kept != nil {
			f.files[name] = kept
		}
		if kept == nil || !f.unchanged(name, kept) {
			f.load(name)
		}
	}
}

// reopen opens the directory if it is another one than before.
func (f *folder[T]) reopen() error {
	if f.inPlace() {
		return nil
	}
	f.close()
	root, err := os.OpenRoot(f.base)
	if err == nil {
		if f.info, err = root.Stat(f.within); err != nil {
			_ = root.Close()
		}
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	f.root = root
	f.watch(f.path)
	return nil
}

// inPlace tells whether the directory at the folder's path is the one that is open.
func (f *folder[T]) inPlace() bool {
	info, err := os.Stat(f.path)
	if err != nil || f.root == nil || !os.SameFile(info, f.info) {
		return false
	}
	f.info = info
	return true
}

func (f *folder[T]) unavailable(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("%w: folder %s: %w", credstore.ErrUnavailable, f.path, err)
}

func (f *folder[T]) close() {
	if f.root != nil {
		_ = f.root.Close() // only read
		f.root = nil
	}
	f.files = nil
}

// unchanged tells whether a file looks as it did when it was read.
func (f *folder[T]) unchanged(name string, old *file[T]) bool {
	info, err := f.root.Stat(f.file(name))
	return err == nil && old.info != nil && sameInfo(info, old.info) && old.readAt.Sub(info.ModTime()) > settleTime
}

func sameInfo(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Mode() == b.Mode() && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// looksCurrent tells, without a lock, whether a file seems to be what was read
// last; nil: there was none. What could not be opened is left to the next scan.
func (f *folder[T]) looksCurrent(name string, last *file[T]) bool {
	if last != nil && last.info == nil {
		return true
	}
	info, err := os.Stat(filepath.Join(f.base, f.file(name)))
	if last == nil {
		return err != nil
	}
	return err == nil && sameInfo(info, last.info)
}

// load reads one file, in a folder that could be read. One that reads the same
// as before keeps its value, so that a value's address tells whether it changed.
func (f *folder[T]) load(name string) {
	loaded := f.read(name)
	if loaded == nil {
		delete(f.files, name)
		return
	}
	old := f.files[name]
	if old != nil && old.sum == loaded.sum && sameError(old.err, loaded.err) {
		loaded.value = old.value
	}
	f.files[name] = loaded
}

// refresh reads one file, under all its names, or the whole folder if it is not
// where it was.
func (f *folder[T]) refresh(name string) {
	if !f.inPlace() || f.err != nil {
		f.scan()
		return
	}
	for _, alias := range f.aliases(name) {
		f.load(alias)
	}
	f.load(name)
}

// aliases are the other names, by links, of what was read under a name.
func (f *folder[T]) aliases(name string) []string {
	last := f.files[name]
	if last == nil || last.info == nil {
		return nil
	}
	var names []string
	for other, file := range f.files {
		if other != name && file.info != nil && os.SameFile(file.info, last.info) {
			names = append(names, other)
		}
	}
	return names
}

// read returns nil for a file that does not exist.
func (f *folder[T]) read(name string) *file[T] {
	now := time.Now()
	if err := checkName(name, f.suffix); err != nil {
		return &file[T]{err: err}
	}
	value, data, info, err := readParsed(f.root, f.file(name), name, f.parse)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return &file[T]{info: info, readAt: now, sum: sha256.Sum256(data), value: value, err: err}
}

// touch reads the file that an event is about; false: the path is none of this
// folder's files.
func (f *folder[T]) touch(path string) bool {
	name, ok := strings.CutSuffix(filepath.Base(path), f.suffix)
	if !ok || filepath.Dir(path) != f.path {
		return false
	}
	f.refresh(name)
	return true
}

// contains tells whether the path is that of an entry of the directory.
func (f *folder[T]) contains(path string) bool { return filepath.Dir(path) == f.path }

// file is the path of a file in base.
func (f *folder[T]) file(name string) string {
	if f.within == "." {
		return name + f.suffix
	}
	return filepath.Join(f.within, name+f.suffix)
}
