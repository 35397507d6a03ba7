package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signalbox-go/signalbox/credstore"
)

// ListMappings implements [credstore.TrainReader].
func (s *Store) ListMappings(ctx context.Context, trainID string, page credstore.PageRequest) (credstore.Page[credstore.Mapping], error) {
	mappings, err := s.listMappings(ctx, trainID, page)
	return mappings, about(err, "mappings of train %q", trainID)
}

func (s *Store) listMappings(ctx context.Context, trainID string, page credstore.PageRequest) (credstore.Page[credstore.Mapping], error) {
	var none credstore.Page[credstore.Mapping]
	if err := credstore.CheckID("train id", trainID); err != nil {
		return none, err
	}
	var one int
	if err := s.get(ctx, &one, `SELECT 1 FROM trains WHERE train_id = ?`, trainID); err != nil {
		return none, err
	}
	// The minus turns highest first into ascending order, as the names are.
	order := ordering[credstore.Mapping]{
		name: "mappings", columns: []string{"-CAST(coalesce(m.priority, 0) AS bigint)", s.dialect.bytewise("a.account_name")},
		key: func(m *credstore.Mapping) []any { return []any{-m.Priority, m.Account.Name} },
	}
	query, err := order.page(selectMappings(trainID), page)
	if err != nil {
		return none, err
	}
	var rows []mappingRow
	if err := s.allBuilt(ctx, &rows, query); err != nil {
		return none, err
	}
	mappings := make([]credstore.Mapping, len(rows))
	for i := range rows {
		mappings[i] = rows[i].mapping()
	}
	return order.cut(mappings, page), nil
}

// AddMapping implements [credstore.TrainAdmin].
func (s *Store) AddMapping(ctx context.Context, trainID, accountID string, priority int) error {
	err := errors.Join(credstore.CheckID("account id", accountID), checkPriority(priority))
	if err == nil {
		err = s.changeTrain(ctx, trainID, credstore.ActionMappingAdd, func(ctx context.Context, tx *Tx, _ *credstore.Train, p *patch) error {
			p.after["account_id"], p.after["priority"] = accountID, priority
			return tx.insertMapping(ctx, trainID, accountID, priority)
		})
	}
	return about(err, "map account %q to train %q", accountID, trainID)
}

