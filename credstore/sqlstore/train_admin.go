package sqlstore

import (
	"context"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
)

// CreateTrain implements [credstore.TrainAdmin].
func (s *Store) CreateTrain(ctx context.Context, train credstore.NewTrain) (*credstore.Train, error) {
	created, err := s.createTrain(ctx, train)
	return created, about(err, "create train %q", train.ID)
}

func (s *Store) createTrain(ctx context.Context, train credstore.NewTrain) (*credstore.Train, error) {
	if err := credstore.CheckID("train id", train.ID); err != nil {
		return nil, err
	}
	if err := checkTrainText(&train.Name, &train.Description); err != nil {
		return nil, err
	}
	hashes, err := hashClientKeys(train.ClientKeys)
	if err != nil {
		return nil, err
	}
	slack, err := newSlack(train.Slack)
	if err != nil {
		return nil, err
	}
	c := newChange()
	c.after["name"], c.after["description"], c.after["active"] = train.Name, train.Description, true
	if len(hashes) > 0 {
		c.after["client_keys"] = hashes
	}
	if train.Slack != nil {
		c.after["slack"] = auditSlack(train.Slack)
	}
	row := TrainRow{ID: train.ID, Name: train.Name, Description: train.Description, ClientKeyHashes: hashes, Slack: slack, Active: true}
	var created *credstore.Train
	err = s.write(ctx, func(ctx context.Context, tx *Tx) (err error) {
		if err := tx.InsertTrains(ctx, row); err != nil {
			return err
		}
		if err := tx.record(ctx, credstore.ActionTrainCreate, credstore.ObjectTrain, train.ID, c); err != nil {
			return err
		}
		created, err = tx.readTrain(ctx, train.ID)
		return err
	})
	return created, err
}

func checkTrainText(name, description *string) error {
	if name != nil {
		if err := checkShortText("train name", *name); err != nil {
			return err
		}
	}
	if description != nil {
		return checkText("description", *description)
	}
	return nil
}

// UpdateTrain implements [credstore.TrainAdmin].
func (s *Store) UpdateTrain(ctx context.Context, trainID string, update credstore.TrainUpdate) (*credstore.Train, error) {
	err := checkTrainText(update.Name, update.Description)
	var updated *credstore.Train
	if err == nil {
		err = s.changeTrain(ctx, trainID, credstore.ActionTrainUpdate, func(_ context.Context, _ *Tx, train *credstore.Train, p *patch) error {
			updated = train
			if err := checkSeen(update.IfUpdatedAt, train.UpdatedAt); err != nil {
				return err
			}
			if update.Name != nil && *update.Name != train.Name {
				p.put("train_name", nullText(*update.Name), "name", train.Name, *update.Name)
				train.Name = *update.Name
			}
			if update.Description != nil && *update.Description != train.Description {
				p.put("description", nullText(*update.Description), "description", train.Description, *update.Description)
				train.Description = *update.Description
			}
			return nil
		})
	}
	if err != nil {
		return nil, about(err, "update train %q", trainID)
	}
	return updated, nil
}

// DeactivateTrain implements [credstore.TrainAdmin].
func (s *Store) DeactivateTrain(ctx context.Context, trainID string) error {
	return about(s.setTrainActive(ctx, trainID, false, credstore.ActionTrainDeactivate), "deactivate train %q", trainID)
}

// ReactivateTrain implements [credstore.TrainAdmin].
func (s *Store) ReactivateTrain(ctx context.Context, trainID string) error {
	return about(s.setTrainActive(ctx, trainID, true, credstore.ActionTrainReactivate), "reactivate train %q", trainID)
}

func (s *Store) setTrainActive(ctx context.Context, trainID string, active bool, action credstore.Action) error {
	return s.changeTrain(ctx, trainID, action, func(_ context.Context, _ *Tx, train *credstore.Train, p *patch) error {
		if train.Active != active {
			p.put("is_active", active, "active", train.Active, active)
		}
		return nil
	})
}

// changeTrain is the frame of every change of a train: with the train's row
// locked, fill puts the change into a patch, and may change mappings itself; then
// the patch is written with its audit event. A patch without a change is nothing.
func (s *Store) changeTrain(ctx context.Context, trainID string, action credstore.Action,
	fill func(ctx context.Context, tx *Tx, train *credstore.Train, p *patch) error) error {
	if err := credstore.CheckID("train id", trainID); err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx *Tx) error {
		train, err := tx.lockTrain(ctx, trainID)
		if err != nil {
			return err
		}
		p := newPatch()
		if err := fill(ctx, tx, train, p); err != nil {
			return err
		}
		return tx.applyTrain(ctx, train, p, action)
	})
}

// lockTrain keeps the train's row, and with it its mappings, as they are until the
// transaction ends.
func (tx *Tx) lockTrain(ctx context.Context, trainID string) (*credstore.Train, error) {
	var one int
	if err := tx.get(ctx, &one, `SELECT 1 FROM trains WHERE train_id = ?`+tx.dialect.lock("trains"), trainID); err != nil {
		return nil, err
	}
	return tx.readTrain(ctx, trainID)
}

// applyTrain writes a patch and its audit event; nothing for an empty one. The
// train's updated_at moves with everything that belongs to it.
func (tx *Tx) applyTrain(ctx context.Context, train *credstore.Train, p *patch, action credstore.Action) error {
	if len(p.before)+len(p.after) == 0 {
		return nil
	}
	updatedAt, err := tx.after(ctx, train.UpdatedAt)
	if err != nil {
		return err
	}
	p.columns["updated_at"] = timeParam(updatedAt)
	if err := tx.execBuilt(ctx, sq.Update("trains").SetMap(p.columns).Where("train_id = ?", train.ID)); err != nil {
		return err
	}
	train.UpdatedAt = updatedAt
	tx.changed(credstore.EventTrain, train.ID)
	return tx.record(ctx, action, credstore.ObjectTrain, train.ID, p.change)
}
