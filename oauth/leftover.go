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

// A leftover is an entry that a dead process left, locked by this one.
type leftover struct {
	journal *Journal
	path    string
	lock    *flock.Flock
	intent  intent
	sealed  string // the sealed tokens; empty when the answer was not written
}

// leftovers locks and reads the entries that nobody holds; live counts those
// that somebody does. accountID "" means all accounts. The caller closes each
// leftover. errs tells of files that could not be read, and of those that are no
// entries, which it sets aside.
func (j *Journal) leftovers(accountID string) (found []*leftover, live int, errs []error) {
	files, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, 0, []error{fmt.Errorf("oauth: refresh journal: %w", err)}
	}
	prefix := ""
	if accountID != "" {
		prefix = filePrefix(accountID)
	}
	for _, file := range files {
		name := file.Name()
		if strings.HasSuffix(name, tempSuffix) {
			j.removeOldTemp(file)
		}
		if !strings.HasSuffix(name, entrySuffix) || !strings.HasPrefix(name, prefix) {
			continue
		}
		left, err := j.take(filepath.Join(j.dir, name))
		switch {
		case err == nil:
			found = append(found, left)
		case errors.Is(err, errLocked):
			live++
		case !errors.Is(err, fs.ErrNotExist): // else it was finished meanwhile
			errs = append(errs, fmt.Errorf("oauth: refresh journal: %s: %w", name, err))
		}
	}
	return found, live, errs
}

// take locks and reads one entry, and sets a file aside that is none.
func (j *Journal) take(path string) (*leftover, error) {
	lock, err := tryLock(path)
	if err != nil {
		return nil, err
	}
	left := &leftover{journal: j, path: path, lock: lock}
	if err := left.read(); err != nil {
		if errors.Is(err, errDamaged) {
			err = errors.Join(err, os.Rename(path, path+damagedSuffix))
		}
		left.close()
		return nil, err
	}
	return left, nil
}

// read fills in the leftover from its file, once it is certain that the file
// that was locked is still the one of that name, and was not finished in between.
func (l *leftover) read() error {
	locked, err := l.lock.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(l.path)
	if err != nil {
		return err
	}
	if !os.SameFile(locked, named) {
		return fs.ErrNotExist
	}
	if named.Size() > maxEntry {
		return fmt.Errorf("%w (%d bytes)", errDamaged, named.Size())
	}
	data, err := os.ReadFile(l.path)
	if err != nil {
		return err
	}
	return l.parse(data)
}

// parse reads the one or two lines of an entry.
func (l *leftover) parse(data []byte) error {
	first, second, complete := bytes.Cut(data, []byte("\n"))
	if !complete || json.Unmarshal(first, &l.intent) != nil || l.intent.Owner == "" ||
		l.intent.Spent == "" || credstore.CheckID("account id", l.intent.AccountID) != nil {
		return fmt.Errorf("%w: no intent in it", errDamaged)
	}
	if l.intent.Version != 1 {
		return fmt.Errorf("written by a newer program (version %d)", l.intent.Version)
	}
	if len(second) == 0 {
		return nil
	}
	var answer answer
	if !bytes.HasSuffix(second, []byte("\n")) || json.Unmarshal(second, &answer) != nil || answer.Tokens == "" {
		return fmt.Errorf("%w: the answer of account %s is cut short", errDamaged, l.intent.AccountID)
	}
	l.sealed = answer.Tokens
	return nil
}

// tokens opens what is sealed in the entry.
func (l *leftover) tokens() (spent credstore.Secret, tokens credstore.Tokens, err error) {
	opened, err := l.journal.sealer.Open(l.intent.Spent)
	if err != nil {
		return spent, tokens, fmt.Errorf("sealed under another key, or damaged: %w", err)
	}
	plain, err := l.journal.sealer.Open(l.sealed)
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

// firstReport tells whether trouble with a file is news: leftovers that stay are
// found again and again.
func (j *Journal) firstReport(trouble error) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	first := !j.reported[trouble.Error()]
	j.reported[trouble.Error()] = true
	return first
}
