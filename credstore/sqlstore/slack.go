package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/signalbox-go/signalbox/credstore"
)

// slackFields are the fields of the stored JSON that this package knows. The
// webhook URL is stored in the clear, as the TypeScript system does.
type slackFields struct {
	WebhookURL *string `json:"webhook_url"`
	Channel    *string `json:"channel"`
	Username   *string `json:"username"`
	IconEmoji  *string `json:"icon_emoji"`
	Enabled    *bool   `json:"enabled"` // absent: true
}

// readSlack returns the stored JSON; nil when there is no configuration.
func (q querier) readSlack(ctx context.Context, trainID string) (json.RawMessage, error) {
	var stored sql.NullString
	if err := q.get(ctx, &stored, `SELECT CAST(slack_config AS text) FROM trains WHERE train_id = ?`, trainID); err != nil {
		return nil, err
	}
	if !stored.Valid || stored.String == "null" {
		return nil, nil
	}
	return json.RawMessage(stored.String), nil
}

// parseSlack reads stored JSON; nil for none. ErrDamaged.
func parseSlack(stored json.RawMessage) (*credstore.SlackConfig, error) {
	if stored == nil {
		return nil, nil
	}
	var fields slackFields
	if err := json.Unmarshal(stored, &fields); err != nil {
		// Without the reason, which may quote a value.
		return nil, fmt.Errorf("%w: slack_config is not an object of texts", credstore.ErrDamaged)
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	return &credstore.SlackConfig{
		WebhookURL: credstore.NewSecret(text(fields.WebhookURL)),
		Channel:    text(fields.Channel), Username: text(fields.Username), IconEmoji: text(fields.IconEmoji),
		Enabled: fields.Enabled == nil || *fields.Enabled,
	}, nil
}

// GetSlackConfig implements [credstore.TrainReader].
func (s *Store) GetSlackConfig(ctx context.Context, trainID string) (*credstore.SlackConfig, error) {
	if err := credstore.CheckID("train id", trainID); err != nil {
		return nil, err
	}
	stored, err := s.readSlack(ctx, trainID)
	if err != nil {
		return nil, about(err, "train %q", trainID)
	}
	slack, err := parseSlack(stored)
	return slack, about(err, "train %q", trainID)
}

// SetSlackConfig implements [credstore.TrainAdmin].
func (s *Store) SetSlackConfig(ctx context.Context, trainID string, slack *credstore.SlackConfig) error {
	err := checkSlack(slack)
	if err == nil {
		err = s.changeTrain(ctx, trainID, credstore.ActionSlackUpdate, func(ctx context.Context, tx *Tx, _ *credstore.Train, p *patch) error {
			stored, err := tx.readSlack(ctx, trainID)
			if err != nil {
				return err
			}
			return patchSlack(p, stored, slack)
		})
	}
	return about(err, "Slack configuration of train %q", trainID)
}

// patchSlack puts the change from the stored JSON to slack into p.
func patchSlack(p *patch, stored json.RawMessage, slack *credstore.SlackConfig) error {
	before, err := parseSlack(stored)
	damaged := err != nil // then it is replaced as a whole
	if damaged {
		before, stored = nil, nil
	}
	if slack == nil {
		if before != nil || damaged {
			p.put("slack_config", nil, "slack", auditSlack(before), nil)
		}
		return nil
	}
	after := *slack
	if after.WebhookURL.IsZero() && before != nil {
		after.WebhookURL = before.WebhookURL
	}
	if before != nil && sameSlack(before, &after) {
		return nil
	}
	data, err := mergeSlack(stored, &after)
	if err != nil {
		return err
	}
	p.put("slack_config", string(data), "slack", auditSlack(before), auditSlack(&after))
	return nil
}

// newSlack is the JSON of a new train's configuration; nil for none.
func newSlack(slack *credstore.SlackConfig) (json.RawMessage, error) {
	if slack == nil {
		return nil, nil
	}
	if err := checkSlack(slack); err != nil {
		return nil, err
	}
	return mergeSlack(nil, slack)
}

func checkSlack(slack *credstore.SlackConfig) error {
	if slack == nil {
		return nil
	}
	for what, text := range map[string]string{
		"Slack webhook URL": slack.WebhookURL.Reveal(), "Slack channel": slack.Channel,
		"Slack user name": slack.Username, "Slack icon": slack.IconEmoji,
	} {
		if err := checkText(what, text); err != nil {
			return err
		}
	}
	if slack.WebhookURL.IsZero() {
		return nil
	}
	webhook, err := url.Parse(slack.WebhookURL.Reveal()) // the error quotes it
	if err != nil || webhook.Host == "" || (webhook.Scheme != "https" && webhook.Scheme != "http") {
		return fmt.Errorf("%w: the Slack webhook is not an http or https URL", credstore.ErrInvalid)
	}
	return nil
}

func sameSlack(a, b *credstore.SlackConfig) bool {
	return a.WebhookURL.Equal(b.WebhookURL) && a.Channel == b.Channel && a.Username == b.Username &&
		a.IconEmoji == b.IconEmoji && a.Enabled == b.Enabled
}

// mergeSlack writes slack over the stored JSON, whose other fields stay. Empty
// texts are left out.
func mergeSlack(stored json.RawMessage, slack *credstore.SlackConfig) (json.RawMessage, error) {
	fields := make(map[string]any)
	if stored != nil {
		var kept map[string]json.RawMessage
		if err := json.Unmarshal(stored, &kept); err != nil {
			return nil, err
		}
		for name, value := range kept {
			fields[name] = value
		}
	}
	for name, text := range map[string]string{
		"webhook_url": slack.WebhookURL.Reveal(), "channel": slack.Channel, "username": slack.Username, "icon_emoji": slack.IconEmoji,
	} {
		if text == "" {
			delete(fields, name)
		} else {
			fields[name] = text
		}
	}
	fields["enabled"] = slack.Enabled
	return json.Marshal(fields)
}

// auditSlack is the configuration as an audit event shows it; nil for none.
func auditSlack(slack *credstore.SlackConfig) any {
	if slack == nil {
		return nil
	}
	return map[string]any{
		"webhook_url": redacted(!slack.WebhookURL.IsZero()), "channel": slack.Channel,
		"username": slack.Username, "icon_emoji": slack.IconEmoji, "enabled": slack.Enabled,
	}
}
