package oauth

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/signalbox-go/signalbox/credstore"
)

// The names of journal files: account hash, owner and suffix. A file is written
// under its temporary name, and set aside under the third.
const (
	entrySuffix   = ".refresh"
	tempSuffix    = ".refresh.tmp"
	damagedSuffix = ".damaged"
)

// A Journal keeps what the token endpoint answered until the store has it, so
// that a process that dies in between does not lose the account. It is a
// directory; a refresh under way is one file in it, which grows line by line:
//
//	{"version":1,"account_id":"acc_1","owner":"…","started_at":"…"}
//	{"spent":"<sealed>","spent_sha256":"…"}
//	{"tokens":"<sealed>"}
//
// The first line is there before the lease is asked for, the second, the intent,
// is on disk before the request goes out, and the third, the answer, before the
// store is asked to save. As long as the process that made the file lives, it
// holds an exclusive lock on it (flock). A file that is not locked was left by a
// process that died: whoever finds it saves the tokens and gives the lease back.
// So several processes may share a directory, and should when they share a
// machine: then what one of them leaves, the others pick up at once.
//
// A directory belongs to one store: an entry in it whose token is no longer stored
// was overtaken, and is removed. Whose store has several addresses may have several
// directories for it, in one folder: before a token is spent, the directories
// beside the journal's own are searched for an entry in which this very token was
// spent already. Refresh tokens are unique, so that such an entry is of this store,
// and no other entry there is touched: it may be another store's.
//
// A Journal is safe for concurrent use.
type Journal struct {
	dir    string
	sealer credstore.Sealer
	told   told // what was logged of files
}

// OpenJournal opens the journal in dir, made with mode 0700 when it does not
// exist; what is there already stays. The directory must be on a local file
// system: locks on network ones cannot be trusted.
//
// The sealer seals two values for each refresh, while the new tokens are in
// memory only: crypto.NewSealer with ReuseSalt takes microseconds for it, and
// without ReuseSalt some 20 ms. Every process that shares the directory needs
// the same encryption key.
func OpenJournal(dir string, sealer credstore.Sealer) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("oauth: refresh journal: %w", err)
	}
	probe, err := os.CreateTemp(dir, "probe-*"+tempSuffix)
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		return nil, fmt.Errorf("oauth: refresh journal is not writable: %w", err)
	}
	return &Journal{dir: dir, sealer: sealer}, nil
}

// header is the first line of an entry.
type header struct {
	Version   int       `json:"version"`
	AccountID string    `json:"account_id"`
	Owner     string    `json:"owner"` // of the lease
	StartedAt time.Time `json:"started_at"`
}

// intent is the second line.
type intent struct {
	Spent string `json:"spent"` // sealed
	// SpentHash tells which token was spent to those who cannot open Spent. It
	// gives nothing away: refresh tokens are long and random.
	SpentHash string `json:"spent_sha256"`
}

// answer is the third line.
type answer struct {
	Tokens string `json:"tokens"` // sealed; the JSON of plainTokens
}

// plainTokens are credstore.Tokens with their secrets in the clear, to be sealed.
type plainTokens struct {
	Access    string    `json:"access"`
	Refresh   string    `json:"refresh"`
	ExpiresAt time.Time `json:"expires_at"`
	Scopes    []string  `json:"scopes"`
}

// An entry is the file of a refresh that this process makes, locked.
type entry struct {
	journal *Journal
	path    string
	file    *os.File
	lock    *flock.Flock
}

// begin makes the entry of a refresh. It is locked and has its first line before
// it gets the name that others look for.
func (j *Journal) begin(accountID, owner string) (*entry, error) {
	e := &entry{journal: j, path: filepath.Join(j.dir, filePrefix(accountID)+owner+entrySuffix)}
	temp := strings.TrimSuffix(e.path, entrySuffix) + tempSuffix
	if err := e.create(temp); err != nil {
		return nil, fmt.Errorf("oauth: refresh journal: %w", err)
	}
	err := e.writeLine(header{Version: 1, AccountID: accountID, Owner: owner, StartedAt: time.Now().UTC()})
	if err == nil {
		err = os.Rename(temp, e.path)
	}
	if err != nil {
		e.close()
		_ = os.Remove(temp)
		return nil, fmt.Errorf("oauth: refresh journal: %w", err)
	}
	return e, nil
}

// spending puts the intent to spend a refresh token on disk, with all there is of
// the entry so far.
func (e *entry) spending(spent credstore.Secret) error {
	sealed, err := e.journal.sealer.Seal(spent.Reveal())
	if err != nil {
		return fmt.Errorf("oauth: refresh journal: seal: %w", err)
	}
	err = e.writeLine(intent{Spent: sealed, SpentHash: tokenHash(spent)})
	if err == nil {
		err = e.file.Sync()
	}
	if err == nil {
		err = syncDir(e.journal.dir)
	}
	if err != nil {
		return fmt.Errorf("oauth: refresh journal: %w", err)
	}
	return nil
}

// create makes and locks the entry's file.
func (e *entry) create(path string) (err error) {
	if e.file, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	if e.lock, err = tryLock(path); err != nil {
		e.close()
		_ = os.Remove(path)
	}
	return err
}

// answered puts the new tokens on disk.
func (e *entry) answered(tokens credstore.Tokens) error {
	plain, err := json.Marshal(plainTokens{
		Access:    tokens.Access.Reveal(),
		Refresh:   tokens.Refresh.Reveal(),
		ExpiresAt: tokens.ExpiresAt,
		Scopes:    tokens.Scopes,
	})
	if err != nil {
		return fmt.Errorf("oauth: refresh journal: %w", err)
	}
	sealed, err := e.journal.sealer.Seal(string(plain))
	if err != nil {
		return fmt.Errorf("oauth: refresh journal: seal: %w", err)
	}
	if err := errors.Join(e.writeLine(answer{Tokens: sealed}), e.file.Sync()); err != nil {
		return fmt.Errorf("oauth: refresh journal: %w", err)
	}
	return nil
}

// writeLine writes v with one call, so that a killed process has written all of
// it or nothing.
func (e *entry) writeLine(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = e.file.Write(append(line, '\n'))
	return err
}

// remove deletes the entry: there is nothing left in it to save.
func (e *entry) remove() error {
	err := os.Remove(e.path)
	e.close()
	return err
}

// close leaves the entry on disk for whoever replays it.
func (e *entry) close() {
	_ = e.file.Close() // what matters was synced
	if e.lock != nil {
		_ = e.lock.Close() // closes the file, which unlocks it in any case
	}
}

// filePrefix is what the names of all entries of an account begin with: a hash,
// because ids may be longer than file names can be.
func filePrefix(accountID string) string {
	sum := sha256.Sum256([]byte(accountID))
	return hex.EncodeToString(sum[:8]) + "-"
}

func tokenHash(token credstore.Secret) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:])
}

var errLocked = errors.New("locked by another process")

// tryLock locks an existing file without waiting; errLocked when another holds it.
func tryLock(path string) (*flock.Flock, error) {
	lock := flock.New(path, flock.SetFlag(os.O_RDWR)) // without O_CREATE
	locked, err := lock.TryLock()
	if err == nil && !locked {
		err = errLocked
	}
	if err != nil {
		return nil, err
	}
	return lock, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
