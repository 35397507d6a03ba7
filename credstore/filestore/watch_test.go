package filestore_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
)

// The ways of noticing a change: by notices of the operating system, where a
// rescan would come too late for the test, and without them.
var ways = map[string]*filestore.Options{
	"notices": {Rescan: time.Hour},
	"rescan":  filestore.WithoutNotices(filestore.Options{Rescan: 5 * time.Millisecond}),
}

// eventLog keeps what subscribers are told.
type eventLog struct {
	mu     sync.Mutex
	events []credstore.Event
}

func (l *eventLog) add(event credstore.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, event)
}

func (l *eventLog) has(event credstore.Event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.events, event)
}

func (l *eventLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = nil
}

func (l *eventLog) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events)
}

func TestChangesByOthersAreNoticed(t *testing.T) {
	for name, opts := range ways {
		t.Run(name, func(t *testing.T) {
			f := newFolders(t)
			s := f.open(opts)
			log := &eventLog{}
			defer s.Subscribe(log.add)()
			account := credstore.Event{Kind: credstore.EventAccount, ID: "acc_1"}
			train := credstore.Event{Kind: credstore.EventTrain, ID: "t"}
			wait := func(what string, event credstore.Event, condition func() bool) {
				t.Helper()
				eventually(t, func() bool { return log.has(event) && condition() }, what)
				log.clear()
			}
			key := func() string {
				credential, err := s.GetCredential(t.Context(), "acc_1")
				if err != nil {
					return err.Error()
				}
				return credential.APIKey.Reveal()
			}
			opens := func() bool { return s.ValidateClientKey(t.Context(), "t", secret(canary)) == nil }

			f.account("a", apiKeyFile("acc_1", canary+"1"))
			wait("a new account", account, func() bool { return key() == canary+"1" })
			f.account("a", apiKeyFile("acc_1", canary+"2")) // of the same size
			wait("an account written in place", account, func() bool { return key() == canary+"2" })
			f.replace(f.accountPath("a"), apiKeyFile("acc_1", canary+"3"))
			wait("an account replaced", account, func() bool { return key() == canary+"3" })
			f.account("a", "damaged")
			wait("an account damaged", account, func() bool { return key() != canary+"3" })
			f.account("a", apiKeyFile("acc_1", canary+"4"))
			wait("an account mended", account, func() bool { return key() == canary+"4" })
			require.NoError(t, os.Rename(f.accountPath("a"), f.accountPath("b")))
			wait("an account renamed", account, func() bool { return key() == canary+"4" })
			require.NoError(t, os.Remove(f.accountPath("b")))
			wait("an account removed", account, func() bool { return key() != canary+"4" })

			f.clientKeys("t", `["CANARY"]`)
			wait("a new train", train, opens)
			f.clientKeys("t", `["canary"]`)
			wait("a key replaced", train, func() bool { return !opens() })
			f.clientKeys("t", `["CANARY"]`)
			wait("a key put back", train, opens)
			require.NoError(t, os.Remove(f.keysPath("t")))
			wait("a key file removed", train, func() bool { return !opens() })
		})
	}
}

// Whoever asks for one train or account needs no notice of a change, nor a rescan.
func TestReadsAreFresh(t *testing.T) {
	f := newFolders(t)
	f.account("a", apiKeyFile("acc_1", canary+"1"))
	f.clientKeys("t", `["CANARY1"]`)
	s := f.open(filestore.WithoutNotices(filestore.Options{Rescan: time.Hour}))
	log := &eventLog{}
	defer s.Subscribe(log.add)()
	validate := func(train, key string) error { return s.ValidateClientKey(t.Context(), train, secret(key)) }
	require.NoError(t, validate("t", "CANARY1"))
	f.replace(f.keysPath("t"), `["CANARY2"]`)
	require.ErrorIs(t, validate("t", "CANARY1"), credstore.ErrUnauthorized)
	require.True(t, log.has(credstore.Event{Kind: credstore.EventTrain, ID: "t"}))
	require.NoError(t, os.Remove(f.keysPath("t")))
	require.ErrorIs(t, validate("t", "CANARY2"), credstore.ErrUnauthorized)
	f.clientKeys("new", `["CANARY3"]`)
	require.NoError(t, validate("new", "CANARY3"))

	f.replace(f.accountPath("a"), apiKeyFile("acc_1", canary+"2"))
	credential, err := s.GetCredential(t.Context(), "acc_1")
	require.NoError(t, err)
	require.True(t, credential.APIKey.Reveal() == canary+"2")
	f.account("b", apiKeyFile("acc_2", canary))
	_, err = s.GetAccountByName(t.Context(), "b")
	require.NoError(t, err)
	require.NoError(t, os.Rename(f.accounts, f.accounts+".away"))
	_, err = s.GetCredential(t.Context(), "acc_1")
	require.ErrorIs(t, err, credstore.ErrNotFound)
	require.NoError(t, os.Rename(f.keys, f.keys+".away"))
	require.ErrorIs(t, validate("new", "CANARY3"), credstore.ErrUnauthorized)
}

