package filestore_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
)

// The jobs that this test program does as a child process.
const (
	jobSave     = "save"     // save new tokens a number of times, then end
	jobSaveOn   = "save on"  // save new tokens until killed
	jobReadOnly = "readonly" // try a folder that cannot be written to
)

// child is a command that runs this test program for one job on the folders.
func child(t *testing.T, job string, f *folders) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, f.accounts, f.keys)
	cmd.Env = append(os.Environ(), childVariable+"="+job)
	return cmd
}

func runChild(job string) error {
	quiet := &filestore.Options{Logger: slog.New(slog.DiscardHandler)}
	s, err := filestore.Open(os.Args[1], os.Args[2], quiet)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	switch job {
	case jobSave:
		for range savesPerChild {
			if err := saveNext(s); err != nil {
				return err
			}
		}
		return nil
	case jobSaveOn:
		for {
			if err := saveNext(s); err != nil {
				return err
			}
			fmt.Println("saved")
		}
	case jobReadOnly:
		return readOnly(s)
	}
	return fmt.Errorf("no job %q", job)
}

const (
	children      = 3
	savesPerChild = 15
)

// chainFile is an account whose tokens have a label: access-LABEL, refresh-LABEL.
// Labels are a number and who saved it, since nobody makes the same token twice.
const chainFile = `{"comment": "stays", "type": "oauth", "accountId": "acc_1",
 "oauth": {"accessToken": "access-0/first", "refreshToken": "refresh-0/first", "expiresAt": 4102444800000, "pad": "%s"}}`

// saveNext replaces the tokens by those with the next number.
func saveNext(s *filestore.Store) error {
	for {
		credential, err := s.GetCredential(context.Background(), "acc_1")
		if err != nil {
			return err
		}
		n, _, err := label(credential.Tokens)
		if err != nil {
			return err
		}
		next := fmt.Sprintf("%d/%d", n+1, os.Getpid())
		err = s.SaveTokens(context.Background(), "acc_1", credential.Tokens.Refresh, tokens("access-"+next, "refresh-"+next))
		if !errors.Is(err, credstore.ErrConflict) {
			return err
		}
	}
}

// label returns the label that both tokens have, and its number.
func label(tokens credstore.Tokens) (n int, label string, err error) {
	label = strings.TrimPrefix(tokens.Access.Reveal(), "access-")
	if refresh := strings.TrimPrefix(tokens.Refresh.Reveal(), "refresh-"); label != refresh {
		return 0, "", fmt.Errorf("access token %s beside refresh token %s", label, refresh)
	}
	digits, _, _ := strings.Cut(label, "/")
	n, err = strconv.Atoi(digits)
	return n, label, err
}

// chain returns the number of the stored tokens, after a check of the whole file.
func chain(t *testing.T, f *folders) int {
	t.Helper()
	scanned, err := filestore.ScanAccounts(f.accounts)
	require.NoError(t, err)
	require.Len(t, scanned, 1)
	require.NoError(t, scanned[0].Err)
	n, label, err := label(scanned[0].File.Account.Tokens)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf(chainFile, pad), strings.ReplaceAll(f.read("a"), "-"+label, "-0/first"))
	return n
}

// pad makes the file so large that writing it is no single step.
var pad = strings.Repeat("x", 20_000)

func TestSeveralProcessesLoseNoTokens(t *testing.T) {
	f := newFolders(t)
	f.account("a", fmt.Sprintf(chainFile, pad))
	var commands []*exec.Cmd
	for range children {
		cmd := child(t, jobSave, f)
		cmd.Stderr = new(bytes.Buffer)
		require.NoError(t, cmd.Start())
		commands = append(commands, cmd)
	}
	s := f.open(nil)
	for range savesPerChild {
		require.NoError(t, saveNext(s))
	}
	for _, cmd := range commands {
		require.NoError(t, cmd.Wait(), cmd.Stderr)
	}
	require.Equal(t, (children+1)*savesPerChild, chain(t, f))
}

