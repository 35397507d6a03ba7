//go:build unix

package pgserver

import (
	"bufio"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq"
	"github.com/stretchr/testify/require"
)

// childVariable makes the test binary a process that starts a server and waits to
// be killed.
const childVariable = "PGSERVER_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		child()
	}
	os.Exit(m.Run())
}

func child() {
	s, err := Start()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.guard.Dir, s.DSN())
	select {}
}

// answers tells whether a server of this DSN is there.
func answers(t *testing.T, dsn string) bool {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	defer db.Close()
	return db.PingContext(t.Context()) == nil
}

func TestServer(t *testing.T) {
	s, err := Start()
	require.NoError(t, err)
	dir := s.guard.Dir
	require.True(t, answers(t, s.DSN()))
	require.False(t, answers(t, strings.Replace(s.DSN(), "postgres:", "postgres:x", 2)), "a wrong password is refused")

	other, err := Start()
	require.NoError(t, err, "a second server beside the first")
	require.True(t, answers(t, other.DSN()))
	require.NoError(t, other.Stop())

	require.True(t, answers(t, s.DSN()))
	require.NoError(t, s.Stop())
	require.False(t, answers(t, s.DSN()))
	require.NoDirExists(t, dir)
}

// Names must sort alike in every backend, whatever the database's collation: the
// test server's is a linguistic one, so that a missing COLLATE shows.
func TestServerSortsByLanguage(t *testing.T) {
	s, err := Start()
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	db, err := sql.Open("postgres", s.DSN())
	require.NoError(t, err)
	defer db.Close()
	var version int
	var linguistic bool
	require.NoError(t, db.QueryRowContext(t.Context(),
		`SELECT current_setting('server_version_num')::int, 'a' < 'B'`).Scan(&version, &linguistic))
	require.Equal(t, version >= 150000, linguistic, "PostgreSQL %d", version)
}

func TestServerEndsWithAKilledProcess(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	process := exec.CommandContext(t.Context(), self)
	process.Env = append(os.Environ(), childVariable+"=1")
	output, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err, line)
	dir, dsn, ok := strings.Cut(strings.TrimSpace(line), " ")
	require.True(t, ok, line)
	require.DirExists(t, dir)
	require.True(t, answers(t, dsn))

	require.NoError(t, process.Process.Signal(syscall.SIGKILL))
	require.Error(t, process.Wait())

	require.Eventually(t, func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err) && !answers(t, dsn)
	}, time.Minute, 20*time.Millisecond)
}

func TestStartSaysWhyTheServerDoesNotStart(t *testing.T) {
	user, err := unprivileged()
	require.NoError(t, err)
	bin, err := findBinaries()
	require.NoError(t, err)
	dir, err := makeDir(user, "") // initdb refuses an empty password file
	require.NoError(t, err)
	_, _, err = startGuard(bin, dir, user)
	require.ErrorContains(t, err, "password file")
	require.NoDirExists(t, dir)
}

func TestFindBinariesSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	usual := binaryDirs
	t.Cleanup(func() { binaryDirs = usual })
	binaryDirs = []string{t.TempDir()}
	_, err := Start()
	require.ErrorIs(t, err, errNoServer)
	require.ErrorContains(t, err, "apt-get install postgresql")
}

func TestFindBinariesPrefersTheNewest(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	usual, root := binaryDirs, t.TempDir()
	t.Cleanup(func() { binaryDirs = usual })
	binaryDirs = []string{root + "/*/bin"}
	for _, version := range []string{"9.6", "17", "15"} {
		require.NoError(t, os.MkdirAll(root+"/"+version+"/bin", 0o700))
		require.NoError(t, os.WriteFile(root+"/"+version+"/bin/initdb", nil, 0o700))
	}
	bin, err := findBinaries()
	require.NoError(t, err)
	require.Equal(t, root+"/17/bin", bin)
}