// Directories come and go as a whole when programs deploy them; then nothing in
// the watched directory changes, and only looking again helps.
func TestFolderReplaced(t *testing.T) {
	f := newFolders(t)
	f.account("a", apiKeyFile("acc_1", canary+"1"))
	s := f.open(&filestore.Options{Rescan: 5 * time.Millisecond})
	key := func() string {
		credential, err := s.GetCredential(t.Context(), "acc_1")
		if err != nil {
			return ""
		}
		return credential.APIKey.Reveal()
	}
	require.True(t, key() == canary+"1")
	require.NoError(t, os.Rename(f.accounts, f.accounts+".old"))
	eventually(t, func() bool { return key() == "" }, "the folder is gone")
	require.NoError(t, os.Mkdir(f.accounts, 0o700))
	f.account("a", apiKeyFile("acc_1", canary+"2"))
	eventually(t, func() bool { return key() == canary+"2" }, "another folder is there")
	require.NoError(t, os.RemoveAll(f.accounts))
	eventually(t, func() bool { return key() == "" }, "the folder is removed")

	// A link to a folder, which then points to another.
	for i, dir := range []string{f.accounts + ".1", f.accounts + ".2"} {
		require.NoError(t, os.Mkdir(dir, 0o700))
		f.write(filepath.Join(dir, "a.credentials.json"), apiKeyFile("acc_1", canary+string(rune('3'+i))))
	}
	require.NoError(t, os.Symlink(f.accounts+".1", f.accounts))
	eventually(t, func() bool { return key() == canary+"3" }, "the first version")
	require.NoError(t, os.Symlink(f.accounts+".2", f.accounts+".new"))
	require.NoError(t, os.Rename(f.accounts+".new", f.accounts))
	eventually(t, func() bool { return key() == canary+"4" }, "the second version")
}

// A folder that is missing, or empty because its file system is not mounted, is said
// once each time, and so is its return.
func TestFolderWithoutFilesIsLogged(t *testing.T) {
	f := newFolders(t)
	f.clientKeys("train", `["`+canary+`"]`)
	require.NoError(t, os.Remove(f.accounts))
	f.open(&filestore.Options{Rescan: 5 * time.Millisecond})
	logged := func(text string, times int) {
		t.Helper()
		eventually(t, func() bool { return strings.Count(f.log.String(), text) == times }, text)
	}
	gone, empty, back := "the folder does not exist: there are no accounts", "no file in it ends in", "are there now"
	logged(gone, 1)
	require.Contains(t, f.log.String(), "level=WARN")
	require.Contains(t, f.log.String(), f.accounts)

	for times := 1; times <= 2; times++ {
		require.NoError(t, os.Mkdir(f.accounts, 0o700))
		logged(empty, times)
		f.account("a", apiKeyFile("acc_1", canary))
		logged(back, times)
		require.NoError(t, os.Rename(f.accounts, filepath.Join(t.TempDir(), "gone")))
		logged(gone, times+1)
	}
	require.NotContains(t, f.log.String(), "no train has a client key")
}

// Kubernetes mounts secrets as links to links: NAME -> ..data/NAME, and ..data ->
// a folder for each version, where only ..data changes.
func TestFilesBehindLinksInTheFolder(t *testing.T) {
	f := newFolders(t)
	version := func(dir, key string) {
		require.NoError(t, os.Mkdir(filepath.Join(f.accounts, dir), 0o700))
		f.write(filepath.Join(f.accounts, dir, "a.credentials.json"), oauthFile("acc_1", key, canary+"r"))
		require.NoError(t, os.Symlink(dir, filepath.Join(f.accounts, "..new")))
		require.NoError(t, os.Rename(filepath.Join(f.accounts, "..new"), filepath.Join(f.accounts, "..data")))
	}
	version("..1", canary+"1")
	require.NoError(t, os.Symlink("..data/a.credentials.json", f.accountPath("a")))
	s := f.open(&filestore.Options{Rescan: time.Hour})
	token := func() string {
		credential, err := s.GetCredential(t.Context(), "acc_1")
		if err != nil {
			return err.Error()
		}
		return credential.Tokens.Access.Reveal()
	}
	require.True(t, token() == canary+"1")
	version("..2", canary+"2")
	eventually(t, func() bool { return token() == canary+"2" }, "the second version")

	// Saving replaces the file, not the link to it.
	require.NoError(t, s.SaveTokens(t.Context(), "acc_1", secret(canary+"r"), tokens(canary+"3", canary+"r3")))
	require.True(t, token() == canary+"3")
	target, err := os.Readlink(f.accountPath("a"))
	require.NoError(t, err)
	require.Equal(t, "..data/a.credentials.json", target)
	data, err := os.ReadFile(filepath.Join(f.accounts, "..2", "a.credentials.json"))
	require.NoError(t, err)
	require.Contains(t, string(data), canary+"r3")
}

func TestOwnSaveIsToldOnceBeforeItReturns(t *testing.T) {
	f := newFolders(t)
	f.account("a", oauthFile("acc_1", canary+"a", canary+"r"))
	f.account("b", oauthFile("acc_2", canary+"b", canary+"s"))
	s := f.open(&filestore.Options{Rescan: time.Millisecond})
	log := &eventLog{}
	stop := s.Subscribe(log.add)
	require.NoError(t, s.SaveTokens(t.Context(), "acc_1", secret(canary+"r"), tokens(canary+"a2", canary+"r2")))
	require.True(t, log.has(credstore.Event{Kind: credstore.EventAccount, ID: "acc_1"}))
	require.NoError(t, s.MarkNeedsReauth(t.Context(), "acc_2", secret(canary+"s"), "invalid_grant"))
	require.True(t, log.has(credstore.Event{Kind: credstore.EventAccount, ID: "acc_2"}))
	require.Equal(t, 2, log.count())

	// The next change by others comes after all notices of our own writes.
	f.replace(f.accountPath("c"), apiKeyFile("acc_3", canary))
	eventually(t, func() bool { return log.count() > 2 }, "a change by others")
	require.True(t, log.has(credstore.Event{Kind: credstore.EventAccount, ID: "acc_3"}))
	require.Equal(t, 3, log.count())
	stop()
	require.NoError(t, s.SaveTokens(t.Context(), "acc_2", secret(canary+"s"), tokens(canary+"b2", canary+"s2")))
	require.Equal(t, 3, log.count())
}
