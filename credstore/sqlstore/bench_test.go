package sqlstore_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// numbers are 0 to $1-1, as n.i, in an order of their own ($1 is no multiple of 7919).
const numbers = `WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < $1),
	n(i, id) AS (SELECT i, substr(CAST(100000 + i * 7919 % $1 AS text), 2) FROM c) `

// addManyAccounts fills an empty database with OAuth accounts, all sealed alike:
// acc_00000, named team:account-00000, and so on.
func addManyAccounts(t testing.TB, db *sql.DB, count int) {
	t.Helper()
	sealed, err := testSealer().Seal("sk-ant-oat01-" + fmt.Sprintf("%095d", 0)) // as long as real tokens
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), numbers+`INSERT INTO accounts (account_id, account_name, credential_type,
		oauth_access_token_encrypted, oauth_refresh_token_encrypted, oauth_expires_at)
		SELECT 'acc_' || id, 'team:account-' || id, 'oauth', $2, $2, 1900000000000 FROM n`, count, sealed)
	require.NoError(t, err)
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
