package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// A trainImport is a client key file on its way into the database.
type trainImport struct {
	item ImportItem
	file *filestore.ClientKeysFile
}

// readTrains finds out which trains are stored, with which client keys and Slack
// configurations.
func (i *importer) readTrains(ctx context.Context) error {
	wanted := map[string]*trainImport{}
	for _, t := range i.trains {
		if t.item.Outcome != OutcomeFailed {
			wanted[t.file.TrainID] = t
			t.plan(nil)
		}
	}
	var slack []json.RawMessage
	for after := ""; ; {
		page, err := readPage(ctx, i.Migrator, i.trainPage(), after, scanTrain)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		after = page[len(page)-1].id
		for _, row := range page {
			if t := wanted[row.id]; t != nil {
				t.plan(row.stored())
			}
			if row.slack.Valid {
				slack = append(slack, json.RawMessage(row.slack.String))
			}
		}
	}
	i.noteSlackLeft(slack)
	return nil
}

// plan decides what to do with the file, and returns the hashes of the client keys
// that the train does not have yet; stored is nil when there is no such train.
func (t *trainImport) plan(stored *sqlstore.TrainRow) (added []string) {
	t.item.Notes, t.item.Changed = nil, nil
	if t.file.Skipped > 0 {
		t.item.note("%d entries are left out: blank, or no text", t.file.Skipped)
	}
	if len(t.file.Keys) == 0 {
		t.item.note("no usable client key: this file lets nobody in")
	}
	if stored == nil {
		t.item.Outcome = OutcomeNew
		return t.hashes()
	}
	if !stored.Active {
		t.item.note("deactivated in the database, and stays so")
	}
	inFile := t.hashes()
	if n := countOthers(stored.ClientKeyHashes, inFile); n > 0 {
		t.item.note("client keys that only the database has: %d; they stay valid until they are revoked", n)
	}
	added = slices.DeleteFunc(inFile, func(hash string) bool { return slices.Contains(stored.ClientKeyHashes, hash) })
	t.item.Outcome = OutcomeUnchanged
	if len(added) > 0 {
		t.item.Outcome, t.item.Changed = OutcomeUpdated, []string{"client_keys"}
	}
	return added
}

// countOthers is how many of the stored hashes, each counted once, are not in the file.
func countOthers(stored, inFile []string) int {
	others := map[string]bool{}
	for _, hash := range stored {
		if !slices.Contains(inFile, hash) {
			others[hash] = true
		}
	}
	return len(others)
}

// hashes are what is stored of the file's client keys.
func (t *trainImport) hashes() []string {
	hashes := make([]string, 0, len(t.file.Keys))
	for _, key := range t.file.Keys {
		hashes = append(hashes, credstore.HashClientKey(key))
	}
	return hashes
}

// writeTrain makes the train, or adds the client keys that it does not have yet;
// none is ever removed. It is done under a savepoint, and once again when somebody
// else made the train meanwhile.
func writeTrain(ctx context.Context, tx *sqlstore.Tx, t *trainImport) error {
	err := tx.Savepoint(ctx, func() error { return t.put(ctx, tx) })
	if errors.Is(err, credstore.ErrAlreadyExists) {
		err = tx.Savepoint(ctx, func() error { return t.put(ctx, tx) })
	}
	return err
}

func (t *trainImport) put(ctx context.Context, tx *sqlstore.Tx) error {
	row, err := tx.GetTrain(ctx, t.file.TrainID)
	if err != nil && !errors.Is(err, credstore.ErrNotFound) {
		return err
	}
	added := t.plan(row)
	if row == nil {
		return insertTrains(ctx, tx, t)
	}
	if len(added) == 0 {
		return nil
	}
	row.ClientKeyHashes = append(row.ClientKeyHashes, added...)
	if err := tx.PutTrain(ctx, *row); err != nil {
		return err
	}
	return tx.AppendAudit(ctx, credstore.AuditEvent{
		Action: credstore.ActionClientKeyAdd, ObjectType: credstore.ObjectTrain, ObjectID: row.ID,
		After: auditState(map[string]any{"client_keys": added}),
	})
}

func insertTrains(ctx context.Context, tx *sqlstore.Tx, trains ...*trainImport) error {
	var rows []sqlstore.TrainRow
	var events []credstore.AuditEvent
	for _, t := range trains {
		hashes := t.hashes()
		rows = append(rows, sqlstore.TrainRow{ID: t.file.TrainID, ClientKeyHashes: hashes, Active: true})
		after := map[string]any{"name": "", "description": "", "active": true}
		if len(hashes) > 0 {
			after["client_keys"] = hashes
		}
		events = append(events, credstore.AuditEvent{
			Action: credstore.ActionTrainCreate, ObjectType: credstore.ObjectTrain, ObjectID: t.file.TrainID, After: auditState(after),
		})
	}
	if err := tx.InsertTrains(ctx, rows...); err != nil {
		return err
	}
	return tx.AppendAudit(ctx, events...)
}
