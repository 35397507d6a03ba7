package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// A slackOutcome is what came of a test message; the zero value: none was sent.
type slackOutcome struct {
	Sent    bool
	Message string
}

// testSlack sends a message with what is stored. It is recorded first: what cannot be
// recorded is not sent.
func (s *server) testSlack(c *gin.Context) {
	ctx := c.Request.Context()
	f, err := s.storedSlack(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	if f.Test.Message = "Nothing was sent: save a webhook first."; f.HasWebhook {
		event := credstore.AuditEvent{Action: credstore.ActionSlackTest, ObjectType: credstore.ObjectTrain, ObjectID: f.TrainID}
		if err := s.admin.AppendAudit(ctx, event); err != nil {
			s.fail(c, err)
			return
		}
		f.Test = s.sendSlackTest(ctx, f.TrainID, f.stored)
	}
	s.renderPart(c, http.StatusOK, "slack", "slack-test-result", page{Title: "Slack of " + f.TrainID, Section: "trains", Body: f})
}

// slackClient reaches whatever host an operator names: operators are trusted with every
// credential there is, and receivers that speak Slack's protocol stand in private
// networks. So what a test can be made to do elsewhere is kept small: one POST of a fixed
// message over http or https, no redirect followed, nothing of the answer taken but its
// status and a header of bounded size, for limits.answer, and as often as limits.outside
// says.
var slackClient = &http.Client{
	Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, // a test is rare
		MaxResponseHeaderBytes: 16 << 10,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// A slackMessage is what Slack's incoming webhooks take.
type slackMessage struct {
	Text      string `json:"text"`
	Channel   string `json:"channel,omitempty"`
	Username  string `json:"username,omitempty"`
	IconEmoji string `json:"icon_emoji,omitempty"`
}

func (s *server) sendSlackTest(ctx context.Context, trainID string, stored *credstore.SlackConfig) slackOutcome {
	ctx, cancel := context.WithTimeout(ctx, s.limits.answer)
	defer cancel()
	webhook := stored.WebhookURL.Reveal()
	if webhookProblem(webhook) != "" { // stored by another program
		return slackOutcome{Message: "Nothing was sent: the stored webhook is no http or https address."}
	}
	status, err := postToSlack(ctx, webhook, slackMessage{
		Channel: stored.Channel, Username: stored.Username, IconEmoji: stored.IconEmoji,
		Text: "Test message of train " + trainID + ", sent from the Signalbox dashboard.",
	})
	switch {
	case err != nil:
		return slackOutcome{Message: slackFailure(err)}
	case status != http.StatusOK:
		return slackOutcome{Message: slackRefusal(status)}
	}
	return slackOutcome{Sent: true, Message: "Sent. Slack has accepted the message."}
}

// postToSlack posts a message, and returns the status of the answer.
func postToSlack(ctx context.Context, webhook string, message slackMessage) (status int, err error) {
	body, err := json.Marshal(message)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := slackClient.Do(request)
	if err != nil {
		return 0, err
	}
	_ = answer.Body.Close() // unread, which ends the connection
	return answer.StatusCode, nil
}

// slackFailure says why there was no answer, in words of its own: the error's text has
// the webhook in it.
func slackFailure(err error) string {
	var unknownHost *net.DNSError
	var refused *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "No answer in time. Whether the message arrived is not known."
	case errors.As(err, &unknownHost):
		return "Not sent: the webhook's host name cannot be found."
	case errors.As(err, &refused) && refused.Op == "dial":
		return "Not sent: the webhook's host cannot be reached."
	}
	return "Not sent: the connection to the webhook's host failed."
}

// slackRefusal says what an answer other than 200 means.
func slackRefusal(status int) string {
	hint := slackHints[status]
	if status >= 300 && status < 400 {
		hint = " Redirects are not followed."
	}
	return fmt.Sprintf("Not accepted: the answer was %s.%s", strings.TrimSpace(fmt.Sprint(status, " ", http.StatusText(status))), hint)
}

// slackHints are what Slack means by a status (its guide "Sending messages using
// incoming webhooks").
var slackHints = map[int]string{
	http.StatusBadRequest:      " Slack does not take a message with this channel, user name or icon.",
	http.StatusForbidden:       " Slack does not allow messages to this channel.",
	http.StatusNotFound:        " The webhook or its channel does not exist, or no longer.",
	http.StatusGone:            " The channel is archived.",
	http.StatusTooManyRequests: " Slack asks to wait: try again in a minute.",
}
