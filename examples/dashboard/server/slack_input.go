package server

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-go/signalbox/credstore"
)

// slackSettings are what forms say of a train's notices, but for the webhook.
type slackSettings struct {
	Channel, Username, IconEmoji string
	Enabled                      bool
}

func (s slackSettings) config(webhook credstore.Secret) *credstore.SlackConfig {
	return &credstore.SlackConfig{
		WebhookURL: webhook, Channel: s.Channel, Username: s.Username, IconEmoji: s.IconEmoji, Enabled: s.Enabled,
	}
}

// slackInputs are what the template "slack-inputs" takes: the fields of both forms that
// have a Slack configuration.
type slackInputs struct {
	slackSettings
	HasWebhook bool // one is stored
	Errors     map[string]string
}

// A slackText is what the template "slack-text" takes: a field of the form.
type slackText struct{ Name, TestID, Label, Value, Help, Problem string }

// Field is for the template.
func (i slackInputs) Field(name, testID, label, value, help string) slackText {
	return slackText{name, testID, label, value, help, i.Errors[name]}
}

// Bounds of what is typed, in characters. Slack's channel names have up to 80 (its API
// reference, conversations.create); an id or a name with # is no longer than this.
const (
	maxWebhook   = 2048
	maxSlackText = 255
)

// readSlackSettings reads what was sent, and tells fail of mistakes by field.
func readSlackSettings(values url.Values, fail func(field, message string)) slackSettings {
	text := func(field string) string {
		value := strings.TrimSpace(values.Get(field))
		if problem := lineProblem(value, maxSlackText); problem != "" {
			fail(field, problem)
		}
		return value
	}
	return slackSettings{text("channel"), text("username"), text("icon_emoji"), values.Get("enabled") != ""}
}

// lineProblem says what is wrong with a line of text of up to so many characters.
func lineProblem(text string, most int) string {
	switch {
	case utf8.RuneCountInString(text) > most:
		return upTo(most)
	case strings.ContainsFunc(text, unicode.IsControl):
		return "There is a control character inside."
	}
	return ""
}

// readWebhook reads the webhook; none typed is the zero secret.
func readWebhook(values url.Values, needed bool, fail func(field, message string)) credstore.Secret {
	text := credstore.TrimSpace(values.Get("webhook_url"))
	if text == "" {
		if needed {
			fail("webhook_url", "This is needed while notices are on.")
		}
		return credstore.Secret{}
	}
	if problem := webhookProblem(text); problem != "" {
		fail("webhook_url", problem)
	}
	return credstore.NewSecret(text)
}

// webhookProblem says, without quoting it, what is wrong with the address of a webhook.
func webhookProblem(text string) string {
	if utf8.RuneCountInString(text) > maxWebhook {
		return upTo(maxWebhook)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return "There is white space or a control character inside."
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "Give the whole address, which begins with https:// or http://."
	}
	return ""
}
