package upstream

import (
	"context"

	"github.com/signalbox-go/signalbox/credstore"
)

type candidatesKey struct{}

// WithCandidates returns a context for a request that the accounts may serve, in the
// order in which [Transport] tries them: what [selection.Selector.Candidates] returned.
func WithCandidates(ctx context.Context, candidates []credstore.AccountRef) context.Context {
	return context.WithValue(ctx, candidatesKey{}, candidates)
}

func candidatesFrom(ctx context.Context) []credstore.AccountRef {
	candidates, _ := ctx.Value(candidatesKey{}).([]credstore.AccountRef)
	return candidates
}
