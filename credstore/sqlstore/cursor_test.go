package sqlstore_test

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// Whatever comes as a cursor is refused, or continues somewhere.
func FuzzCursor(f *testing.F) {
	store := newStore(f, sqlstore.SQLite, open(f, sqlstore.SQLite, newSQLite(f)))
	for _, id := range []string{"a", "b", "c"} {
		addOAuth(f, store, id)
	}
	for _, sort := range []credstore.AccountSort{credstore.SortAccountName, credstore.SortAccountCreated} {
		page, err := store.ListAccounts(f.Context(), credstore.AccountFilter{Sort: sort}, credstore.PageRequest{Limit: 1})
		require.NoError(f, err)
		f.Add(page.Next)
	}
	f.Add(".")
	f.Add(".W10")
	f.Add("W10")                                                  // []
	f.Add("WyJhY2NvdW50cyBieSBuYW1lIiwxXQ")                       // ["accounts by name",1]
	f.Add("WyJhY2NvdW50cyBieSBuYW1lIixudWxsXQ")                   // ["accounts by name",null]
	f.Add("WyJhY2NvdW50cyBieSBuYW1lIiwxZTk5OV0")                  // ["accounts by name",1e999]
	f.Add("WyJhY2NvdW50cyBieSBuYW1lIiwiXHUwMDAwIl0")              // ["accounts by name","\u0000"]
	f.Add("WyJhY2NvdW50cyBieSBjcmVhdGVkIiwieWVzdGVyZGF5IiwiYSJd") // ["accounts by created","yesterday","a"]
	f.Fuzz(func(t *testing.T, cursor string) {
		for _, sort := range []credstore.AccountSort{credstore.SortAccountName, credstore.SortAccountCreated} {
			for _, request := range []credstore.PageRequest{{After: cursor}, {Before: cursor}} {
				page, err := store.ListAccounts(t.Context(), credstore.AccountFilter{Sort: sort}, request)
				if err != nil && !errors.Is(err, credstore.ErrInvalid) {
					t.Fatal(err)
				}
				require.LessOrEqual(t, len(page.Items), 3)
			}
		}
	})
}

// A cursor of the right form with values of the wrong kind is refused, or
// continues somewhere, on either engine.
func TestForgedCursors(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		for _, forged := range []string{
			"WyJhY2NvdW50cyBieSBjcmVhdGVkIiwieWVzdGVyZGF5IiwiYSJd", // ["accounts by created","yesterday","a"]
			"WyJhY2NvdW50cyBieSBjcmVhdGVkIiwxLDJd",                 // ["accounts by created",1,2]
		} {
			filter := credstore.AccountFilter{Sort: credstore.SortAccountCreated}
			_, err := store.ListAccounts(t.Context(), filter, credstore.PageRequest{After: forged})
			if err != nil {
				require.ErrorIs(t, err, credstore.ErrInvalid)
				require.NotContains(t, err.Error(), "yesterday")
			}
		}
	})
}
