package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// batchSize is how many new rows go into one statement. One by one, the round
// trips to a PostgreSQL server would cost more than the key derivations of a
// machine with many cores.
const batchSize = 100

// write puts everything that is prepared: trains before accounts, the order in
// which sqlstore locks them, so that no administrative change can deadlock with it.
func (i *importer) write(ctx context.Context, tx *sqlstore.Tx) error {
	for _, part := range []func(context.Context, *sqlstore.Tx) error{i.writeTrains, i.writeSlack, i.writeAccounts} {
		if err := part(ctx, tx); err != nil {
			return err
		}
	}
	if failed := i.report().Summary.Failed; i.opts.Strict && failed > 0 {
		return fmt.Errorf("%w: %d failed", ErrStrict, failed)
	}
	if i.opts.DryRun {
		return errRollBack
	}
	return nil
}

func (i *importer) writeAccounts(ctx context.Context, tx *sqlstore.Tx) error {
	added := slices.DeleteFunc(slices.Clone(i.accounts), func(a *accountImport) bool { return a.item.Outcome != OutcomeNew })
	writeOne := func(a *accountImport) error {
		return a.item.do(ctx, func() error { return i.writeAccount(ctx, tx, a) })
	}
	err := inBatches(ctx, tx, added, func(batch []*accountImport) error { return insertAccounts(ctx, tx, batch...) }, writeOne)
	for _, a := range i.accounts {
		if err == nil && a.item.Outcome == OutcomeUpdated {
			err = writeOne(a)
		}
	}
	return err
}

func (i *importer) writeTrains(ctx context.Context, tx *sqlstore.Tx) error {
	added := slices.DeleteFunc(slices.Clone(i.trains), func(t *trainImport) bool { return t.item.Outcome != OutcomeNew })
	writeOne := func(t *trainImport) error {
		return t.item.do(ctx, func() error { return writeTrain(ctx, tx, t) })
	}
	err := inBatches(ctx, tx, added, func(batch []*trainImport) error { return insertTrains(ctx, tx, batch...) }, writeOne)
	for _, t := range i.trains {
		if err == nil && t.item.Outcome == OutcomeUpdated {
			err = writeOne(t)
		}
	}
	return err
}

func (i *importer) writeSlack(ctx context.Context, tx *sqlstore.Tx) error {
	for _, s := range i.slack {
		if err := s.item.do(ctx, func() error { return s.write(ctx, tx) }); err != nil {
			return err
		}
	}
	return nil
}

// inBatches writes items with all, a batch under one savepoint. Where a batch is
// refused, its items are written one by one, each under a savepoint of its own, so
// that only the one that is at fault fails.
func inBatches[T any](ctx context.Context, tx *sqlstore.Tx, items []T, all func([]T) error, one func(T) error) error {
	for batch := range slices.Chunk(items, batchSize) {
		err := tx.Savepoint(ctx, func() error { return all(batch) })
		if ends(ctx, err) {
			return err
		}
		for k := 0; err != nil && k < len(batch); k++ {
			if err := one(batch[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// do writes one item that has not failed yet. What it returns ends the import.
func (item *ImportItem) do(ctx context.Context, write func() error) error {
	if item.Outcome == OutcomeFailed {
		return nil
	}
	err := write()
	if ends(ctx, err) {
		return err
	}
	if err != nil {
		item.fail(err)
	}
	return nil
}

// ends tells that the error is no item's fault: the database is gone, or the
// caller gave up.
func ends(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, credstore.ErrUnavailable))
}
