package filestore

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// A snapshot is all that reads are answered from: what the files said at one
// moment. It is not modified once it is published.
type snapshot struct {
	accountsErr error // the folder could not be read
	trainsErr   error
	accounts    map[string]*account // by id
	names       map[string]*account // by name; includes those whose id is not their own
	usable      []*account          // without err, in the order of names
	trains      map[string]*train   // by id
	trainIDs    []string            // in order
	problems    map[Problem]bool
	without     map[string]string // folders without files, by path, and what that means
}

// An account is an account file, together with what the store keeps beside it.
// err tells why it is refused; then only id and name are set.
type account struct {
	id, name   string
	source     *file[AccountFile]
	state      *file[state] // nil when there is none
	mark       reauthMark
	err        error
	info       credstore.Account
	credential *credstore.Credential
}

// A train is a client key file. err tells why it has no keys.
type train struct {
	id     string
	source *file[trainKeys]
	err    error
	info   credstore.Train
	route  *credstore.Route
}

// trainKeys are the client keys of a train: their hashes, the plaintexts are gone.
type trainKeys struct {
	hashes  []string
	skipped int
}

func parseTrainKeys(name string, data []byte) (*trainKeys, error) {
	f, err := parseClientKeys(name, data)
	if err != nil {
		return nil, err
	}
	keys := &trainKeys{hashes: make([]string, len(f.Keys)), skipped: f.Skipped}
	for i, key := range f.Keys {
		keys.hashes[i] = credstore.HashClientKey(key)
	}
	return keys, nil
}

// hashes are the hashes of the train's client keys; none when the file has none
// that can be read.
func (t *train) hashes() []string {
	if t.err != nil {
		return nil
	}
	return t.source.value.hashes
}

func (t *train) skipped() int {
	if t.err != nil {
		return 0
	}
	return t.source.value.skipped
}

// newSnapshot makes the snapshot of what the folders hold, after old.
func newSnapshot(old *snapshot, accounts *folder[AccountFile], states *folder[state], trains *folder[trainKeys]) *snapshot {
	s := &snapshot{
		accountsErr: accounts.err,
		trainsErr:   trains.err,
		accounts:    make(map[string]*account, len(accounts.files)),
		names:       make(map[string]*account, len(accounts.files)),
		trains:      make(map[string]*train, len(trains.files)),
		problems:    map[Problem]bool{},
		without:     map[string]string{},
	}
	s.addAccounts(old, accounts, states)
	s.addTrains(trains)
	addProblems(s, accounts)
	addProblems(s, trains)
	addAbsence(s, accounts, "there are no accounts")
	addAbsence(s, trains, "no train has a client key")
	if accounts.err == nil {
		addProblems(s, states)
	}
	return s
}

func (s *snapshot) addAccounts(old *snapshot, accounts *folder[AccountFile], states *folder[state]) {
	taken := newClaims()
	var refused []*account
	for _, name := range validNames(accounts) {
		source := accounts.files[name]
		a := newAccount(name, source, states.files[name])
		before := old.names[name]
		if before != nil && source.err != nil && !a.hasOwnID() {
			a.id = before.id // whoever asks is told that it is damaged, not that it is gone
		}
		if a.err == nil {
			a.err = stillCopy(before, source, accounts.files)
		}
		if a.err == nil {
			a.err = taken.claim(source.value)
		}
		s.names[name] = a
		if a.err != nil {
			refused = append(refused, a)
			continue
		}
		s.accounts[a.id] = a
		s.usable = append(s.usable, a)
	}
	for _, a := range refused {
		if s.accounts[a.id] == nil {
			s.accounts[a.id] = a
		}
		if a.source.err == nil {
			s.problems[Problem{a.name + accountSuffix, a.err.Error()}] = true
		}
	}
}

