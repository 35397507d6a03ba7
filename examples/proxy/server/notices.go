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

// noticeTimeout bounds the posting of a notice, and so also how long the end of the
// program may have to wait for it.
const noticeTimeout = 10 * time.Second

// notices posts to Slack what a person has to know.
type notices struct {
	webhook credstore.Secret // zero: nothing is posted
	client  *http.Client
	log     *slog.Logger
	posting sync.WaitGroup
}

func newNotices(webhook credstore.Secret, log *slog.Logger) *notices {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true} // a notice is rare
	return &notices{webhook: webhook, client: &http.Client{Transport: transport}, log: log}
}

// needsReauth says that an account needs re-authentication. It does not wait.
func (n *notices) needsReauth(accountID, accountName, reason string) {
	if n.webhook.IsZero() {
		return
	}
	text := fmt.Sprintf("Account %s (%s) needs re-authentication: the provider refused its refresh token (%s). "+
		"It serves no requests until somebody logs in again.", accountName, accountID, reason)
	n.posting.Go(func() {
		if err := n.post(text); err != nil {
			n.log.Error("slack: cannot post a notice", "account", accountName, "error", err)
		}
	})
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

// wait returns when all notices are posted or given up.
func (n *notices) wait() { n.posting.Wait() }
