package filestore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/paging"
)

// ListTrains implements [credstore.TrainReader]. A train is a client key file;
// CreatedAt and UpdatedAt are when it last changed.
func (s *Store) ListTrains(ctx context.Context, filter credstore.TrainFilter, page credstore.PageRequest) (credstore.Page[credstore.Train], error) {
	none := credstore.Page[credstore.Train]{}
	order, err := trainOrder(filter)
	if err != nil {
		return none, err
	}
	found, err := s.filterTrains(ctx, filter)
	if err != nil {
		return none, err
	}
	trains, err := order.page(found, page)
	return shown(trains, func(t *train) credstore.Train { return t.info }), err
}

// CountTrains implements [credstore.TrainReader].
func (s *Store) CountTrains(ctx context.Context, filter credstore.TrainFilter) (int, error) {
	found, err := s.filterTrains(ctx, filter)
	return len(found), err
}

func (s *Store) filterTrains(ctx context.Context, filter credstore.TrainFilter) ([]*train, error) {
	if err := checkSearch(filter.Search); err != nil {
		return nil, err
	}
	now, err := s.trainsNow(ctx)
	if err != nil {
		return nil, err
	}
	var found []*train
	for _, id := range now.trainIDs {
		// All trains are active, and none has an account of its own.
		if (filter.Search == "" || credstore.HasSearch(id, filter.Search)) &&
			(filter.Active == nil || *filter.Active) && filter.AccountID == "" &&
			(!filter.WithoutClientKeys || now.trains[id].info.ClientKeys == 0) {
			found = append(found, now.trains[id])
		}
	}
	return found, nil
}

func trainOrder(filter credstore.TrainFilter) (order[*train], error) {
	o := order[*train]{name: "trains by " + string(filter.Sort), descending: filter.Descending}
	first := func(*train) string { return "" }
	switch filter.Sort {
	case "", credstore.SortTrainID:
		o.name = "trains by id"
	case credstore.SortTrainName: // in files, trains have none
	case credstore.SortTrainCreated:
		first = func(t *train) string { return timeKey(t.info.CreatedAt) }
	default:
		return o, fmt.Errorf("%w: unknown order of trains", credstore.ErrInvalid)
	}
	o.key = func(t *train) sortKey { return sortKey{First: first(t), Name: t.id} }
	return o, nil
}

// GetTrain implements [credstore.TrainReader].
func (s *Store) GetTrain(ctx context.Context, trainID string) (*credstore.Train, error) {
	found, err := s.train(ctx, trainID)
	if err != nil {
		return nil, err
	}
	train := found.info
	return &train, nil
}

// train returns the train with that id, from a file that looks as it does now: a
// client key that was removed opens nothing any more, notice or not.
func (s *Store) train(ctx context.Context, trainID string) (*train, error) {
	if err := credstore.CheckID("train id", trainID); err != nil {
		return nil, err
	}
	now, err := s.trainsNow(ctx)
	if err != nil {
		return nil, err
	}
	found := now.trains[trainID]
	var last *file[trainKeys]
	if found != nil {
		last = found.source
	}
	if !s.trains.looksCurrent(trainID, last) {
		s.rereadTrain(trainID)
		if now, err = s.trainsNow(ctx); err != nil {
			return nil, err
		}
		found = now.trains[trainID]
	}
	if found == nil {
		return nil, fmt.Errorf("train %q: %w", trainID, credstore.ErrNotFound)
	}
	return found, nil
}

// trainsNow returns what client key files said last.
func (s *Store) trainsNow(ctx context.Context) (*snapshot, error) {
	now := s.now.Load()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return now, now.trainsErr
}

// ListMappings implements [credstore.TrainReader]: there are none in files.
func (s *Store) ListMappings(ctx context.Context, trainID string, page credstore.PageRequest) (credstore.Page[credstore.Mapping], error) {
	_, err := s.train(ctx, trainID)
	if err == nil && page.After+page.Before != "" {
		err = errCursor
	}
	return credstore.Page[credstore.Mapping]{}, err
}

// GetSlackConfig implements [credstore.TrainReader]: there is none in files.
func (s *Store) GetSlackConfig(ctx context.Context, trainID string) (*credstore.SlackConfig, error) {
	_, err := s.train(ctx, trainID)
	return nil, err
}

// ListClientKeys implements [credstore.TrainReader].
func (s *Store) ListClientKeys(ctx context.Context, trainID string, page credstore.PageRequest) (credstore.Page[credstore.ClientKey], error) {
	none := credstore.Page[credstore.ClientKey]{}
	hashes, err := s.hashes(ctx, trainID)
	if err != nil {
		return none, err
	}
	border, err := clientKeyBorder(hashes, page)
	if err != nil {
		return none, err
	}
	keys := paging.Window(hashes, border, page, func(i int) string {
		return encodeCursor(clientKeyCursor{Place: i, Hash: hashes[i]})
	})
	return shown(keys, func(hash string) credstore.ClientKey { return credstore.ClientKey{Hash: hash} }), nil
}

// A clientKeyCursor is the first or last key of a page.
type clientKeyCursor struct {
	Place int
	Hash  string
}

// clientKeyBorder is how many keys come before the border of the page: it is at
// the key its cursor names or, when that is gone, where that was.
func clientKeyBorder(hashes []string, page credstore.PageRequest) (int, error) {
	place, err := paging.PlaceOf(page)
	if err != nil || place.Cursor == "" {
		return 0, err
	}
	var key clientKeyCursor
	if !decodeCursor(place.Cursor, &key) || key.Place < 0 || key.Hash == "" {
		return 0, errCursor
	}
	found := slices.Index(hashes, key.Hash)
	switch {
	case found < 0:
		return min(key.Place, len(hashes)), nil
	case place.Behind():
		return found + 1, nil
	}
	return found, nil
}

// hashes returns the hashes of a train's client keys, to be read only.
func (s *Store) hashes(ctx context.Context, trainID string) ([]string, error) {
	found, err := s.train(ctx, trainID)
	if err != nil {
		return nil, err
	}
	if errors.Is(found.err, credstore.ErrUnavailable) {
		return nil, fmt.Errorf("train %q: %w", trainID, found.err)
	}
	return found.hashes(), nil
}
