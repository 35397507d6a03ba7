package credstoretest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

// exceptionTests prove the exceptions that are declared.
func exceptionTests(e Exceptions) []test {
	var tests []test
	for _, exception := range []struct {
		reason, name string
		run          func(t *testing.T, f *Fixture)
	}{
		{e.NoAdmin, "NoAdmin", testNoAdmin},
		{e.NoMappings, "NoMappings", testNoMappings},
		{e.NoSlack, "NoSlack", testNoSlack},
		{e.NoTrainText, "NoTrainText", testNoTrainText},
		{e.NoLastUsed, "NoLastUsed", testNoLastUsed},
		{e.NoEvents, "NoEvents", testNoEvents},
		{e.NoByteOrder, "NoByteOrder", testNoByteOrder},
	} {
		if exception.reason != "" {
			tests = append(tests, test{name: exception.name, run: exception.run})
		}
	}
	return tests
}

func testNoAdmin(t *testing.T, f *Fixture) {
	_, ok := f.Store.(credstore.AdminStore)
	require.False(t, ok)
}

func testNoMappings(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	page, err := f.Store.ListMappings(t.Context(), "main", credstore.PageRequest{})
	require.NoError(t, err)
	require.Empty(t, page.Items)
	require.Empty(t, page.Next)
	require.Zero(t, f.train(t, "main").Mappings)
	require.Empty(t, f.train(t, "main").DefaultAccountID)
	require.Empty(t, f.trainIDs(t, credstore.TrainFilter{AccountID: "acc_a"}))
}

func testNoSlack(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	slack, err := f.Store.GetSlackConfig(t.Context(), "main")
	require.NoError(t, err)
	require.Nil(t, slack)
	require.False(t, f.train(t, "main").HasSlack)
}

func testNoTrainText(t *testing.T, f *Fixture) {
	f.addTrain(t, train("main"))
	require.Empty(t, f.train(t, "main").Name)
	require.Empty(t, f.train(t, "main").Description)
}

func testNoLastUsed(t *testing.T, f *Fixture) {
	f.addAccounts(t, apiKeyAccount("a"))
	f.Store.TouchLastUsed("acc_a", time.Now())
	require.NoError(t, f.Store.Close())
	account, err := f.Reopen(t).GetAccount(t.Context(), "acc_a")
	require.NoError(t, err)
	require.True(t, account.LastUsedAt.IsZero())
}

func testNoEvents(t *testing.T, f *Fixture) {
	_, ok := f.Store.(credstore.Notifier)
	require.False(t, ok)
}

func testNoByteOrder(t *testing.T, f *Fixture) {
	f.addMixed(t)
	require.ElementsMatch(t, mixedNames, f.accountNames(t, credstore.AccountFilter{}))
}
