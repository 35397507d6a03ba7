package filestore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// ListAccountNames implements [credstore.AccountReader]. Accounts whose files are
// refused are left out: see [Store.Problems].
func (s *Store) ListAccountNames(ctx context.Context, page credstore.PageRequest) (credstore.Page[string], error) {
	now, err := s.accountsNow(ctx)
	if err != nil {
		return credstore.Page[string]{}, err
	}
	byName := order[*account]{name: "account names", key: func(a *account) sortKey { return sortKey{Name: a.name} }}
	accounts, err := byName.page(now.usable, page)
	return shown(accounts, func(a *account) string { return a.name }), err
}

// ListAccounts implements [credstore.AccountReader]. Accounts whose files are
// refused are left out. CreatedAt and UpdatedAt are when the file last changed.
func (s *Store) ListAccounts(ctx context.Context, filter credstore.AccountFilter, page credstore.PageRequest) (credstore.Page[credstore.Account], error) {
	none := credstore.Page[credstore.Account]{}
	order, err := s.accountOrder(filter)
	if err != nil {
		return none, err
	}
	found, err := s.filterAccounts(ctx, filter)
	if err != nil {
		return none, err
	}
	accounts, err := order.page(found, page)
	return shown(accounts, s.show), err
}

// CountAccounts implements [credstore.AccountReader].
func (s *Store) CountAccounts(ctx context.Context, filter credstore.AccountFilter) (int, error) {
	found, err := s.filterAccounts(ctx, filter)
	return len(found), err
}

func (s *Store) filterAccounts(ctx context.Context, filter credstore.AccountFilter) ([]*account, error) {
	if err := checkSearch(filter.Search); err != nil {
		return nil, err
	}
	if filter.Type != "" {
		if err := credstore.CheckCredentialType(filter.Type); err != nil {
			return nil, err
		}
	}
	now, err := s.accountsNow(ctx)
	if err != nil {
		return nil, err
	}
	var found []*account
	for _, a := range now.usable {
		if a.passes(filter, s.lastUsed.at(a.id)) {
			found = append(found, a)
		}
	}
	return found, nil
}

func (a *account) passes(filter credstore.AccountFilter, lastUsed time.Time) bool {
	return (filter.Search == "" || credstore.HasSearch(a.name, filter.Search) || credstore.HasSearch(a.id, filter.Search)) &&
		(filter.Type == "" || a.info.Type == filter.Type) &&
		(filter.Active == nil || *filter.Active) &&
		(filter.Reauth == nil || a.info.NeedsReauth() == *filter.Reauth) &&
		(filter.ExpiresBefore.IsZero() || a.info.Type == credstore.OAuth && isBefore(a.info.ExpiresAt, filter.ExpiresBefore)) &&
		(filter.UnusedSince.IsZero() || a.info.CreatedAt.Before(filter.UnusedSince) && lastUsed.Before(filter.UnusedSince))
}

// isBefore tells whether a time that may not be known is before another.
func isBefore(known, other time.Time) bool { return !known.IsZero() && known.Before(other) }

func (s *Store) accountOrder(filter credstore.AccountFilter) (order[*account], error) {
	o := order[*account]{name: "accounts by " + string(filter.Sort), descending: filter.Descending}
	first := func(*account) string { return "" }
	switch filter.Sort {
	case "", credstore.SortAccountName:
		o.name = "accounts by name"
	case credstore.SortAccountCreated:
		first = func(a *account) string { return timeKey(a.info.CreatedAt) }
	case credstore.SortAccountLastUsed:
		first = func(a *account) string { return timeKey(s.lastUsed.at(a.id)) }
	case credstore.SortAccountType:
		first = func(a *account) string { return string(a.info.Type) }
	default:
		return o, fmt.Errorf("%w: unknown order of accounts", credstore.ErrInvalid)
	}
	o.key = func(a *account) sortKey { return sortKey{First: first(a), Name: a.name} }
	return o, nil
}

// GetAccount implements [credstore.AccountReader]. [credstore.ErrDamaged] for a
// file that is refused.
func (s *Store) GetAccount(ctx context.Context, accountID string) (*credstore.Account, error) {
	found, err := s.account(ctx, accountID)
	if err != nil {
		return nil, err
	}
	account := s.show(found)
	return &account, nil
}

// GetAccountByName implements [credstore.AccountReader]. [credstore.ErrDamaged]
// for a file that is refused.
func (s *Store) GetAccountByName(ctx context.Context, name string) (*credstore.Account, error) {
	if err := credstore.CheckID("account name", name); err != nil {
		return nil, err
	}
	found, err := s.freshAccount(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, fmt.Errorf("account named %q: %w", name, credstore.ErrNotFound)
	case found.err != nil:
		return nil, fmt.Errorf("account named %q: %w", name, found.err)
	}
	account := s.show(found)
	return &account, nil
}

// account returns the account with that id, if its file is good.
func (s *Store) account(ctx context.Context, accountID string) (*account, error) {
	if err := credstore.CheckID("account id", accountID); err != nil {
		return nil, err
	}
	now, err := s.accountsNow(ctx)
	if err != nil {
		return nil, err
	}
	found := now.accounts[accountID]
	if found != nil {
		found, err = s.freshAccount(ctx, found.name)
	}
	switch {
	case err != nil:
		return nil, err
	case found == nil || found.id != accountID:
		return nil, fmt.Errorf("account %q: %w", accountID, credstore.ErrNotFound)
	case found.err != nil:
		return nil, fmt.Errorf("account %q: %w", accountID, found.err)
	}
	return found, nil
}

// accountsNow returns what account files said last.
func (s *Store) accountsNow(ctx context.Context) (*snapshot, error) {
	now := s.now.Load()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return now, now.accountsErr
}

// freshAccount returns the account of that name, nil if there is none, from
// files that look as they do now: a change needs no notice to be seen here.
func (s *Store) freshAccount(ctx context.Context, name string) (*account, error) {
	now, err := s.accountsNow(ctx)
	if err != nil {
		return nil, err
	}
	found := now.names[name]
	current := false
	if found == nil {
		current = s.accounts.looksCurrent(name, nil)
	} else {
		current = s.accounts.looksCurrent(name, found.source) && s.states.looksCurrent(name, found.state)
	}
	if current {
		return found, nil
	}
	s.rereadAccount(name)
	if now, err = s.accountsNow(ctx); err != nil {
		return nil, err
	}
	return now.names[name], nil
}

// show returns a copy of what may be shown of an account.
func (s *Store) show(a *account) credstore.Account {
	account := a.info
	account.Scopes = slices.Clone(account.Scopes)
	account.LastUsedAt = s.lastUsed.at(a.id)
	return account
}
