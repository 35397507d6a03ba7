package selection_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/selection"
)

func accountNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("account-%04d", i)
	}
	return names
}

func trainIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("train-%04d", i)
	}
	return ids
}

// BenchmarkRank1000 ranks 1,000 accounts; compare with BenchmarkSHA256x1000, the
// bare sums of the same inputs.
func BenchmarkRank1000(b *testing.B) {
	names := accountNames(1000)
	trains := trainIDs(1000) // ever another order to sort: none that the processor learns
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		selection.Rank(trains[i%len(trains)], names)
	}
}

func BenchmarkSHA256x1000(b *testing.B) {
	inputs := make([][]byte, 1000)
	for i, name := range accountNames(1000) {
		inputs[i] = []byte("train-0001::" + name)
	}
	var sum [sha256.Size]byte
	for b.Loop() {
		for _, input := range inputs {
			sum = sha256.Sum256(input)
		}
	}
	_ = sum
}

// BenchmarkCandidates1000 chooses for a train that may use 1,000 accounts, from a
// store that returns what it returned before.
func BenchmarkCandidates1000(b *testing.B) {
	refs := accounts(accountNames(1000)...)
	backend := &store{
		routes: map[string]*credstore.Route{"train": {TrainID: "train", Active: true}}, active: refs,
	}
	for _, bench := range []struct {
		name    string
		cooling int
	}{{"none cools", 0}, {"one cools", 1}, {"half cool", 500}} {
		selector := selection.New(backend, nil)
		for i := range bench.cooling {
			selector.CoolDown(refs[i].ID, time.Now().Add(time.Hour))
		}
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := selector.Candidates(b.Context(), "train", ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
