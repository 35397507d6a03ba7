package oauth

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-go/signalbox/credstore"
)

const (
	tick         = 30 * time.Second // between two looks at all accounts, give or take a quarter
	atOnce       = 4                // refreshes in the background at a time
	accountsPage = 500
)

// Run refreshes tokens before requests have to wait for it, until ctx ends; then
// it returns nil. About every 30 seconds it lists the active OAuth accounts (no
// secret is decrypted for that), refreshes those that expire within the lead,
// four at a time, and replays what dead processes left in the journal. Accounts
// that need re-authentication, and those whose expiry is not known, are left
// alone.
//
// Any number of processes may do this for one store: chance spreads their looks
// and their leads, and the first of them takes the lease.
func (r *Refresher) Run(ctx context.Context) error {
	for {
		if err := r.refreshDue(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("oauth: background refresh: cannot list the accounts", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(jitter(tick)):
		}
		_ = r.Replay(ctx) // logs its errors
	}
}

// refreshDue refreshes the tokens of all accounts that expire soon.
func (r *Refresher) refreshDue(ctx context.Context) error {
	var group errgroup.Group
	group.SetLimit(atOnce)
	err := r.eachOAuthAccount(ctx, func(account credstore.Account) {
		left := jitter(r.opts.Lead)
		if account.ExpiresAt.IsZero() || time.Until(account.ExpiresAt) > left {
			return
		}
		group.Go(func() error {
			r.refreshOne(ctx, account, need{left: left})
			return nil
		})
	})
	return errors.Join(err, group.Wait())
}

// refreshOne refreshes one account's tokens. An account that cannot be read, for
// want of the right encryption key for example, is logged once until it changes.
func (r *Refresher) refreshOne(ctx context.Context, account credstore.Account, n need) {
	cred, err := r.store.GetCredential(ctx, account.ID)
	if err == nil {
		r.told.forget(account.ID)
		_, _ = r.better(ctx, cred, n) // the flight logs what goes wrong
		return
	}
	if ctx.Err() == nil && r.told.isNews(account.ID, kind(err)+account.UpdatedAt.String()) {
		r.log.Warn("oauth: background refresh: cannot read the account", "account", account.ID, "name", account.Name, "error", err)
	}
}

func (r *Refresher) eachOAuthAccount(ctx context.Context, do func(credstore.Account)) error {
	active, reauth := true, false
	filter := credstore.AccountFilter{Type: credstore.OAuth, Active: &active, Reauth: &reauth}
	page := credstore.PageRequest{Limit: accountsPage}
	for {
		accounts, err := r.store.ListAccounts(ctx, filter, page)
		if err != nil {
			return err
		}
		for _, account := range accounts.Items {
			do(account)
		}
		if page.After = accounts.Next; page.After == "" {
			return nil
		}
	}
}
