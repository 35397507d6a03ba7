package keyfile_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/keyfile"
)

func TestManyMakeOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	keys := make([]string, 20)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() { keys[i], _ = keyfile.ReadOrMake(path) })
	}
	group.Wait()
	raw, err := base64.StdEncoding.DecodeString(keys[0])
	require.NoError(t, err)
	require.Len(t, raw, 32)
	for _, key := range keys {
		require.True(t, key == keys[0], "two keys were made")
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "a draft was left behind")
}

func TestUnreadableKeyFileIsNotReplaced(t *testing.T) {
	dir := t.TempDir() // a folder of that name cannot be read as a file
	_, err := keyfile.ReadOrMake(dir)
	require.Error(t, err)
	_, err = keyfile.ReadOrMake(filepath.Join(dir, "no", "such", "folder"))
	require.Error(t, err)
}
