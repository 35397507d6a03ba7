package cachestore

import (
	"context"
	"slices"

	"github.com/signalbox-go/signalbox/credstore"
)

// A train is what requests need to know of a train, loaded together.
type train struct {
	route     *credstore.Route
	hashes    []string // of its client keys
	hashesErr error    // what ClientKeyHashes answers instead
}

// unknownTrain is what client keys are checked against where there is no train.
var unknownTrain = train{route: &credstore.Route{}}

func (s *Store) train(ctx context.Context, trainID string) (*train, error) {
	if err := credstore.CheckID("train id", trainID); err != nil {
		return nil, err
	}
	return s.trains.get(ctx, trainID)
}

func (s *Store) loadTrain(ctx context.Context, trainID string) (*train, error) {
	route, err := s.Store.GetRoute(ctx, trainID)
	if err != nil {
		return nil, err
	}
	hashes, err := s.Store.ClientKeyHashes(ctx, trainID)
	if err != nil && !isAnswer(err) {
		return nil, err
	}
	return &train{route: route, hashes: hashes, hashesErr: err}, nil
}

// keepTrain keeps the pointer to a route that has not changed, and the slice of
// hashes. Who remembers something for that route, as selection.Selector does,
// then need not think again.
func keepTrain(old, loaded *train) *train {
	if sameRoute(old.route, loaded.route) {
		loaded.route = old.route
	}
	if slices.Equal(old.hashes, loaded.hashes) {
		loaded.hashes = old.hashes
	}
	return loaded
}

func sameRoute(a, b *credstore.Route) bool {
	return a.TrainID == b.TrainID && a.Active == b.Active &&
		sameDefault(a.Default, b.Default) && slices.EqualFunc(a.Mappings, b.Mappings, sameMapping)
}

func sameDefault(a, b *credstore.AccountRef) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func sameMapping(a, b credstore.Mapping) bool {
	return a.Account == b.Account && a.Priority == b.Priority && a.CreatedAt.Equal(b.CreatedAt)
}
