package sqlstore_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// addManyAccounts fills an empty database with OAuth accounts, all sealed alike.
func addManyAccounts(t testing.TB, db *sql.DB, n int) {
	t.Helper()
	sealed, err := testSealer().Seal("sk-ant-oat01-" + fmt.Sprintf("%095d", 0)) // as long as real tokens
	require.NoError(t, err)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	for i := range n {
		id := fmt.Sprintf("%05d", i*7919%n) // not in the order of insertion
		_, err := tx.ExecContext(t.Context(), `INSERT INTO accounts (account_id, account_name, credential_type,
			oauth_access_token_encrypted, oauth_refresh_token_encrypted, oauth_expires_at) VALUES ($1, $2, 'oauth', $3, $3, 1900000000000)`,
			"acc_"+id, "team:account-"+id, sealed)
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
}

// walkAccounts reads all accounts page by page and returns how many there were.
func walkAccounts(t testing.TB, store *sqlstore.Store, filter credstore.AccountFilter, limit int) int {
	page, total := credstore.PageRequest{Limit: limit}, 0
	for {
		accounts, err := store.ListAccounts(t.Context(), filter, page)
		require.NoError(t, err)
		total += len(accounts.Items)
		if page.After = accounts.Next; page.After == "" {
			return total
		}
	}
}

// BenchmarkListAccounts10k is a walk of 10,000 accounts page by page.
func BenchmarkListAccounts10k(b *testing.B) {
	for _, engine := range engines {
		db := open(b, engine.dialect, engine.create(b))
		addManyAccounts(b, db, 10_000)
		_, err := db.ExecContext(b.Context(), "ANALYZE")
		require.NoError(b, err)
		store := newStore(b, engine.dialect, db)
		for _, limit := range []int{100, credstore.MaxPageSize} {
			b.Run(fmt.Sprintf("%v/pages of %d", engine.dialect, limit), func(b *testing.B) {
				for b.Loop() {
					require.Equal(b, 10_000, walkAccounts(b, store, credstore.AccountFilter{}, limit))
				}
			})
		}
	}
}
