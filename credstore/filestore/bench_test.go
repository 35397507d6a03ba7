package filestore

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

// openMany opens a store of many API key accounts that does nothing by itself.
func openMany(b *testing.B, accounts int) *Store {
	b.Helper()
	dir := b.TempDir()
	for i := range accounts {
		name := fmt.Sprintf("account-%05d%s", i, accountSuffix)
		text := fmt.Sprintf(`{"type":"api_key","accountId":"acc_%05d","api_key":"sk-ant-%05d"}`, i, i)
		path := filepath.Join(dir, name)
		require.NoError(b, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(b, os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)))
	}
	s, err := Open(dir, b.TempDir(), &Options{Logger: slog.New(slog.DiscardHandler), Rescan: 1 << 50, noNotices: true})
	require.NoError(b, err)
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// BenchmarkRescan is one look through a folder in which nothing changed.
func BenchmarkRescan(b *testing.B) {
	for _, accounts := range []int{100, 10_000} {
		b.Run(fmt.Sprint(accounts), func(b *testing.B) {
			s := openMany(b, accounts)
			for b.Loop() {
				s.rescan()
			}
		})
	}
}

// BenchmarkListAccounts walks through 10,000 accounts, page by page.
func BenchmarkListAccounts(b *testing.B) {
	s := openMany(b, 10_000)
	for _, size := range []int{100, 1000} {
		b.Run(fmt.Sprintf("pages of %d", size), func(b *testing.B) {
			for b.Loop() {
				page := credstore.PageRequest{Limit: size}
				for first := true; first || page.After != ""; first = false {
					accounts, err := s.ListAccounts(b.Context(), credstore.AccountFilter{}, page)
					require.NoError(b, err)
					page.After = accounts.Next
				}
			}
		})
	}
}

// BenchmarkGetCredential is one read, with the look at whether the file changed.
func BenchmarkGetCredential(b *testing.B) {
	s := openMany(b, 100)
	for b.Loop() {
		_, err := s.GetCredential(b.Context(), "acc_00050")
		require.NoError(b, err)
	}
}

// BenchmarkOpen reads 1,000 accounts.
func BenchmarkOpen(b *testing.B) {
	first := openMany(b, 1000)
	for b.Loop() {
		s, err := Open(first.accounts.path, first.trains.path, &Options{Logger: first.log, noNotices: true})
		require.NoError(b, err)
		require.NoError(b, s.Close())
	}
}
