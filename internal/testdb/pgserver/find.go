//go:build unix

package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
)

// binaryDirs are the usual places of the server programs outside PATH. The part
// before bin carries the version.
var binaryDirs = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                   // PostgreSQL's own RPMs
	"/usr/local/pgsql/bin",                               // built from source
	"/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew on ARM
	"/usr/local/opt/postgresql@*/bin",                    // Homebrew on Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
}

var errNoServer = errors.New("no PostgreSQL server on this machine (initdb is neither in PATH nor in the usual places): " +
	"install it, on Debian and Ubuntu with: apt-get install postgresql")

// findBinaries returns the directory of initdb and postgres: where PATH finds
// initdb, else the newest version in binaryDirs.
func findBinaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		path, err = filepath.EvalSymlinks(path)
		return filepath.Dir(path), err
	}
	newest, newestVersion := "", -1.0
	for _, pattern := range binaryDirs {
		programs, err := filepath.Glob(filepath.Join(pattern, "initdb"))
		if err != nil {
			return "", err
		}
		for _, program := range programs {
			bin := filepath.Dir(program)
			if v := version(bin); v > newestVersion {
				newest, newestVersion = bin, v
			}
		}
	}
	if newest == "" {
		return "", errNoServer
	}
	return newest, nil
}

var number = regexp.MustCompile(`\d+(\.\d+)?`)

// version is the PostgreSQL version in the name of bin's parent, 0 when there is none.
func version(bin string) float64 {
	v, err := strconv.ParseFloat(number.FindString(filepath.Base(filepath.Dir(bin))), 64)
	if err != nil {
		return 0
	}
	return v
}

// unprivileged is whom root runs the server as, nil for everyone else.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user id of %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("group id of %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as")
}
