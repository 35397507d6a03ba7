package sqlstore_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// addDashboardData fills a PostgreSQL database as a large deployment would:
// 10,000 accounts and trains of all kinds, all trains mapped to acc_00000 among
// others, and 100,000 audit events over a month.
func addDashboardData(t testing.TB, db *sql.DB) {
	t.Helper()
	addManyAccounts(t, db, 10_000)
	addManyTrains(t, db, 10_000)
	for _, statement := range []string{
		`UPDATE accounts SET credential_type = CASE WHEN i % 3 = 0 THEN 'api_key' ELSE 'oauth' END,
			api_key_encrypted = CASE WHEN i % 3 = 0 THEN oauth_access_token_encrypted END,
			oauth_expires_at = CASE WHEN i % 5 = 0 THEN NULL ELSE 1700000000000 + i * 40000000 END,
			oauth_scopes = ARRAY['user:inference', 'user:profile'], is_active = i % 10 <> 0,
			created_at = now() - i * interval '1 hour',
			last_used_at = CASE WHEN i % 4 = 0 THEN NULL ELSE now() - i * interval '7 minutes' END
			FROM (SELECT account_id AS id, row_number() OVER (ORDER BY md5(account_id)) AS i FROM accounts) n WHERE account_id = id`,
		`INSERT INTO account_refreshes (account_id, reauth_since, reauth_reason, reauth_token)
			SELECT account_id, now(), 'invalid_grant', substr(oauth_refresh_token_encrypted, 1, 64) FROM accounts WHERE account_id LIKE '%7'`,
		`UPDATE trains SET train_name = 'Project ' || substr(md5(train_id), 1, 2), description = repeat('words ', 20),
			client_api_keys_hashed = CASE WHEN i % 19 = 0 THEN NULL ELSE
				ARRAY(SELECT encode(sha256(convert_to(id || k, 'UTF8')), 'hex') FROM generate_series(0, i % 5) k) END,
			slack_config = CASE WHEN i % 2 = 0 THEN '{"webhook_url": "https://hooks.slack.com/services/x", "enabled": true}'::jsonb END,
			is_active = i % 10 <> 0, created_at = now() - i * interval '1 hour'
			FROM (SELECT train_id AS id, row_number() OVER (ORDER BY md5(train_id)) AS i FROM trains) n WHERE train_id = id`,
		`INSERT INTO train_account_mappings (train_id, account_id, priority) SELECT train_id, 'acc_00000', 9 FROM trains ON CONFLICT DO NOTHING`,
		`INSERT INTO train_account_mappings (train_id, account_id, priority) SELECT 'train-00000', account_id, 1 FROM accounts ON CONFLICT DO NOTHING`,
		`INSERT INTO audit_events (event_id, occurred_at, actor_kind, actor_name, actor_verified, actor_session, actor_address,
				action, object_type, object_id, before_state, after_state, hash)
			SELECT i, now() - (100000 - i) * interval '26 seconds', 'operator', 'operator ' || i % 20, false, 'session ' || i / 100, '192.0.2.1',
				CASE WHEN i = 1000 THEN 'slack.test' WHEN i % 3 = 0 THEN 'account.update' WHEN i % 3 = 1 THEN 'train.update' ELSE 'session.login' END,
				CASE WHEN i % 3 = 1 THEN 'train' ELSE 'account' END, 'object ' || i % 5000,
				'{"name":"before","active":true}', '{"name":"after","active":false}', repeat('0', 64)
			FROM generate_series(1, 100000) i`,
		`VACUUM ANALYZE`,
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
}

// A dashboardQuery is what one page of the dashboard asks; it returns how many
// items it got, or counted.
type dashboardQuery struct {
	name string
	run  func(ctx context.Context, s *sqlstore.Store) (int, error)
}

func listedAccounts(name string, filter credstore.AccountFilter, page credstore.PageRequest) dashboardQuery {
	return dashboardQuery{name, func(ctx context.Context, s *sqlstore.Store) (int, error) {
		found, err := s.ListAccounts(ctx, filter, page)
		return len(found.Items), err
	}}
}

func countedAccounts(name string, filter credstore.AccountFilter) dashboardQuery {
	return dashboardQuery{name, func(ctx context.Context, s *sqlstore.Store) (int, error) { return s.CountAccounts(ctx, filter) }}
}

func listedTrains(name string, filter credstore.TrainFilter, page credstore.PageRequest) dashboardQuery {
	return dashboardQuery{name, func(ctx context.Context, s *sqlstore.Store) (int, error) {
		found, err := s.ListTrains(ctx, filter, page)
		return len(found.Items), err
	}}
}

func countedTrains(name string, filter credstore.TrainFilter) dashboardQuery {
	return dashboardQuery{name, func(ctx context.Context, s *sqlstore.Store) (int, error) { return s.CountTrains(ctx, filter) }}
}

func listedAudit(name string, filter credstore.AuditFilter, page credstore.PageRequest) dashboardQuery {
	return dashboardQuery{name, func(ctx context.Context, s *sqlstore.Store) (int, error) {
		found, err := s.ListAudit(ctx, filter, page)
		return len(found.Items), err
	}}
}

// dashboardQueries are the listings of the dashboard's pages, with what makes them
// slow: searches that find little or nothing, filters that leave little, pages in
// the middle.
func dashboardQueries(t testing.TB, store *sqlstore.Store) (queries []dashboardQuery) {
	t.Helper()
	yes, now, page := true, time.Now(), credstore.PageRequest{Limit: 100}
	middle := func(next string, err error) (after, before credstore.PageRequest) {
		require.NoError(t, err)
		require.NotEmpty(t, next)
		return credstore.PageRequest{After: next, Limit: 100}, credstore.PageRequest{Before: next, Limit: 100}
	}
	for _, sort := range []credstore.AccountSort{
		credstore.SortAccountName, credstore.SortAccountCreated, credstore.SortAccountLastUsed, credstore.SortAccountType,
	} {
		filter := credstore.AccountFilter{Sort: sort, Descending: true}
		far, err := store.ListAccounts(t.Context(), filter, credstore.PageRequest{Limit: 1000})
		after, before := middle(far.Next, err)
		filtered, rare := filter, filter
		filtered.Search, filtered.Type, filtered.Active = "ACCOUNT-0", credstore.OAuth, &yes
		rare.Search = "account-07777"
		queries = append(queries,
			listedAccounts("accounts by "+string(sort), filter, page),
			listedAccounts("accounts by "+string(sort)+", after", filter, after),
			listedAccounts("accounts by "+string(sort)+", before", filter, before),
			listedAccounts("accounts by "+string(sort)+", search and filters", filtered, page),
			listedAccounts("accounts by "+string(sort)+", search for one", rare, page))
	}
	for _, sort := range []credstore.TrainSort{credstore.SortTrainID, credstore.SortTrainName, credstore.SortTrainCreated} {
		filter := credstore.TrainFilter{Sort: sort, Descending: true}
		far, err := store.ListTrains(t.Context(), filter, credstore.PageRequest{Limit: 1000})
		after, before := middle(far.Next, err)
		filtered, rare, keyless, using, usingMuch := filter, filter, filter, filter, filter
		filtered.Search, filtered.Active = "TRAIN-0", &yes
		rare.Search = "train-07777"
		keyless.WithoutClientKeys = true
		using.AccountID, usingMuch.AccountID = "acc_00007", "acc_00000"
		queries = append(queries,
			listedTrains("trains by "+string(sort), filter, page),
			listedTrains("trains by "+string(sort)+", after", filter, after),
			listedTrains("trains by "+string(sort)+", before", filter, before),
			listedTrains("trains by "+string(sort)+", search and filter", filtered, page),
			listedTrains("trains by "+string(sort)+", search for one", rare, page),
			listedTrains("trains by "+string(sort)+", without client keys", keyless, page),
			listedTrains("trains by "+string(sort)+", of an account", using, page),
			listedTrains("trains by "+string(sort)+", of an account of all", usingMuch, page))
	}
	far, err := store.ListAudit(t.Context(), credstore.AuditFilter{}, credstore.PageRequest{Limit: 1000})
	after, before := middle(far.Next, err)
	weekAgo := now.AddDate(0, 0, -20)
	return append(queries,
		countedAccounts("count accounts", credstore.AccountFilter{}),
		countedAccounts("count accounts, search and filters", credstore.AccountFilter{Search: "ACCOUNT-0", Type: credstore.OAuth, Active: &yes}),
		countedAccounts("count accounts, search for nothing", credstore.AccountFilter{Search: "no such account"}),
		countedAccounts("count accounts, need login", credstore.AccountFilter{Reauth: &yes, Active: &yes}),
		countedAccounts("count accounts, expire", credstore.AccountFilter{ExpiresBefore: now, Active: &yes}),
		countedAccounts("count accounts, unused", credstore.AccountFilter{UnusedSince: now.AddDate(0, 0, -30), Active: &yes}),
		countedTrains("count trains", credstore.TrainFilter{}),
		countedTrains("count trains, search and filter", credstore.TrainFilter{Search: "TRAIN-0", Active: &yes}),
		countedTrains("count trains, without client keys", credstore.TrainFilter{WithoutClientKeys: true, Active: &yes}),
		countedTrains("count trains, of an account", credstore.TrainFilter{AccountID: "acc_00007"}),
		countedTrains("count trains, of an account of all", credstore.TrainFilter{AccountID: "acc_00000"}),
		dashboardQuery{"mappings of one train, 10,000", func(ctx context.Context, s *sqlstore.Store) (int, error) {
			found, err := s.ListMappings(ctx, "train-00000", page)
			return len(found.Items), err
		}},
		listedAudit("audit", credstore.AuditFilter{}, page),
		listedAudit("audit, after", credstore.AuditFilter{}, after),
		listedAudit("audit, before", credstore.AuditFilter{}, before),
		listedAudit("audit by actor", credstore.AuditFilter{ActorName: "operator 7"}, page),
		listedAudit("audit by nobody", credstore.AuditFilter{ActorName: "nobody"}, page),
		listedAudit("audit by session", credstore.AuditFilter{ActorSession: "session 7"}, page),
		listedAudit("audit by action", credstore.AuditFilter{Action: "account.update"}, page),
		listedAudit("audit by rare action", credstore.AuditFilter{Action: "slack.test"}, page),
		listedAudit("audit by rare family", credstore.AuditFilter{Action: "slack."}, page),
		listedAudit("audit by actor and rare action", credstore.AuditFilter{ActorName: "operator 7", Action: "slack.test"}, page),
		listedAudit("audit of object", credstore.AuditFilter{ObjectType: "train", ObjectID: "object 7"}, page),
		listedAudit("audit of object type", credstore.AuditFilter{ObjectType: "train"}, page),
		listedAudit("audit of object id", credstore.AuditFilter{ObjectID: "object 7"}, page),
		listedAudit("audit of an hour", credstore.AuditFilter{Since: weekAgo, Until: weekAgo.Add(time.Hour)}, page),
		listedAudit("audit since", credstore.AuditFilter{Since: weekAgo}, page),
		listedAudit("audit until", credstore.AuditFilter{Until: weekAgo}, page),
		listedAudit("audit by actor until", credstore.AuditFilter{ActorName: "operator 7", Until: weekAgo}, page),
		listedAudit("audit of everything", credstore.AuditFilter{
			ActorName: "operator 7", Action: "account.", ObjectType: "account", Since: weekAgo, Until: weekAgo.Add(24 * time.Hour),
		}, page))
}

// BenchmarkDashboard is each query of the dashboard on a large PostgreSQL
// database; p99-ms is what the slowest of a hundred took.
func BenchmarkDashboard(b *testing.B) {
	db := open(b, sqlstore.Postgres, engines[0].create(b))
	addDashboardData(b, db)
	store := newStore(b, sqlstore.Postgres, db)
	for _, query := range dashboardQueries(b, store) {
		b.Run(query.name, func(b *testing.B) {
			var took []time.Duration
			var items int
			for b.Loop() {
				start := time.Now()
				found, err := query.run(b.Context(), store)
				took = append(took, time.Since(start))
				require.NoError(b, err)
				items = found
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(items), "items")
		})
	}
}
