package sqlstore_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// addManyTrains gives each of as many trains as there are accounts a default
// account and maps three.
func addManyTrains(t testing.TB, db *sql.DB, count int) {
	t.Helper()
	for _, statement := range []string{
		`INSERT INTO trains (train_id, default_account_id) SELECT 'train-' || id, 'acc_' || id FROM n`,
		`INSERT INTO train_account_mappings (train_id, account_id, priority)
			SELECT 'train-' || id, 'acc_' || substr(CAST(100000 + (i + m) % $1 AS text), 2), m
			FROM n, (SELECT 0 AS m UNION ALL SELECT 1 UNION ALL SELECT 2) x`,
	} {
		_, err := db.ExecContext(t.Context(), numbers+statement, count)
		require.NoError(t, err)
	}
}

// What requests and listings ask finds its rows by an index, in one query.
func TestQueriesUseIndexes(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		addManyAccounts(t, db, 2000)
		addManyTrains(t, db, 2000)
		_, err := db.ExecContext(t.Context(), "ANALYZE")
		require.NoError(t, err)
		store := newStore(t, dialect, db)
		ctx := t.Context()
		filter, page := credstore.AccountFilter{}, credstore.PageRequest{Limit: 100}
		first, err := store.ListAccounts(ctx, filter, page)
		require.NoError(t, err)
		firstTrains, err := store.ListTrains(ctx, credstore.TrainFilter{}, page)
		require.NoError(t, err)

		for name, call := range map[string]func() error{
			"GetRoute":        func() error { _, err := store.GetRoute(ctx, "train-00007"); return err },
			"ClientKeyHashes": func() error { _, err := store.ClientKeyHashes(ctx, "train-00007"); return err },
			"GetCredential":   func() error { _, err := store.GetCredential(ctx, "acc_00007"); return err },
			"GetAccount":      func() error { _, err := store.GetAccount(ctx, "acc_00007"); return err },
			"ByName":          func() error { _, err := store.GetAccountByName(ctx, "team:account-00007"); return err },
			"GetTrain":        func() error { _, err := store.GetTrain(ctx, "train-00007"); return err },
			"ListAccounts": func() error {
				_, err := store.ListAccounts(ctx, filter, credstore.PageRequest{Limit: 100, After: first.Next})
				return err
			},
			"ListTrains": func() error {
				_, err := store.ListTrains(ctx, credstore.TrainFilter{}, credstore.PageRequest{Limit: 100, After: firstTrains.Next})
				return err
			},
		} {
			var plans []string
			store.RecordQueries(func(query string, args []any) {
				plans = append(plans, explain(t, db, dialect, query, args))
				if name != "GetCredential" {
					require.NotContains(t, prefixOfToken.ReplaceAllString(query, ""), "_encrypted", "%s reads no sealed column", name)
				}
			})
			require.NoError(t, call(), name)
			require.Len(t, plans, 1, name)
			require.Empty(t, fullScans(plans[0]), "%s:\n%s", name, plans[0])
		}
	})
}

// prefixOfToken compares the start of a sealed token with a mark, in the database.
var prefixOfToken = regexp.MustCompile(`substr\(\w+\.oauth_refresh_token_encrypted, 1, 64\)`)

// explain is the engine's plan for a query.
func explain(t *testing.T, db *sql.DB, dialect sqlstore.Dialect, query string, args []any) string {
	prefix := "EXPLAIN "
	if dialect == sqlstore.SQLite {
		prefix = "EXPLAIN QUERY PLAN "
	}
	rows, err := sqlx.NewDb(db, "").QueryxContext(t.Context(), prefix+query, args...)
	require.NoError(t, err)
	defer rows.Close()
	var plan []string
	for rows.Next() {
		row, err := rows.SliceScan()
		require.NoError(t, err)
		plan = append(plan, fmt.Sprint(row[len(row)-1]))
	}
	require.NoError(t, rows.Err())
	return strings.Join(plan, "\n")
}

// fullScans are the lines of a plan that read a whole table without an index.
// account_refreshes has a row only while a lease or a mark is there; what a
// co-routine yields is the page.
func fullScans(plan string) (scans []string) {
	for line := range strings.Lines(plan) {
		postgres := strings.Contains(line, "Seq Scan on") && !strings.Contains(line, "account_refreshes")
		name, isScan := strings.CutPrefix(strings.TrimSpace(line), "SCAN ")
		sqlite := isScan && !strings.Contains(line, "USING") && !strings.Contains(line, "VIRTUAL TABLE") &&
			!strings.Contains(plan, "CO-ROUTINE "+name+"\n")
		if postgres || sqlite {
			scans = append(scans, line)
		}
	}
	return scans
}
