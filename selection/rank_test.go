package selection_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-go/signalbox/internal/vectors"
	"github.com/signalbox-go/signalbox/selection"
)

func TestRankVectors(t *testing.T) {
	var golden struct {
		Cases []struct {
			Name     string
			TrainID  *string `json:"train_id"`
			Accounts []string
			Expected []string
		}
	}
	require.NoError(t, json.Unmarshal(vectors.Read(t, "selection.json"), &golden))
	require.NotEmpty(t, golden.Cases)
	for _, c := range golden.Cases {
		t.Run(c.Name, func(t *testing.T) {
			trainID := ""
			if c.TrainID != nil {
				trainID = *c.TrainID
			}
			require.Equal(t, c.Expected, selection.Rank(trainID, c.Accounts))
		})
	}
}

func TestRankTrimsTheTrain(t *testing.T) {
	accounts := accountNames(20)
	same := func(a, b string) {
		t.Helper()
		require.Equal(t, selection.Rank(a, accounts), selection.Rank(b, accounts), "%q and %q", a, b)
	}
	differ := func(a, b string) {
		t.Helper()
		require.NotEqual(t, selection.Rank(a, accounts), selection.Rank(b, accounts), "%q and %q", a, b)
	}
	for _, blank := range []string{"", " ", "\ufeff", "\u00a0\u3000\t\r\n\v\f\u2028\u2029\u1680\u205f"} {
		same("default", blank)
		same("train", blank+"train"+blank)
	}
	for _, kept := range []string{"\u0085", "\u200b", "\u180e", "\x00", "\xff"} {
		differ("default", kept)
		differ("train", kept+"train")
	}
	differ("train", "Train")
}

func TestRankEdges(t *testing.T) {
	require.Equal(t, []string{}, selection.Rank("train", nil))
	require.Equal(t, []string{""}, selection.Rank("train", []string{"", ""}))
	odd := []string{"\xff", "\xfe", "a\x00b", "\ud7ff", "ä", "a\u0308", string(make([]byte, 5000))}
	require.ElementsMatch(t, odd, selection.Rank("\xff", odd), "bytes that are no UTF-8 are different names")
}

// slowRank is Rank as one would write it down.
func slowRank(trainID string, accounts []string) []string {
	score := func(account string) uint64 {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s::%s", trainID, account))
		return binary.BigEndian.Uint64(sum[:8])
	}
	ranked := slices.Clone(accounts)
	slices.SortFunc(ranked, func(a, b string) int {
		return cmp.Or(cmp.Compare(score(b), score(a)), cmp.Compare(a, b))
	})
	return slices.Compact(ranked)
}

var (
	anyTrain    = rapid.StringMatching(`[A-Za-z0-9._:-]{1,40}`)
	anyAccounts = rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.StringMatching(`account-[0-9]{1,2}`)))
)

func TestRankIsThePlainDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		train, accounts := anyTrain.Draw(t, "train"), anyAccounts.Draw(t, "accounts")
		before := slices.Clone(accounts)
		require.Equal(t, slowRank(train, accounts), selection.Rank(train, accounts))
		require.Equal(t, before, accounts, "the input was modified")
	})
	for _, n := range []int{1, 2, 3, 255, 256, 257, 5000} {
		require.Equal(t, slowRank("train", accountNames(n)), selection.Rank("train", accountNames(n)))
	}
}

func TestRankIgnoresTheOrderOfAccounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		train, accounts := anyTrain.Draw(t, "train"), anyAccounts.Draw(t, "accounts")
		shuffled := rapid.Permutation(accounts).Draw(t, "shuffled")
		require.Equal(t, selection.Rank(train, accounts), selection.Rank(train, shuffled))
	})
}

// Read from left to right an account is removed, from right to left it is added:
// either way all others keep their places.
func TestRankOfTheOthersStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		train := anyTrain.Draw(t, "train")
		accounts := rapid.SliceOfN(rapid.String(), 1, -1).Draw(t, "accounts")
		gone := rapid.SampledFrom(accounts).Draw(t, "gone")
		isGone := func(account string) bool { return account == gone }

		left := slices.DeleteFunc(slices.Clone(accounts), isGone)
		wanted := slices.DeleteFunc(selection.Rank(train, accounts), isGone)
		require.Equal(t, wanted, selection.Rank(train, left))
	})
}

func TestRemovingAnAccountMovesOnlyItsTrains(t *testing.T) {
	accounts := accountNames(10)
	left := accounts[:9]
	moved := 0
	for _, train := range trainIDs(10_000) {
		before, after := selection.Rank(train, accounts), selection.Rank(train, left)
		if before[0] != accounts[9] {
			require.Equal(t, before[0], after[0], train)
			continue
		}
		moved++
		require.Equal(t, before[1], after[0], "a train moves to its second account")
	}
	require.InEpsilon(t, 1000, moved, 0.1)
}

func TestTrainsSpreadEvenly(t *testing.T) {
	accounts := accountNames(10)
	trains := map[string]int{}
	for _, train := range trainIDs(10_000) {
		trains[selection.Rank(train, accounts)[0]]++
	}
	for _, account := range accounts {
		require.InEpsilon(t, 1000, trains[account], 0.08, "%s serves %d of 10,000 trains", account, trains[account])
	}
}

func TestRankAllocatesNothingPerAccount(t *testing.T) {
	allocations := func(n int) float64 {
		names := accountNames(n)
		return testing.AllocsPerRun(20, func() { selection.Rank("train", names) })
	}
	require.LessOrEqual(t, allocations(1000), 5.0)
	require.Equal(t, allocations(10), allocations(1000))
}
