package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signalbox-go/signalbox/credstore"
)

// Replay saves the tokens that processes which died had got and not saved, and
// gives their leases back. Call it at start; [Refresher.Run] goes on with it, and
// a refresh does it for its account before it spends a token.
//
// The error tells of entries that stay for later: the store is not available,
// they are sealed under another key, or their account is not in this store. None
// of them is a reason not to start. A file that is no entry, or is cut short, is
// renamed to end in ".damaged", and reported once. Everything is logged, too, once.
func (r *Refresher) Replay(ctx context.Context) error {
	found := r.replay(asRefresher(ctx), "")
	var errs []error
	for _, unread := range found.unread {
		errs = append(errs, unread.err)
	}
	for _, stuck := range found.stuck {
		errs = append(errs, stuck.err)
	}
	return errors.Join(errs...)
}

// settle replays the leftovers of the attempt's account, and those of journals
// beside this one in which stored, the refresh token in the store, was spent. alone
// tells that there were none, and that no live process has spent stored, or is about
// to. It returns an error when stored is spent, and what it was changed for is in an
// entry that cannot be replayed now, or may be in one that cannot be read: it must
// not be spent a second time.
func (a *attempt) settle(stored credstore.Secret) (alone bool, _ error) {
	ctx, cancel := context.WithTimeout(a.life, storeTimeout)
	defer cancel()
	hash := tokenHash(stored)
	found := a.replay(ctx, a.accountID)
	found.add(a.replayAll(ctx, a.journal.leftoversBeside(a.accountID, hash)))
	for _, unread := range found.unread {
		if !errors.Is(unread.err, errDamaged) { // what is damaged never tells more
			return false, fmt.Errorf("oauth: account %s: nothing was sent: %w", a.accountID, unread.err)
		}
	}
	for _, stuck := range found.stuck {
		if stuck.SpentHash == hash {
			return false, stuck.err
		}
	}
	held := slices.ContainsFunc(found.live, func(live content) bool { return live.SpentHash == hash })
	return !held && found.done == 0, nil
}

// A replayReport tells what became of the journal's leftovers.
type replayReport struct {
	done   int       // how many are done with
	live   []content // entries of live processes
	stuck  []stuck   // those that stay for later
	unread []unread  // those that cannot be read
}

type stuck struct {
	content
	err error
}

func (r *replayReport) add(other replayReport) {
	r.done += other.done
	r.live = append(r.live, other.live...)
	r.stuck = append(r.stuck, other.stuck...)
	r.unread = append(r.unread, other.unread...)
}

// replay replays the leftovers of an account, or of all accounts.
func (r *Refresher) replay(ctx context.Context, accountID string) replayReport {
	return r.replayAll(ctx, r.journal.leftovers(accountID))
}

func (r *Refresher) replayAll(ctx context.Context, found findings) replayReport {
	report := replayReport{live: found.live, unread: found.unread}
	for _, u := range found.unread {
		r.logOnce(u.file, u.err)
	}
	for _, left := range found.leftovers {
		err := r.replayOne(ctx, left)
		left.close()
		file := r.journal.name(left.path)
		if err == nil {
			r.journal.told.forget(file)
			report.done++
			continue
		}
		err = fmt.Errorf("oauth: refresh journal: %s: new tokens of account %s cannot be saved yet: %w", file, left.AccountID, err)
		r.logOnce(file, err)
		report.stuck = append(report.stuck, stuck{left.content, err})
	}
	return report
}

// logOnce logs trouble with a file: those that stay are found again and again.
func (r *Refresher) logOnce(file string, err error) {
	if r.journal.told.isNews(file, kind(err)) {
		r.log.Error("oauth: an interrupted refresh is not replayed", "error", err)
	}
}

// replayOne finishes one interrupted refresh; on an error the entry stays.
func (r *Refresher) replayOne(ctx context.Context, left *leftover) error {
	switch {
	case left.Tokens != "":
		if err := r.replayTokens(ctx, left); err != nil {
			return err
		}
	case left.Spent != "":
		r.log.Warn("oauth: a refresh was interrupted before its answer was there; if the provider had changed the tokens by then, the account will need re-authentication",
			"account", left.AccountID, "started_at", left.StartedAt)
	}
	if err := left.remove(); err != nil {
		r.log.Warn("oauth: journal entry was not removed", "account", left.AccountID, "error", err)
	}
	r.giveBack(ctx, left.AccountID, left.Owner)
	return nil
}

func (r *Refresher) replayTokens(ctx context.Context, left *leftover) error {
	spent, tokens, err := left.open()
	if err != nil {
		return err
	}
	err = r.overtaken(ctx, left.AccountID, spent, tokens)
	if err == nil {
		err = r.store.SaveTokens(ctx, left.AccountID, spent, tokens)
	}
	switch {
	case errors.Is(err, credstore.ErrConflict):
		r.log.Info("oauth: an interrupted refresh was overtaken by a newer one", "account", left.AccountID)
	case err != nil:
		return err
	default:
		r.log.Info("oauth: tokens of an interrupted refresh recovered", "account", left.AccountID)
	}
	return nil
}

// overtaken returns credstore.ErrConflict when the store has newer tokens than
// these, of a provider that does not rotate the refresh token: then the store
// itself cannot tell.
func (r *Refresher) overtaken(ctx context.Context, accountID string, spent credstore.Secret, tokens credstore.Tokens) error {
	if !tokens.Refresh.Equal(spent) {
		return nil
	}
	stored, err := r.readAgain(ctx, accountID)
	if err == nil && stored.Tokens.ExpiresAt.After(tokens.ExpiresAt) {
		return credstore.ErrConflict
	}
	return nil // an account that cannot be used is saved all the same
}
