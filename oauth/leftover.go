package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/signalbox-go/signalbox/credstore"
)

// maxEntry bounds what is read of a journal file; entries have a few KiB.
const maxEntry = 1 << 20

// tempAge is how old a file with a temporary name must be to have been left
// behind: an entry gets its final name within milliseconds.
const tempAge = time.Minute

var errDamaged = errors.New("not a journal entry")

// A content is what is written in an entry.
type content struct {
	header
	intent
	answer
}

// A leftover is an entry that a dead process left, locked by this one.
type leftover struct {
	content
	journal *Journal
	path    string
	lock    *flock.Flock
}

// An unread is a file that cannot be read, or is no entry.
type unread struct {
	file string // see Journal.name; empty for the directory itself
	err  error
}

// findings are the entries that were looked for. The caller closes each leftover.
type findings struct {
	leftovers []*leftover // of dead processes, locked
	live      []content   // of processes that live, only read
	unread    []unread
}

// leftovers locks and reads the entries that nobody holds, and only reads those
// that somebody does. accountID "" means all accounts. Files that are no entries
// are set aside.
func (j *Journal) leftovers(accountID string) findings {
	files, err := os.ReadDir(j.dir)
	if err != nil {
		return findings{unread: []unread{{err: fmt.Errorf("oauth: refresh journal: %w", err)}}}
	}
	prefix := ""
	if accountID != "" {
		prefix = filePrefix(accountID)
	}
	var paths []string
	for _, file := range files {
		name := file.Name()
		if strings.HasSuffix(name, tempSuffix) {
			j.removeOldTemp(file)
		}
		if strings.HasSuffix(name, entrySuffix) && strings.HasPrefix(name, prefix) {
			paths = append(paths, filepath.Join(j.dir, name))
		}
	}
	return j.takeAll(paths)
}

// leftoversBeside does the same with the entries, in the folders beside the
// journal's own, of an account whose token with that hash was spent. Nothing else
// there is touched, or even locked: it may be another store's.
func (j *Journal) leftoversBeside(accountID, spentHash string) findings {
	dir, err := filepath.Abs(j.dir)
	if err != nil {
		return findings{unread: []unread{{err: fmt.Errorf("oauth: refresh journal: %w", err)}}}
	}
	// The pattern is fixed, so that Glob cannot fail; what it cannot read is not ours.
	names, _ := fs.Glob(os.DirFS(filepath.Dir(dir)), "*/"+filePrefix(accountID)+"*"+entrySuffix)
	var paths []string
	for _, name := range names {
		path := filepath.Join(filepath.Dir(dir), name)
		peek := leftover{path: path}
		if filepath.Dir(path) != dir && peek.read() == nil && peek.AccountID == accountID && peek.SpentHash == spentHash {
			paths = append(paths, path)
		}
	}
	return j.takeAll(paths)
}

// takeAll takes the entries at these paths.
func (j *Journal) takeAll(paths []string) (found findings) {
	for _, path := range paths {
		left, err := j.take(path)
		switch {
		case err == nil && left.lock == nil:
			found.live = append(found.live, left.content)
		case err == nil:
			found.leftovers = append(found.leftovers, left)
		case !errors.Is(err, fs.ErrNotExist): // else it was finished meanwhile
			found.unread = append(found.unread, unread{j.name(path), fmt.Errorf("oauth: refresh journal: %s: %w", j.name(path), err)})
		}
	}
	return found
}

// name is what messages call a file: its base name, with the folder's where that
// is not the journal's own.
func (j *Journal) name(path string) string {
	if filepath.Dir(path) == filepath.Clean(j.dir) {
		return filepath.Base(path)
	}
	return filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path))
}

// take reads one entry, and locks it unless another process does. A file that is
// no entry is set aside.
func (j *Journal) take(path string) (*leftover, error) {
	left := &leftover{journal: j, path: path}
	lock, err := tryLock(path)
	if errors.Is(err, errLocked) {
		return left, left.read()
	}
	if err != nil {
		return nil, err
	}
	left.lock = lock
	if err := left.readLocked(); err != nil {
		if errors.Is(err, errDamaged) {
			err = errors.Join(err, os.Rename(path, path+damagedSuffix))
		}
		left.close()
		return nil, err
	}
	return left, nil
}

// readLocked reads the entry once it is certain that the file that was locked is
// still the one of that name, and was not finished in between. One without a
// single byte is what a power cut makes of an entry that had sent nothing yet.
func (l *leftover) readLocked() error {
	locked, err := l.lock.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(l.path)
	switch {
	case err != nil:
		return err
	case !os.SameFile(locked, named):
		return fs.ErrNotExist
	case named.Size() == 0:
		return errors.Join(fs.ErrNotExist, os.Remove(l.path))
	case named.Size() > maxEntry:
		return fmt.Errorf("%w (%d bytes)", errDamaged, named.Size())
	}
	return l.read()
}

func (l *leftover) read() error {
	data, err := os.ReadFile(l.path)
	if err != nil {
		return err
	}
	return l.parse(data)
}

// parse reads the lines of an entry.
func (c *content) parse(data []byte) error {
	first, rest, complete := bytes.Cut(data, []byte("\n"))
	if !complete || json.Unmarshal(first, &c.header) != nil || c.Owner == "" ||
		credstore.CheckID("account id", c.AccountID) != nil {
		return fmt.Errorf("%w: no header in it", errDamaged)
	}
	if c.Version != 1 {
		return fmt.Errorf("written by a newer program (version %d)", c.Version)
	}
	second, third, complete := bytes.Cut(rest, []byte("\n"))
	if !complete {
		return nil // an intent that was not written to its end was not followed
	}
	if json.Unmarshal(second, &c.intent) != nil || c.Spent == "" {
		return fmt.Errorf("%w: the intent of account %s cannot be read", errDamaged, c.AccountID)
	}
	if len(third) == 0 {
		return nil
	}
	if !bytes.HasSuffix(third, []byte("\n")) || json.Unmarshal(third, &c.answer) != nil || c.Tokens == "" {
		return fmt.Errorf("%w: the answer of account %s is cut short", errDamaged, c.AccountID)
	}
	return nil
}

// open opens what is sealed in the entry.
func (l *leftover) open() (spent credstore.Secret, tokens credstore.Tokens, err error) {
	opened, err := l.journal.sealer.Open(l.Spent)
	if err != nil {
		return spent, tokens, fmt.Errorf("sealed under another key, or damaged: %w", err)
	}
	plain, err := l.journal.sealer.Open(l.Tokens)
	if err != nil {
		return spent, tokens, fmt.Errorf("sealed under another key, or damaged: %w", err)
	}
	var t plainTokens
	if json.Unmarshal([]byte(plain), &t) != nil {
		return spent, tokens, errDamaged
	}
	return credstore.NewSecret(opened), credstore.Tokens{
		Access:    credstore.NewSecret(t.Access),
		Refresh:   credstore.NewSecret(t.Refresh),
		ExpiresAt: t.ExpiresAt,
		Scopes:    t.Scopes,
	}, nil
}

// remove deletes the entry: there is nothing left in it to save.
func (l *leftover) remove() error { return os.Remove(l.path) }

// close unlocks the entry.
func (l *leftover) close() { _ = l.lock.Close() }

// removeOldTemp deletes a file that a process was killed over before it had
// written its intent, and so before it had sent anything.
func (j *Journal) removeOldTemp(file fs.DirEntry) {
	info, err := file.Info()
	if err != nil || time.Since(info.ModTime()) < tempAge {
		return
	}
	_ = os.Remove(filepath.Join(j.dir, file.Name())) // in the way of nothing
}
