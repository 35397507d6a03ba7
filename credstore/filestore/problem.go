package filestore

import (
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"slices"
)

// A Problem is something that a person should put right: a file that is refused,
// entries that are left out, permissions that are too open.
type Problem struct {
	Path   string // name of a file, or the path of a folder
	Reason string // without any secret
}

// Problems returns what is wrong with the files now, in the order of paths, for
// status pages. Each was logged as a warning when it came up.
func (s *Store) Problems() []Problem {
	problems := slices.Collect(maps.Keys(s.now.Load().problems))
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Reason, b.Reason))
	})
	return problems
}

// logProblems logs the problems that were not there before, and folders that have no
// files any more or have some again.
func (s *Store) logProblems(old, now *snapshot) {
	for problem := range now.problems {
		if !old.problems[problem] {
			s.log.Warn("filestore: problem with credential files", "path", problem.Path, "reason", problem.Reason)
		}
	}
	for path, reason := range now.without {
		if old.without[path] != reason {
			s.log.Warn("filestore: no credential files", "path", path, "reason", reason)
		}
	}
	for path := range old.without {
		if now.without[path] == "" {
			s.log.Info("filestore: credential files are there now", "path", path)
		}
	}
}

// addAbsence notes what it means that a folder has no files. A file system that is
// not mounted leaves a folder that is empty, or none.
func addAbsence[T any](s *snapshot, f *folder[T], meaning string) {
	switch {
	case f.err != nil || len(f.files) > 0:
	case f.root == nil:
		s.without[f.path] = "the folder does not exist: " + meaning
	default:
		s.without[f.path] = "no file in it ends in " + f.suffix + ": " + meaning
	}
}

// addProblems adds what is wrong with a folder and its files to the snapshot.
func addProblems[T any](s *snapshot, f *folder[T]) {
	if f.err != nil {
		s.problems[Problem{f.path, f.err.Error()}] = true
	}
	if f.root != nil && f.info.Mode().Perm()&0o077 != 0 && hasModes {
		s.problems[Problem{f.path, fmt.Sprintf("its mode is %04o, open to others: it should be 0700", f.info.Mode().Perm())}] = true
	}
	for name, file := range f.files {
		if file.err != nil {
			s.problems[Problem{f.file(name), file.err.Error()}] = true
		}
		if file.info != nil && file.info.Mode().Perm()&0o077 != 0 && hasModes {
			s.problems[Problem{f.file(name), fmt.Sprintf("its mode is %04o, open to others: it should be 0600", file.info.Mode().Perm())}] = true
		}
	}
}

// hasModes: Windows knows no permission bits, and Go makes some up there.
const hasModes = runtime.GOOS != "windows"
