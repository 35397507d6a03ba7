package filestore_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
)

func TestOpenRefusesWhatIsNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	quiet := &filestore.Options{Logger: slog.New(slog.DiscardHandler)}
	_, err := filestore.Open(file, t.TempDir(), quiet)
	require.ErrorIs(t, err, credstore.ErrUnavailable)
	require.ErrorContains(t, err, file)
	_, err = filestore.Open(t.TempDir(), file, quiet)
	require.ErrorContains(t, err, file)
	_, err = filestore.Open("", t.TempDir(), quiet)
	require.ErrorIs(t, err, credstore.ErrInvalid)
	_, err = filestore.ScanAccounts(file)
	require.ErrorIs(t, err, credstore.ErrUnavailable)
}

func TestMissingFolders(t *testing.T) {
	f := newFolders(t)
	require.NoError(t, os.Remove(f.accounts))
	require.NoError(t, os.Remove(f.keys))
	s := f.open(&filestore.Options{Rescan: 5 * time.Millisecond})
	require.NoError(t, s.Ping(t.Context()))
	accounts, err := s.ActiveAccounts(t.Context())
	require.NoError(t, err)
	require.Empty(t, accounts)
	require.ErrorIs(t, s.ValidateClientKey(t.Context(), "t", secret("k")), credstore.ErrUnauthorized)
	_, err = s.GetRoute(t.Context(), "t")
	require.ErrorIs(t, err, credstore.ErrNotFound)
	scanned, err := filestore.ScanAccounts(f.accounts)
	require.NoError(t, err)
	require.Empty(t, scanned)

	require.NoError(t, os.Mkdir(f.accounts, 0o700))
	require.NoError(t, os.Mkdir(f.keys, 0o700))
	f.account("a", apiKeyFile("acc_1", canary))
	f.clientKeys("t", `["CANARY"]`)
	eventually(t, func() bool {
		_, err := s.GetCredential(t.Context(), "acc_1")
		return err == nil && s.ValidateClientKey(t.Context(), "t", secret(canary)) == nil
	}, "folders that appear later are seen")
}

// A folder that cannot be read any more answers nothing, rather than something old.
func TestFolderThatCannotBeRead(t *testing.T) {
	f := newFolders(t)
	f.account("a", apiKeyFile("acc_1", canary))
	f.clientKeys("t", `["CANARY"]`)
	s := f.open(&filestore.Options{Rescan: 5 * time.Millisecond})
	require.NoError(t, s.ValidateClientKey(t.Context(), "t", secret(canary)))
	log := &eventLog{}
	defer s.Subscribe(log.add)()
	for _, dir := range []string{f.accounts, f.keys} {
		require.NoError(t, os.Rename(dir, dir+".away"))
		require.NoError(t, os.WriteFile(dir, nil, 0o600))
	}
	eventually(t, func() bool { return s.Ping(t.Context()) != nil && len(s.Problems()) == 2 }, "both folders are gone")
	require.True(t, log.has(credstore.Event{Kind: credstore.EventFlush}))
	_, err := s.GetCredential(t.Context(), "acc_1")
	require.ErrorIs(t, err, credstore.ErrUnavailable)
	require.ErrorIs(t, s.ValidateClientKey(t.Context(), "t", secret(canary)), credstore.ErrUnavailable)
	require.ErrorIs(t, s.SaveTokens(t.Context(), "acc_1", secret("a"), tokens("b", "c")), credstore.ErrUnavailable)
	require.ErrorIs(t, s.Ping(t.Context()), credstore.ErrUnavailable)

	for _, dir := range []string{f.accounts, f.keys} {
		require.NoError(t, os.Remove(dir))
		require.NoError(t, os.Rename(dir+".away", dir))
	}
	eventually(t, func() bool { return s.Ping(t.Context()) == nil }, "both folders are back")
	require.NoError(t, s.ValidateClientKey(t.Context(), "t", secret(canary)))
}

