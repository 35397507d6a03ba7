package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// writeFile puts data in the place of the file at path in root. Whoever reads,
// and whatever crashes, finds the old file or the new one, whole. The caller
// holds the lock of the account of that name.
func writeFile(root *os.Root, name, path string, data []byte) error {
	temp := filepath.Join(stateDir, name+newSuffix)
	if err := root.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return writeError(temp, err) // left by a writer that died
	}
	if err := writeNew(root, temp, data); err != nil {
		return writeError(temp, err)
	}
	if err := makeNewer(root, temp, path); err != nil {
		return writeError(temp, err)
	}
	if err := root.Rename(temp, path); err != nil {
		return writeError(path, err)
	}
	if err := syncDir(root, filepath.Dir(path)); err != nil {
		return writeError(path, err)
	}
	return nil
}

// writeNew writes a file that did not exist, down to the disk.
func writeNew(root *os.Root, path string, data []byte) error {
	f, err := root.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// makeNewer makes the file at path newer than the one at old, if that exists: two
// writes within one tick of the file system's clock must look different.
func makeNewer(root *os.Root, path, old string) error {
	before, err := root.Stat(old)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	now, err := root.Stat(path)
	if err != nil || now.ModTime().After(before.ModTime()) {
		return err
	}
	return root.Chtimes(path, time.Time{}, before.ModTime().Truncate(time.Microsecond).Add(time.Microsecond))
}

// syncDir writes a directory's entries down to the disk, where directories can be
// opened for that.
func syncDir(root *os.Root, path string) error {
	if !hasModes {
		return nil // Windows
	}
	dir, err := root.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// maxLinks is how many links to links are followed, as the Linux kernel does.
const maxLinks = 40

// followLinks returns the path, in root, of the file that path leads to, so that
// writing replaces that file and not the link.
func followLinks(root *os.Root, path string) (string, error) {
	for range maxLinks {
		info, err := root.Lstat(path)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return path, nil
		}
		target, err := root.Readlink(path)
		if err != nil {
			return "", err
		}
		path = filepath.Join(filepath.Dir(path), target) // os.Root refuses what leads out
	}
	return "", fmt.Errorf("%w: %s: too many links", credstore.ErrDamaged, path)
}
