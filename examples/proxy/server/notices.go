package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/signalbox-go/signalbox/credstore"
)

const (
	// noticeTimeout bounds one try to post a notice, and so also how long the end of
	// the program may have to wait for it.
	noticeTimeout = 10 * time.Second
	// noticeTries and noticePause are how often a notice is tried, and how long after
	// the first try the second one is made; each further pause is four times as long.
	// So there are a few minutes for Slack, or the way there, to recover.
	noticeTries = 5
	noticePause = 2 * time.Second
)

// notices posts to Slack what a person has to know.
type notices struct {
	webhook credstore.Secret // zero: nothing is posted
	client  *http.Client
	log     *slog.Logger
	pause   time.Duration // noticePause
	ending  chan struct{} // closed when the program ends
	posting sync.WaitGroup
}

func newNotices(webhook credstore.Secret, log *slog.Logger) *notices {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true} // a notice is rare
	return &notices{
		webhook: webhook, client: &http.Client{Transport: transport}, log: log,
		pause: noticePause, ending: make(chan struct{}),
	}
}

// needsReauth says that an account needs re-authentication. It does not wait.
func (n *notices) needsReauth(accountID, accountName, reason string) {
	if n.webhook.IsZero() {
		return
	}
	text := fmt.Sprintf("Account %s (%s) needs re-authentication: the provider refused its refresh token (%s). "+
		"It serves no requests until somebody logs in again.", accountName, accountID, reason)
	n.posting.Go(func() {
		if err := n.postPatiently(text); err != nil {
			n.log.Error("slack: cannot post a notice", "account", accountName, "error", err)
		}
	})
}

// postPatiently tries a few times, unless Slack refuses the notice or the program ends.
func (n *notices) postPatiently(text string) error {
	pause := n.pause
	for try := 1; ; try++ {
		err := n.post(text)
		if err == nil || try == noticeTries || isRefusal(err) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-n.ending:
			return err
		}
		pause *= 4
	}
}

// isRefusal tells that Slack will not take the notice later, either.
func isRefusal(err error) bool {
	var answer slack.StatusCodeError
	return errors.As(err, &answer) && answer.Code < http.StatusInternalServerError && answer.Code != http.StatusTooManyRequests
}

func (n *notices) post(text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), noticeTimeout)
	defer cancel()
	err := slack.PostWebhookCustomHTTPContext(ctx, n.webhook.Reveal(), n.client, &slack.WebhookMessage{Text: text})
	var withURL *url.Error // its text holds the webhook
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}

// end gives notices that wait for another try up, and returns when nothing is posted
// any more.
func (n *notices) end() {
	close(n.ending)
	n.posting.Wait()
}