func TestRefusedFiles(t *testing.T) {
	f := newFolders(t)
	outside := filepath.Join(t.TempDir(), "outside.json")
	f.write(outside, apiKeyFile("acc_outside", canary))
	relative, err := filepath.Rel(f.accounts, outside)
	require.NoError(t, err)

	f.account("sound", apiKeyFile("acc_sound", canary))
	require.NoError(t, os.Mkdir(f.accountPath("folder"), 0o700))
	require.NoError(t, os.Symlink(outside, f.accountPath("absolute")))
	require.NoError(t, os.Symlink(relative, f.accountPath("relative")))
	require.NoError(t, os.Symlink("nowhere", f.accountPath("dangling")))
	require.NoError(t, os.Symlink("round.credentials.json", f.accountPath("round")))
	require.NoError(t, syscall.Mkfifo(f.accountPath("pipe"), 0o600))
	f.account("large", apiKeyFile("acc_large", canary)+strings.Repeat(" ", filestore.MaxFileSize))
	for _, name := range []string{"", "with blank", "é", "new\nline"} {
		f.account(name, apiKeyFile("acc_named", canary))
	}
	require.NoError(t, os.Symlink(outside, f.keysPath("absolute")))
	require.NoError(t, os.Mkdir(f.keysPath("folder"), 0o700))

	s := f.open(nil)
	accounts, err := s.ActiveAccounts(t.Context())
	require.NoError(t, err)
	require.Len(t, accounts, 1)
	for name, reason := range map[string]string{
		"folder": "not a regular file", "pipe": "not a regular file", "large": "larger than 1048576 bytes",
		"absolute": "a link out of the folder", "relative": "a link out of the folder",
		"dangling": "a link to a file that does not exist", "round": "too many levels of symbolic links",
	} {
		_, err := s.GetAccountByName(t.Context(), name)
		require.Error(t, err, name)
		require.ErrorContains(t, err, reason)
		require.ErrorContains(t, err, name+".credentials.json")
	}
	for _, train := range []string{"absolute", "folder"} {
		require.ErrorIs(t, s.ValidateClientKey(t.Context(), train, secret(canary)), credstore.ErrUnauthorized)
	}
	require.Len(t, s.Problems(), 7+4+2)
	scanned, err := filestore.ScanAccounts(f.accounts)
	require.NoError(t, err)
	require.Len(t, scanned, 1+7+4)
	for _, account := range scanned {
		require.Equal(t, account.Path == "sound.credentials.json", account.Err == nil, account.Path)
	}
	require.ErrorIs(t, scanned[0].Err, credstore.ErrInvalidID)
}

func TestProblemsAreLoggedOnce(t *testing.T) {
	f := newFolders(t)
	f.account("a", "not JSON")
	s := f.open(&filestore.Options{Rescan: time.Millisecond})
	count := func() int { return strings.Count(f.log.String(), "a.credentials.json") / 2 } // path, and in the reason
	require.Equal(t, 1, count())
	f.replace(f.accountPath("b"), "not JSON either") // until this is logged, the folder was looked through
	eventually(t, func() bool { return len(s.Problems()) == 2 }, "noticed")
	require.Equal(t, 1, count())
	f.replace(f.accountPath("a"), apiKeyFile("acc_1", canary))
	eventually(t, func() bool { return len(s.Problems()) == 1 }, "put right")
	f.replace(f.accountPath("a"), "not JSON")
	eventually(t, func() bool { return len(s.Problems()) == 2 }, "broken again")
	require.Equal(t, 2, count())
}

func TestPermissionsThatAreTooOpen(t *testing.T) {
	f := newFolders(t)
	f.account("a", apiKeyFile("acc_1", canary))
	f.account("b", apiKeyFile("acc_2", canary))
	f.clientKeys("t", `["CANARY"]`)
	require.NoError(t, os.Chmod(f.accountPath("a"), 0o640))
	require.NoError(t, os.Chmod(f.keysPath("t"), 0o604))
	require.NoError(t, os.Chmod(f.keys, 0o755))
	s := f.open(nil)
	require.Equal(t, []filestore.Problem{
		{Path: f.keys, Reason: "its mode is 0755, open to others: it should be 0700"},
		{Path: "a.credentials.json", Reason: "its mode is 0640, open to others: it should be 0600"},
		{Path: "t.client-keys.json", Reason: "its mode is 0604, open to others: it should be 0600"},
	}, s.Problems())
	require.Contains(t, f.log.String(), "its mode is 0640, open to others")
	_, err := s.GetCredential(t.Context(), "acc_1")
	require.NoError(t, err, "a warning, no more")
	require.NoError(t, os.Chmod(f.accountPath("a"), 0o600))
	eventually(t, func() bool { return len(s.Problems()) == 2 }, "put right")
}

