package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// A slackImport is the Slack configuration of an account file on its way to a train.
type slackImport struct {
	item   ImportItem // ID is the train's
	config *credstore.SlackConfig
}

// planSlack gives the configurations to the trains that the options name.
func (i *importer) planSlack() {
	files := map[string]*filestore.AccountFile{}
	for _, a := range i.accounts {
		if a.file != nil && a.file.Slack != nil {
			files[a.file.Account.Name] = a.file
		}
	}
	for _, account := range slices.Sorted(maps.Keys(i.opts.Slack)) {
		for _, train := range i.opts.Slack[account] {
			s := &slackImport{item: ImportItem{ID: train}}
			i.slack = append(i.slack, s)
			if file := files[account]; file != nil {
				s.item.File, s.config = file.Path, file.Slack
			} else {
				s.item.fail(fmt.Errorf("%w: no readable account file named %s has a Slack configuration", credstore.ErrNotFound, account))
			}
		}
	}
}

// noteSlackLeft reports the configurations that neither the options give to a
// train nor a stored train has; stored are those of the database.
func (i *importer) noteSlackLeft(stored []json.RawMessage) {
	for _, a := range i.accounts {
		if a.file == nil || a.file.Slack == nil || len(i.opts.Slack[a.file.Account.Name]) > 0 {
			continue
		}
		s := &slackImport{config: a.file.Slack}
		if !slices.ContainsFunc(stored, s.isStored) {
			a.item.note("its Slack configuration is given to no train")
			i.slackLeft = append(i.slackLeft, a.file.Account.Name)
		}
	}
}

// slackJSON is a Slack configuration as trains.slack_config has it.
type slackJSON struct {
	WebhookURL string `json:"webhook_url,omitempty"`
	Channel    string `json:"channel,omitempty"`
	Username   string `json:"username,omitempty"`
	IconEmoji  string `json:"icon_emoji,omitempty"`
	Enabled    *bool  `json:"enabled"` // absent: true
}

func (s *slackImport) json() slackJSON {
	return slackJSON{s.config.WebhookURL.Reveal(), s.config.Channel, s.config.Username, s.config.IconEmoji, &s.config.Enabled}
}

// write sets the train's configuration, unless it has one.
func (s *slackImport) write(ctx context.Context, tx *sqlstore.Tx) error {
	return tx.Savepoint(ctx, func() error {
		row, err := tx.GetTrain(ctx, s.item.ID)
		if err != nil {
			return err
		}
		if row.Slack != nil {
			s.item.Outcome = OutcomeUnchanged
			if !s.isStored(row.Slack) {
				s.item.note("the train has another Slack configuration, which stays")
			}
			return nil
		}
		s.item.Outcome = OutcomeNew
		if s.config.WebhookURL.IsZero() {
			s.item.note("the configuration has no webhook_url: nothing will be sent")
		}
		if row.Slack, err = json.Marshal(s.json()); err != nil {
			return errors.New("the configuration cannot be written as JSON") // the reason may quote it
		}
		if err := tx.PutTrain(ctx, *row); err != nil {
			return err
		}
		return tx.AppendAudit(ctx, s.event())
	})
}

func (s *slackImport) isStored(stored json.RawMessage) bool {
	var fields slackJSON
	if json.Unmarshal(stored, &fields) != nil {
		return false
	}
	want := s.json()
	enabled := fields.Enabled == nil || *fields.Enabled
	fields.Enabled, want.Enabled = nil, nil
	return fields == want && enabled == s.config.Enabled
}

func (s *slackImport) event() credstore.AuditEvent {
	slack := map[string]any{
		"webhook_url": redacted(s.config.WebhookURL.Reveal()), "channel": s.config.Channel,
		"username": s.config.Username, "icon_emoji": s.config.IconEmoji, "enabled": s.config.Enabled,
	}
	return credstore.AuditEvent{
		Action: credstore.ActionSlackUpdate, ObjectType: credstore.ObjectTrain, ObjectID: s.item.ID,
		Before: auditState(map[string]any{"slack": nil}), After: auditState(map[string]any{"slack": slack}),
	}
}
