package sqlstore_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// Faults that a real server does not produce when asked, by a mocked connection.

func newMock(t *testing.T) (*sqlstore.Store, sqlmock.Sqlmock) {
	t.Helper()
	db, mock, err := sqlmock.New(sqlmock.QueryMatcherOption(sqlmock.QueryMatcherRegexp))
	require.NoError(t, err)
	t.Cleanup(func() {
		mock.ExpectClose()
		require.NoError(t, db.Close())
		require.NoError(t, mock.ExpectationsWereMet())
	})
	return newStore(t, sqlstore.Postgres, db), mock
}

// expectDeactivation expects all of a change up to its commit.
func expectDeactivation(mock sqlmock.Sqlmock) {
	one := func() *sqlmock.Rows { return sqlmock.NewRows([]string{"?column?"}).AddRow(1) }
	now := func() {
		mock.ExpectQuery("clock_timestamp").WillReturnRows(sqlmock.NewRows([]string{"now"}).AddRow(time.Now()))
	}
	mock.ExpectBegin()
	mock.ExpectExec("SET LOCAL lock_timeout = 3000").WillReturnResult(sqlmock.NewResult(0, 0))
	mock.ExpectQuery("SELECT 1 FROM trains .* FOR NO KEY UPDATE").WillReturnRows(one())
	mock.ExpectQuery("SELECT t.train_id").WillReturnRows(sqlmock.NewRows([]string{"train_id", "is_active"}).AddRow("main", true))
	now()
	mock.ExpectExec("UPDATE trains SET is_active").WillReturnResult(sqlmock.NewResult(0, 1))
	expectAudit(mock).WillReturnResult(sqlmock.NewResult(0, 1))
	mock.ExpectExec("UPDATE audit_chain").WillReturnResult(sqlmock.NewResult(0, 1))
}

// expectAudit expects the first audit event of all, up to its insertion.
func expectAudit(mock sqlmock.Sqlmock) *sqlmock.ExpectedExec {
	none := func() *sqlmock.Rows { return sqlmock.NewRows([]string{"last_event_id"}) }
	mock.ExpectQuery("FROM audit_chain$").WillReturnRows(none())
	mock.ExpectQuery("FROM audit_chain FOR NO KEY UPDATE").WillReturnRows(none())
	mock.ExpectExec("INSERT INTO audit_chain").WillReturnResult(sqlmock.NewResult(0, 1))
	mock.ExpectQuery("SELECT EXISTS .* FROM audit_events").WillReturnRows(sqlmock.NewRows([]string{"exists"}).AddRow(false))
	mock.ExpectQuery("clock_timestamp").WillReturnRows(sqlmock.NewRows([]string{"now"}).AddRow(time.Now()))
	return mock.ExpectExec("INSERT INTO audit_events")
}

// A commit that fails after all was written is an error, and whoever caches is told
// all the same: nobody knows whether it happened.
func TestCommitFails(t *testing.T) {
	store, mock := newMock(t)
	expectDeactivation(mock)
	mock.ExpectCommit().WillReturnError(&pq.Error{Code: "57P01", Message: "terminating connection"})
	var events []credstore.Event
	defer store.Subscribe(func(event credstore.Event) { events = append(events, event) })()
	require.ErrorIs(t, store.DeactivateTrain(t.Context(), "main"), credstore.ErrUnavailable)
	require.Equal(t, []credstore.Event{{Kind: credstore.EventTrain, ID: "main"}}, events)
}

func TestAuditEventFails(t *testing.T) {
	store, mock := newMock(t)
	mock.ExpectBegin()
	mock.ExpectExec("SET LOCAL").WillReturnResult(sqlmock.NewResult(0, 0))
	expectAudit(mock).WillReturnError(&pq.Error{Code: "53100", Message: "disk full"})
	mock.ExpectRollback()
	err := store.AppendAudit(t.Context(), credstore.AuditEvent{Action: "login", ObjectType: "operator", ObjectID: "o"})
	require.ErrorIs(t, err, credstore.ErrUnavailable)
}

// A connection that breaks between two rows must not look like a short list.
func TestConnectionBreaksBetweenRows(t *testing.T) {
	store, mock := newMock(t)
	rows := func(columns ...string) *sqlmock.Rows { return sqlmock.NewRows(columns).RowError(1, driver.ErrBadConn) }
	mock.ExpectQuery("SELECT a.account_id .* WHERE a.is_active").WillReturnRows(rows("account_name").AddRow("a").AddRow("b"))
	accounts, err := store.ActiveAccounts(t.Context())
	require.ErrorIs(t, err, credstore.ErrUnavailable)
	require.Nil(t, accounts)

	mock.ExpectQuery("FROM trains t").WillReturnRows(rows("account_id").AddRow("a").AddRow("b"))
	route, err := store.GetRoute(t.Context(), "main")
	require.ErrorIs(t, err, credstore.ErrUnavailable)
	require.Nil(t, route)

	mock.ExpectQuery("SELECT account_name").WillReturnRows(rows("account_name").AddRow("a").AddRow("b"))
	page, err := store.ListAccountNames(t.Context(), credstore.PageRequest{})
	require.ErrorIs(t, err, credstore.ErrUnavailable)
	require.Empty(t, page.Items)
}

func TestBeginFails(t *testing.T) {
	store, mock := newMock(t)
	mock.ExpectBegin().WillReturnError(&pq.Error{Code: "53300", Message: "too many clients"})
	require.ErrorIs(t, store.ReleaseLease(t.Context(), "a", "me"), credstore.ErrUnavailable)

	mock.ExpectBegin()
	mock.ExpectExec("SET LOCAL").WillReturnError(errors.New("unexpected"))
	mock.ExpectRollback()
	require.Error(t, store.ReleaseLease(t.Context(), "a", "me"))
}

// An odd value in a row is a damage that is named and not quoted.
func TestOddValue(t *testing.T) {
	store, mock := newMock(t)
	mock.ExpectQuery("SELECT a.account_id").WillReturnRows(sqlmock.NewRows([]string{"account_id", "created_at"}).AddRow("a", "sk-ant-odd"))
	_, err := store.GetAccount(t.Context(), "a")
	require.ErrorIs(t, err, credstore.ErrDamaged)
	require.ErrorContains(t, err, "created_at")
	require.NotContains(t, err.Error(), "sk-ant-")
	require.NotErrorIs(t, err, sql.ErrNoRows)
}