func TestKilledWriterLeavesAWholeFile(t *testing.T) {
	f := newFolders(t)
	f.account("a", fmt.Sprintf(chainFile, pad))
	s := f.open(nil)
	last := 0
	for range 12 {
		cmd := child(t, jobSaveOn, f)
		output, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewReader(output)
		for range 1 + rand.IntN(3) {
			_, err = lines.ReadString('\n')
			require.NoError(t, err)
		}
		time.Sleep(rand.N(3 * time.Millisecond)) // the random moment
		require.NoError(t, cmd.Process.Kill())
		_, _ = io.Copy(io.Discard, lines)
		require.Error(t, cmd.Wait())

		n := chain(t, f)
		require.Greater(t, n, last)
		require.NoError(t, saveNext(s), "the dead writer's lock is free")
		last = chain(t, f)
		require.Equal(t, n+1, last)
	}
	entries, err := os.ReadDir(f.accounts)
	require.NoError(t, err)
	require.Len(t, entries, 2, "one account file, one folder of the store")
	entries, err = os.ReadDir(filepath.Join(f.accounts, ".signalbox"))
	require.NoError(t, err)
	require.Len(t, entries, 1, "the lock")
}

// An ordinary user, as root may do everything.
func TestFolderThatCannotBeWrittenTo(t *testing.T) {
	dir, err := os.MkdirTemp("", "filestore") // t.TempDir is closed to other users
	require.NoError(t, err)
	f := newFolders(t)
	f.accounts, f.keys = filepath.Join(dir, "accounts"), filepath.Join(dir, "keys")
	t.Cleanup(func() {
		_ = os.Chmod(f.accounts, 0o700)
		require.NoError(t, os.RemoveAll(dir))
	})
	for _, folder := range []string{f.accounts, f.keys} {
		require.NoError(t, os.Mkdir(folder, 0o700))
	}
	f.account("a", oauthFile("acc_1", canary+"a", canary+"r"))
	f.account("b", apiKeyFile("acc_2", canary))
	f.clientKeys("t", `["CANARY"]`)
	f.clientKeys("u", `["CANARY"]`)
	self, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	program := filepath.Join(dir, "child")
	require.NoError(t, os.WriteFile(program, self, 0o600))
	for path, mode := range map[string]os.FileMode{
		dir: 0o755, program: 0o755, f.accounts: 0o555, f.keys: 0o755,
		f.accountPath("a"): 0o444, f.accountPath("b"): 0, f.keysPath("t"): 0o444, f.keysPath("u"): 0,
	} {
		require.NoError(t, os.Chmod(path, mode))
	}
	cmd := child(t, jobReadOnly, f)
	cmd.Path = program
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
	require.NotContains(t, string(output), canary)
}

// readOnly returns an error unless the store does in such a folder what it should.
func readOnly(s *filestore.Store) error {
	ctx := context.Background()
	var wrong []error
	check := func(what string, err, want error) {
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			wrong = append(wrong, fmt.Errorf("%s: %w, wanted: %w", what, err, want))
		}
	}
	_, err := s.GetCredential(ctx, "acc_1")
	check("reading", err, nil)
	_, err = s.GetAccountByName(ctx, "b")
	check("a file that cannot be read", err, credstore.ErrUnavailable)
	check("client key", s.ValidateClientKey(ctx, "t", secret(canary)), nil)
	check("a key file that cannot be read", s.ValidateClientKey(ctx, "u", secret(canary)), credstore.ErrUnavailable)
	check("saving", s.SaveTokens(ctx, "acc_1", secret(canary+"r"), tokens("a2", "r2")), credstore.ErrReadOnly)
	check("marking", s.MarkNeedsReauth(ctx, "acc_1", secret(canary+"r"), "invalid_grant"), credstore.ErrReadOnly)
	_, err = s.AcquireLease(ctx, "acc_1", "owner", time.Minute)
	check("lease", err, credstore.ErrReadOnly)
	return errors.Join(wrong...)
}
