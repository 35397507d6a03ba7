// Package vectors finds the golden data that the tests share: what the
// TypeScript system wrote and how it chose, as JSON files and sample credential
// files. See testdata/vectors/README.md for what each file holds.
package vectors

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Dir is the folder of the golden data: ../shared/vectors beside the checkout
// when it is there (the newest copy), testdata/vectors of the module otherwise.
// The test fails when neither exists.
func Dir(t testing.TB) string {
	t.Helper()
	_, self, _, ok := runtime.Caller(0)
	require.True(t, ok, "vectors: cannot tell where the module is")
	module := filepath.Dir(filepath.Dir(filepath.Dir(self)))
	for _, dir := range []string{
		filepath.Join(filepath.Dir(module), "shared", "vectors"),
		filepath.Join(module, "testdata", "vectors"),
	} {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
	}
	require.FailNow(t, "vectors: no golden data found", "looked beside and in %s", module)
	return ""
}

// Read returns the content of one file of the golden data; name is relative to
// [Dir], such as "encryption.json". The test fails when it is missing or empty.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(Dir(t), name))
	require.NoError(t, err)
	require.NotEmpty(t, data, "vectors: %s is empty", name)
	return data
}
