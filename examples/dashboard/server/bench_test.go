package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/internal/testlog"
)

// manyRows are the accounts and trains that the pages are measured with.
const manyRows = 10_000

// BenchmarkPages asks for every page over HTTP, with 10,000 accounts, 10,000 trains, one
// of which maps 30 of them, and 20,000 audit events in PostgreSQL. Beside
// the mean time it reports the 99th percentile, in milliseconds.
func BenchmarkPages(b *testing.B) {
	w := newWorld(b, "postgres")
	addMany(b, w.store.(*sqlstore.Store))
	w.limits.reads = rateLimit{1e6, 1e6}
	w.start()
	session := w.login("Ann")
	for _, path := range []string{
		"/dashboard", "/dashboard/accounts", "/dashboard/accounts?q=7", "/dashboard/accounts?q=77", "/dashboard/accounts?q=account-777", "/dashboard/accounts?q=nothing",
		"/dashboard/accounts?type=oauth&status=expiring", "/dashboard/accounts?status=unused&sort=last_used", "/dashboard/accounts?sort=created&dir=desc",
		"/dashboard/accounts/acc_00007", "/dashboard/accounts/acc_00007/edit", "/dashboard/accounts/acc_00007/delete", "/dashboard/accounts/new",
		"/dashboard/trains", "/dashboard/trains?q=7", "/dashboard/trains?q=train-777", "/dashboard/trains?status=no_keys", "/dashboard/trains?sort=created&dir=desc",
		"/dashboard/trains/train-00007", "/dashboard/trains/train-00007/edit", "/dashboard/trains/train-00007/accounts", "/dashboard/trains/train-00007/accounts/search?account_id=7",
		"/dashboard/trains/train-00007/slack",
		"/dashboard/audit", "/dashboard/audit?actor=Ben", "/dashboard/audit?action=train.create", "/dashboard/audit?object=train&id=train-00007",
	} {
		b.Run(strings.TrimPrefix(path, "/dashboard"), func(b *testing.B) { benchmarkPage(b, session, path) })
	}
}

func benchmarkPage(b *testing.B, session *browser, path string) {
	var times []time.Duration
	session.w.seen = new(testlog.Buffer)
	for b.Loop() {
		started := time.Now()
		a := session.get(path)
		times = append(times, time.Since(started))
		require.Equal(b, http.StatusOK, a.status)
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkKeystroke checks a name while it is typed, with 10,000 accounts.
func BenchmarkKeystroke(b *testing.B) {
	w := newWorld(b, "postgres")
	addMany(b, w.store.(*sqlstore.Store))
	w.limits.writes, w.limits.reads = rateLimit{1e6, 1e6}, rateLimit{1e6, 1e6}
	w.start()
	session := w.login("Ann").htmx()
	for b.Loop() {
		a := session.post("/dashboard/accounts/validate", url.Values{"account_name": {"account-00777"}})
		require.Equal(b, http.StatusOK, a.status)
	}
}

// addMany fills the database, with secrets that no key opens.
func addMany(b *testing.B, store *sqlstore.Store) {
	b.Helper()
	ctx := credstore.WithActor(b.Context(), credstore.Actor{Kind: credstore.ActorCommand, Name: "Ben"})
	const batch = 500
	for from := 0; from < manyRows; from += batch {
		require.NoError(b, store.RunInTx(ctx, func(tx *sqlstore.Tx) error { return addBatch(ctx, tx, from, from+batch) }))
	}
	for from := 0; from < manyRows; from += batch {
		require.NoError(b, store.RunInTx(ctx, func(tx *sqlstore.Tx) error { return addEvents(ctx, tx, from, from+batch) }))
	}
	for i := range 30 {
		require.NoError(b, store.AddMapping(ctx, "train-00007", fmt.Sprintf("acc_%05d", i), i))
	}
	for i := 0; i < manyRows; i += 2 {
		store.TouchLastUsed(fmt.Sprintf("acc_%05d", i), time.Now().Add(-time.Duration(i)*time.Minute))
	}
}

func addBatch(ctx context.Context, tx *sqlstore.Tx, from, to int) error {
	trains, accounts := make([]sqlstore.TrainRow, 0, to-from), make([]sqlstore.AccountRow, 0, to-from)
	for i := from; i < to; i++ {
		train := sqlstore.TrainRow{ID: fmt.Sprintf("train-%05d", i), Name: fmt.Sprintf("Train %d", i), Description: "A project.", Active: i%10 != 0}
		if i%5 != 0 {
			train.ClientKeyHashes = []string{fmt.Sprintf("%064x", 2*i), fmt.Sprintf("%064x", 2*i+1)}
		}
		trains = append(trains, train)
		account := sqlstore.AccountRow{ID: fmt.Sprintf("acc_%05d", i), Name: fmt.Sprintf("account-%05d", i), Type: credstore.APIKey, APIKey: "sealed", Active: i%10 != 0}
		if i%3 == 0 {
			account.Type, account.APIKey, account.AccessToken, account.RefreshToken = credstore.OAuth, "", "sealed", "sealed"
			account.ExpiresAt = time.Now().Add(time.Duration(i-5000) * time.Minute)
		}
		accounts = append(accounts, account)
	}
	return errors.Join(tx.InsertTrains(ctx, trains...), tx.InsertAccounts(ctx, accounts...))
}

func addEvents(ctx context.Context, tx *sqlstore.Tx, from, to int) error {
	events := make([]credstore.AuditEvent, 0, to-from)
	for i := from; i < to; i++ {
		events = append(events,
			credstore.AuditEvent{Action: credstore.ActionTrainCreate, ObjectType: credstore.ObjectTrain, ObjectID: fmt.Sprintf("train-%05d", i), After: json.RawMessage(`{"name":"Train","active":true}`)},
			credstore.AuditEvent{Action: credstore.ActionAccountUpdate, ObjectType: credstore.ObjectAccount, ObjectID: fmt.Sprintf("acc_%05d", i), Before: json.RawMessage(`{"name":"old"}`), After: json.RawMessage(`{"name":"new"}`)})
	}
	return tx.AppendAudit(ctx, events...)
}