func TestLongAndOddNames(t *testing.T) {
	f := newFolders(t)
	long := strings.Repeat("n", 255-len(".credentials.json"))
	f.account(long, oauthFile("acc_long", canary+"a", canary+"r"))
	f.account("..", oauthFile("acc_dots", canary+"a", canary+"r"))
	f.account("-a:b_C.9", oauthFile("acc_odd", canary+"a", canary+"r"))
	s := f.open(nil)
	for _, id := range []string{"acc_long", "acc_dots", "acc_odd"} {
		require.NoError(t, s.SaveTokens(t.Context(), id, secret(canary+"r"), tokens(canary+"a2", canary+"r2")), id)
		lease, err := s.AcquireLease(t.Context(), id, "owner", time.Minute)
		require.NoError(t, err)
		require.True(t, lease.Acquired && lease.Credential.Tokens.Refresh.Reveal() == canary+"r2")
		require.NoError(t, s.ReleaseLease(t.Context(), id, "owner"))
	}
	// Longer than a file name can be.
	longest := strings.Repeat("n", credstore.MaxIDLength)
	_, err := s.GetAccountByName(t.Context(), longest)
	require.ErrorIs(t, err, credstore.ErrNotFound)
	_, err = s.GetTrain(t.Context(), longest)
	require.ErrorIs(t, err, credstore.ErrNotFound)
	require.ErrorIs(t, s.ValidateClientKey(t.Context(), longest, secret("k")), credstore.ErrUnauthorized)
}

func TestCaseCounts(t *testing.T) {
	f := newFolders(t)
	f.account("Name", apiKeyFile("acc_A", canary+"A"))
	f.account("name", apiKeyFile("acc_a", canary+"a"))
	f.clientKeys("Train", `["CANARY-A"]`)
	f.clientKeys("train", `["CANARY-a"]`)
	s := f.open(nil)
	upper, err := s.GetCredential(t.Context(), "acc_A")
	require.NoError(t, err)
	require.True(t, upper.AccountName == "Name" && upper.APIKey.Reveal() == canary+"A")
	require.NoError(t, s.ValidateClientKey(t.Context(), "train", secret("CANARY-a")))
	require.ErrorIs(t, s.ValidateClientKey(t.Context(), "train", secret("CANARY-A")), credstore.ErrUnauthorized)
}

func TestEndedContextAndClosedStore(t *testing.T) {
	f := newFolders(t)
	f.account("a", oauthFile("acc_1", canary+"a", canary+"r"))
	s := f.open(nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.GetCredential(ctx, "acc_1")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.SaveTokens(ctx, "acc_1", secret(canary+"r"), tokens("a2", "r2")), context.Canceled)
	require.ErrorIs(t, s.ValidateClientKey(ctx, "t", secret("k")), context.Canceled)

	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.SaveTokens(t.Context(), "acc_1", secret(canary+"r"), tokens("a2", "r2")), credstore.ErrUnavailable)
	_, err = s.GetCredential(t.Context(), "acc_1")
	require.NoError(t, err)
}

func TestFilesHoldNoMappings(t *testing.T) {
	f := newFolders(t)
	f.account("a", apiKeyFile("acc_1", canary))
	f.clientKeys("t", `["CANARY"]`)
	s := f.open(nil)
	route, err := s.GetRoute(t.Context(), "t")
	require.NoError(t, err)
	require.True(t, route.Active)
	require.False(t, route.Restricted())
	mappings, err := s.ListMappings(t.Context(), "t", credstore.PageRequest{})
	require.NoError(t, err)
	require.Empty(t, mappings.Items)
	slack, err := s.GetSlackConfig(t.Context(), "t")
	require.NoError(t, err)
	require.Nil(t, slack)
	_, err = s.ListMappings(t.Context(), "other", credstore.PageRequest{})
	require.ErrorIs(t, err, credstore.ErrNotFound)
	_, err = s.GetSlackConfig(t.Context(), "other")
	require.ErrorIs(t, err, credstore.ErrNotFound)
}

func TestLastUsedIsCoarse(t *testing.T) {
	f := newFolders(t)
	f.account("a", apiKeyFile("acc_1", canary))
	s := f.open(nil)
	used := func() time.Time {
		account, err := s.GetAccount(t.Context(), "acc_1")
		require.NoError(t, err)
		return account.LastUsedAt
	}
	require.True(t, used().IsZero())
	s.TouchLastUsed("acc_1", time.Time{})
	require.True(t, used().IsZero())
	first := time.Now().UTC().Truncate(time.Microsecond)
	s.TouchLastUsed("acc_1", first)
	s.TouchLastUsed("acc_1", first.Add(59*time.Second))
	s.TouchLastUsed("acc_1", first.Add(-time.Hour))
	s.TouchLastUsed("acc_unknown", first)
	require.Equal(t, first, used())
	s.TouchLastUsed("acc_1", first.Add(time.Minute))
	require.Equal(t, first.Add(time.Minute), used())
}
