package credstoretest

import (
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

// A Fixture is one store under test and the means to prepare it.
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

	// Reopen opens another store on the same data, as another process would, and
	// closes it when the test ends. Not needed by [RunRequests].
	Reopen func(t testing.TB) credstore.Store
	// Damage makes the account's stored secrets unreadable, behind the store's back.
	Damage func(t testing.TB, accountID string)
	// Break makes the store unable to answer from now on, as when the server is
	// gone: the methods return ErrUnavailable.
	Break func(t testing.TB)
	// BreakAudit makes every write of an audit event fail from now on. Not needed
	// under [Exceptions.NoAdmin].
	BreakAudit func(t testing.TB)
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
}

// Run tests all of the contract.
func Run(t *testing.T, h Harness) {
	RunRequests(t, h)
}

// RunRequests tests the contract of [credstore.RequestStore] and
// [credstore.TokenStore], for what stands in front of a whole store.
func RunRequests(t *testing.T, h Harness) {
}

// addAccount puts an account in place by the fixture's means.
func (f *Fixture) addAccount(t testing.TB, account credstore.NewAccount) {
	t.Helper()
	if f.AddAccount != nil {
		f.AddAccount(t, account)
		return
	}
	_, err := f.Admin.CreateAccount(t.Context(), account)
	require.NoError(t, err)
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
