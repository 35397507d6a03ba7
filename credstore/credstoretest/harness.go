package credstoretest

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

// A Harness is what the suite needs to know of a backend.
type Harness struct {
	// New makes an empty store. It is called once for each test, from several
	// goroutines at once, and cleans up through t.
	New func(t *testing.T) *Fixture
	// Exceptions say what the backend cannot hold.
	Exceptions Exceptions
}

// A Fixture is one store under test and the means to prepare it. The functions
// return when Store sees what they did.
type Fixture struct {
	// Store is what is tested.
	Store credstore.Store
	// Admin manages what Store serves: the same store, or the one behind it.
	// nil under [Exceptions.NoAdmin].
	Admin credstore.AdminStore

	// AddAccount puts an active account in place; it always has an id. nil: by
	// Admin.CreateAccount.
	AddAccount func(t testing.TB, account credstore.NewAccount)
	// AddTrain puts an active train in place. nil: by Admin.CreateTrain.
	AddTrain func(t testing.TB, train credstore.NewTrain)

	// RemoveAccount takes an account out of the listing of active accounts. nil: by
	// Admin.DeactivateAccount.
	RemoveAccount func(t testing.TB, accountID string)

	// Reopen opens another store on the same data, as another process would, and
	// closes it when the test ends. Not needed by [RunRequests].
	Reopen func(t testing.TB) credstore.Store
	// Damage makes the account's stored secrets unreadable, behind the store's back.
	Damage func(t testing.TB, accountID string)
	// Break makes the store unable to answer from now on, as when the server is
	// gone: the methods return ErrUnavailable.
	Break func(t testing.TB)
	// BreakAudit makes every write of an audit event fail until mend is called. Not
	// needed under [Exceptions.NoAdmin], nor by [RunRequests].
	BreakAudit func(t testing.TB) (mend func())

	byteOrder bool // not under NoByteOrder
}

// Exceptions are the things a backend cannot hold. A field that is not empty
// declares the exception and is its reason, which is logged.
type Exceptions struct {
	// NoAdmin: the store is no AdminStore; its content is changed by other means.
	// There is no audit trail, and nothing can be deactivated.
	NoAdmin string
	// NoMappings: trains have neither mappings nor a default account, so that
	// every train may use every active account.
	NoMappings string
	// NoSlack: trains have no Slack configuration.
	NoSlack string
	// NoTrainText: trains have neither name nor description.
	NoTrainText string
	// NoLastUsed: LastUsedAt stays zero.
	NoLastUsed string
	// NoEvents: the store is no Notifier.
	NoEvents string
	// NoByteOrder: ListAccounts and ListTrains sort text by some collation of the
	// backend and not by its bytes.
	NoByteOrder string
}

// A test is one test of the suite.
type test struct {
	name     string
	run      func(t *testing.T, f *Fixture)
	requires []func(Exceptions) string // it runs when these are all empty
}

// What a test may require, as the reason why it is not there.
func admin(e Exceptions) string     { return e.NoAdmin }
func mappings(e Exceptions) string  { return e.NoMappings }
func slack(e Exceptions) string     { return e.NoSlack }
func trainText(e Exceptions) string { return e.NoTrainText }
func lastUsed(e Exceptions) string  { return e.NoLastUsed }
func events(e Exceptions) string    { return e.NoEvents }

func needs(things ...func(Exceptions) string) []func(Exceptions) string { return things }

// Run tests all of the contract.
func Run(t *testing.T, h Harness) {
	RunRequests(t, h)
	h.run(t, "Accounts", accountTests)
	h.run(t, "Trains", trainTests)
	h.run(t, "Store", storeTests)
	h.run(t, "AccountAdmin", accountAdminTests)
	h.run(t, "TrainAdmin", trainAdminTests)
	h.run(t, "Audit", auditTests)
	h.run(t, "Paging", pagingTests)
	h.run(t, "Exceptions", exceptionTests(h.Exceptions))
}

// RunRequests tests the contract of [credstore.RequestStore] and
// [credstore.TokenStore], for what stands in front of a whole store.
func RunRequests(t *testing.T, h Harness) {
	logExceptions(t, h.Exceptions)
	h.run(t, "ClientKeys", clientKeyTests)
	h.run(t, "Credentials", credentialTests)
	h.run(t, "Routes", routeTests)
	h.run(t, "LastUsed", lastUsedTests)
	h.run(t, "Tokens", tokenTests)
	h.run(t, "Leases", leaseTests)
	h.run(t, "Reauth", reauthTests)
}

// logExceptions says which exceptions were declared, and why.
func logExceptions(t *testing.T, e Exceptions) {
	declared := reflect.ValueOf(e)
	for i := range declared.NumField() {
		if reason := declared.Field(i).String(); reason != "" {
			t.Logf("exception %s: %s", declared.Type().Field(i).Name, reason)
		}
	}
}

// run runs a group of tests, each with a store of its own, beside the others.
func (h Harness) run(t *testing.T, group string, tests []test) {
	t.Run(group, func(t *testing.T) {
		t.Parallel()
		for _, test := range tests {
			if h.excepts(test) {
				continue
			}
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				f := h.New(t)
				f.byteOrder = h.Exceptions.NoByteOrder == ""
				test.run(t, f)
			})
		}
	})
}

func (h Harness) excepts(test test) bool {
	for _, reason := range test.requires {
		if reason(h.Exceptions) != "" {
			return true
		}
	}
	return false
}

// addAccounts puts accounts in place by the fixture's means.
func (f *Fixture) addAccounts(t testing.TB, accounts ...credstore.NewAccount) {
	t.Helper()
	for _, account := range accounts {
		if f.AddAccount != nil {
			f.AddAccount(t, account)
			continue
		}
		_, err := f.Admin.CreateAccount(t.Context(), account)
		require.NoError(t, err)
	}
}

// addTrain puts a train in place by the fixture's means.
func (f *Fixture) addTrain(t testing.TB, train credstore.NewTrain) {
	t.Helper()
	if f.AddTrain != nil {
		f.AddTrain(t, train)
		return
	}
	_, err := f.Admin.CreateTrain(t.Context(), train)
	require.NoError(t, err)
}

// removeAccount takes an account out of service by the fixture's means.
func (f *Fixture) removeAccount(t testing.TB, accountID string) {
	t.Helper()
	if f.RemoveAccount != nil {
		f.RemoveAccount(t, accountID)
		return
	}
	require.NoError(t, f.Admin.DeactivateAccount(t.Context(), accountID, false))
}
