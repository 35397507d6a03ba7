package selection

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"github.com/signalbox-go/signalbox/credstore"
)

// defaultTrain is ranked for when no train id is given.
const defaultTrain = "default"

// Rank returns the accounts in the order in which the train tries them: highest
// score first, equal scores by name in byte order, duplicates removed. An
// account's score is the first eight bytes, big endian, of the SHA-256 of
// "<train id>::<account>".
//
// The train id is trimmed as [credstore.TrimSpace] does; where nothing is left
// it is "default". Strings are taken as the bytes they are, valid UTF-8 or not.
// The order of accounts has no effect, and accounts is not modified.
func Rank(trainID string, accounts []string) []string {
	return rankBy(trainID, accounts, func(account *string) string { return *account })
}

// rankBy is [Rank] for anything that has an account name.
func rankBy[T any](trainID string, items []T, name func(*T) string) []T {
	scores := scoresOf(trainID, items, name)
	order := roughlyDescending(scores)
	before := func(a, b int32) bool {
		if scores[a] != scores[b] {
			return scores[a] > scores[b]
		}
		return name(&items[a]) < name(&items[b])
	}
	for i := 1; i < len(order); i++ { // an insertion sort: little is left to do
		for j := i; j > 0 && before(order[j], order[j-1]); j-- {
			order[j], order[j-1] = order[j-1], order[j]
		}
	}

	ranked := make([]T, 0, len(items))
	for i, at := range order {
		if i == 0 || before(order[i-1], at) { // neither before the other: a duplicate
			ranked = append(ranked, items[at])
		}
	}
	return ranked
}

// scoresOf hashes from one buffer with one hash state: nothing is allocated for an
// account.
func scoresOf[T any](trainID string, items []T, name func(*T) string) []uint64 {
	trainID = credstore.TrimSpace(trainID)
	if trainID == "" {
		trainID = defaultTrain
	}
	input := append(make([]byte, 0, 2*credstore.MaxIDLength+len("::")), trainID...)
	input = append(input, "::"...)
	prefix := len(input)
	digest, sum := sha256.New(), make([]byte, 0, sha256.Size)
	scores := make([]uint64, len(items))
	for i := range items {
		input = append(input[:prefix], name(&items[i])...)
		digest.Reset()
		digest.Write(input)
		scores[i] = binary.BigEndian.Uint64(digest.Sum(sum))
	}
	return scores
}

// roughlyDescending returns the indexes of scores, sorted by their leading bits.
// Scores are evenly spread, so with as many buckets as scores hardly two share
// one. This takes a fifth of the time of a comparison sort, which would cost
// more than half as much as the hashing.
func roughlyDescending(scores []uint64) []int32 {
	width := bits.Len(uint(len(scores)))
	bucket := func(score uint64) uint64 { return ^score >> (64 - width) }
	starts := make([]int32, 1<<width+1)
	for _, score := range scores {
		starts[bucket(score)+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	order := make([]int32, len(scores))
	for i, score := range scores {
		at := &starts[bucket(score)]
		order[*at] = int32(i)
		*at++
	}
	return order
}