func (tx *Tx) insertMapping(ctx context.Context, trainID, accountID string, priority int) error {
	now, err := tx.now(ctx)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO train_account_mappings (train_id, account_id, priority, created_at) VALUES (?, ?, ?, ?)`,
		trainID, accountID, priority, timeParam(now))
	return err
}

// RemoveMapping implements [credstore.TrainAdmin].
func (s *Store) RemoveMapping(ctx context.Context, trainID, accountID string, mayWiden bool) error {
	err := credstore.CheckID("account id", accountID)
	if err == nil {
		err = s.changeTrain(ctx, trainID, credstore.ActionMappingRemove, func(ctx context.Context, tx *Tx, train *credstore.Train, p *patch) error {
			if err := tx.deleteMapping(ctx, trainID, accountID, p); err != nil {
				return err
			}
			if !mayWiden && train.Mappings == 1 && train.DefaultAccountID == "" {
				return credstore.ErrWouldWiden
			}
			return nil
		})
	}
	return about(err, "unmap account %q from train %q", accountID, trainID)
}

// deleteMapping removes a mapping and notes in p what it was.
func (tx *Tx) deleteMapping(ctx context.Context, trainID, accountID string, p *patch) error {
	var priority int
	err := tx.get(ctx, &priority, `DELETE FROM train_account_mappings WHERE train_id = ? AND account_id = ?
		RETURNING coalesce(priority, 0)`, trainID, accountID)
	p.before["account_id"], p.before["priority"] = accountID, priority
	return err
}

// ReorderMappings implements [credstore.TrainAdmin]. The priorities become n … 1.
func (s *Store) ReorderMappings(ctx context.Context, trainID string, seen, accountIDs []string) error {
	err := checkPermutation(seen, accountIDs)
	if err == nil {
		err = s.changeTrain(ctx, trainID, credstore.ActionMappingReorder, func(ctx context.Context, tx *Tx, _ *credstore.Train, p *patch) error {
			return tx.reorder(ctx, trainID, seen, accountIDs, p)
		})
	}
	return about(err, "reorder mappings of train %q", trainID)
}

func checkPermutation(seen, accountIDs []string) error {
	sorted := slices.Sorted(slices.Values(accountIDs))
	if !slices.Equal(slices.Sorted(slices.Values(seen)), sorted) || len(slices.Compact(sorted)) != len(seen) {
		return fmt.Errorf("%w: the new order must name each of the mapped accounts once", credstore.ErrInvalid)
	}
	return nil
}

// seenMappings reads the train's mappings in their order. ErrConflict unless it is
// the one the caller saw.
func (tx *Tx) seenMappings(ctx context.Context, trainID string, seen []string) ([]mappingRow, error) {
	var rows []mappingRow
	err := tx.allBuilt(ctx, &rows, selectMappings(trainID).OrderBy("priority DESC", tx.dialect.bytewise("a.account_name")))
	if err != nil {
		return nil, err
	}
	if !slices.EqualFunc(rows, seen, func(row mappingRow, accountID string) bool { return row.ID.String == accountID }) {
		return nil, credstore.ErrConflict
	}
	return rows, nil
}

func (tx *Tx) reorder(ctx context.Context, trainID string, seen, accountIDs []string, p *patch) error {
	rows, err := tx.seenMappings(ctx, trainID, seen)
	if err != nil {
		return err
	}
	distinct := true // equal priorities are no order: the choice between them is by rank
	stored := make(map[string]int, len(rows))
	for i := range rows {
		distinct = distinct && (i == 0 || rows[i].Priority < rows[i-1].Priority)
		stored[rows[i].ID.String] = rows[i].Priority
	}
	if distinct && slices.Equal(seen, accountIDs) {
		return nil
	}
	for i, accountID := range accountIDs {
		if stored[accountID] == len(accountIDs)-i {
			continue // a move of one step changes two rows
		}
		if _, err := tx.exec(ctx, `UPDATE train_account_mappings SET priority = ? WHERE train_id = ? AND account_id = ?`,
			len(accountIDs)-i, trainID, accountID); err != nil {
			return err
		}
	}
	p.set("mappings", seen, accountIDs)
	return nil
}

// ResetMappings implements [credstore.TrainAdmin]. Its audit event tells the
// priorities that there were.
func (s *Store) ResetMappings(ctx context.Context, trainID string, seen []string) error {
	err := s.changeTrain(ctx, trainID, credstore.ActionMappingReorder, func(ctx context.Context, tx *Tx, _ *credstore.Train, p *patch) error {
		rows, err := tx.seenMappings(ctx, trainID, seen)
		if err != nil {
			return err
		}
		before, after := make(map[string]int), make(map[string]int)
		for _, row := range rows {
			if row.Priority != 0 {
				before[row.ID.String], after[row.ID.String] = row.Priority, 0
			}
		}
		if len(before) == 0 {
			return nil
		}
		p.set("priorities", before, after)
		_, err = tx.exec(ctx, `UPDATE train_account_mappings SET priority = 0 WHERE train_id = ? AND priority <> 0`, trainID)
		return err
	})
	return about(err, "reset mappings of train %q", trainID)
}

// SetDefaultAccount implements [credstore.TrainAdmin].
func (s *Store) SetDefaultAccount(ctx context.Context, trainID, accountID string, mayWiden bool) error {
	var err error
	if accountID != "" {
		err = credstore.CheckID("account id", accountID)
	}
	if err == nil {
		err = s.changeTrain(ctx, trainID, credstore.ActionMappingDefault, func(_ context.Context, _ *Tx, train *credstore.Train, p *patch) error {
			if train.DefaultAccountID == accountID {
				return nil
			}
			if accountID == "" && !mayWiden && train.Mappings == 0 {
				return credstore.ErrWouldWiden
			}
			p.put("default_account_id", nullText(accountID), "default_account_id",
				nullText(train.DefaultAccountID), nullText(accountID))
			return nil
		})
	}
	return about(err, "default account %q of train %q", accountID, trainID)
}

// removeFromTrains takes the account out of every train that maps or defaults to
// it. Trains that have no other account keep it: they are returned.
func (tx *Tx) removeFromTrains(ctx context.Context, accountID string) (kept []string, err error) {
	var trainIDs []string
	err = tx.all(ctx, &trainIDs, `SELECT train_id FROM trains t WHERE default_account_id = ? OR EXISTS
		(SELECT 1 FROM train_account_mappings m WHERE m.train_id = t.train_id AND m.account_id = ?)
		ORDER BY train_id`, accountID, accountID)
	if err != nil {
		return nil, err
	}
	for _, trainID := range trainIDs {
		removed, err := tx.removeFromTrain(ctx, trainID, accountID)
		if err != nil {
			return nil, about(err, "train %q", trainID)
		}
		if !removed {
			kept = append(kept, trainID)
		}
	}
	return kept, nil
}

func (tx *Tx) removeFromTrain(ctx context.Context, trainID, accountID string) (removed bool, err error) {
	train, err := tx.lockTrain(ctx, trainID)
	if err != nil {
		return false, err
	}
	var others int
	err = tx.get(ctx, &others, `SELECT count(*) FROM train_account_mappings WHERE train_id = ? AND account_id <> ?`, trainID, accountID)
	if err != nil {
		return false, err
	}
	if others == 0 && (train.DefaultAccountID == "" || train.DefaultAccountID == accountID) {
		return false, nil // without any account it could use every active one
	}
	mapping := newPatch()
	switch err := tx.deleteMapping(ctx, trainID, accountID, mapping); {
	case err == nil:
		if err := tx.applyTrain(ctx, train, mapping, credstore.ActionMappingRemove); err != nil {
			return false, err
		}
	case !errors.Is(err, credstore.ErrNotFound):
		return false, err
	}
	if train.DefaultAccountID != accountID {
		return true, nil
	}
	byDefault := newPatch()
	byDefault.put("default_account_id", nil, "default_account_id", accountID, nil)
	return true, tx.applyTrain(ctx, train, byDefault, credstore.ActionMappingDefault)
}