func newAccount(name string, source *file[AccountFile], kept *file[state]) *account {
	a := &account{id: "acc_" + name, name: name, source: source, state: kept, err: source.err}
	if source.value != nil {
		a.id = source.value.id()
	}
	if a.err != nil {
		return a
	}
	if kept != nil {
		a.mark = markOf(kept.value, source.value)
	}
	stored := source.value.Account
	changed := source.info.ModTime().UTC().Truncate(time.Microsecond)
	a.info = credstore.Account{
		ID: a.id, Name: name, Type: stored.Type,
		ExpiresAt: stored.Tokens.ExpiresAt, Scopes: stored.Tokens.Scopes, IsMax: stored.IsMax,
		Active: true, CreatedAt: changed, UpdatedAt: changed,
		ReauthSince: a.mark.Since, ReauthReason: a.mark.Reason,
	}
	a.credential = credential(source.value, a.mark)
	return a
}

// hasOwnID tells whether the id could be read in the file.
func (a *account) hasOwnID() bool { return a.source.value != nil && a.source.value.Account.ID != "" }

// credential is what an account file gives to use.
func credential(f *AccountFile, mark reauthMark) *credstore.Credential {
	c := &credstore.Credential{AccountID: f.id(), AccountName: f.Account.Name, Type: f.Account.Type}
	if f.Account.Type == credstore.APIKey {
		c.APIKey = f.Account.APIKey
	} else {
		c.Tokens = f.Account.Tokens
		c.Renewable = !c.Tokens.Refresh.IsZero()
		c.NeedsReauth = mark != reauthMark{}
	}
	return c
}

// same tells whether nothing that the store answers is different.
func (a *account) same(b *account) bool {
	return a.id == b.id && a.mark == b.mark && sameError(a.err, b.err) &&
		a.source.value == b.source.value && a.info.UpdatedAt.Equal(b.info.UpdatedAt)
}

func (s *snapshot) addTrains(trains *folder[trainKeys]) {
	s.trainIDs = validNames(trains)
	for _, id := range s.trainIDs {
		t := newTrain(id, trains.files[id])
		if n := t.skipped(); n > 0 {
			s.problems[Problem{id + clientKeysSuffix, fmt.Sprintf("%d entries are no client keys: blank, or not text", n)}] = true
		}
		s.trains[id] = t
	}
}

// validNames returns the names of a folder's files, in byte order, without those
// that nobody can ask for because they are outside the grammar.
func validNames[T any](f *folder[T]) []string {
	names := slices.Sorted(maps.Keys(f.files))
	return slices.DeleteFunc(names, func(name string) bool { return checkName(name, f.suffix) != nil })
}

func newTrain(id string, source *file[trainKeys]) *train {
	t := &train{id: id, source: source, err: source.err, route: &credstore.Route{TrainID: id, Active: true}}
	t.info = credstore.Train{ID: id, Active: true, ClientKeys: len(t.hashes())}
	if source.info != nil {
		t.info.CreatedAt = source.info.ModTime().UTC().Truncate(time.Microsecond)
		t.info.UpdatedAt = t.info.CreatedAt
	}
	return t
}

// same tells whether nothing that the store answers is different.
func (t *train) same(other *train) bool {
	return sameError(t.err, other.err) && t.source.value == other.source.value &&
		t.info.UpdatedAt.Equal(other.info.UpdatedAt)
}

func sameError(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Error() == b.Error()
}

// events are the differences between two snapshots.
func (s *snapshot) events(old *snapshot) []credstore.Event {
	if !sameError(s.accountsErr, old.accountsErr) || !sameError(s.trainsErr, old.trainsErr) {
		return []credstore.Event{{Kind: credstore.EventFlush}}
	}
	var events []credstore.Event
	for _, id := range changed(old.accounts, s.accounts, (*account).same) {
		events = append(events, credstore.Event{Kind: credstore.EventAccount, ID: id})
	}
	for _, id := range changed(old.trains, s.trains, (*train).same) {
		events = append(events, credstore.Event{Kind: credstore.EventTrain, ID: id})
	}
	return events
}

// changed returns the keys under which the maps do not hold the same.
func changed[T any](old, now map[string]T, same func(T, T) bool) []string {
	var keys []string
	for key, value := range now {
		if was, ok := old[key]; !ok || !same(was, value) {
			keys = append(keys, key)
		}
	}
	for key := range old {
		if _, ok := now[key]; !ok {
			keys = append(keys, key)
		}
	}
	return keys
}
