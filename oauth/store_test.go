package oauth_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// A memStore is a store in memory for tests that need the faults and the clock in
// their hands; the real ones are in process_test.go.
type memStore struct {
	mu       sync.Mutex
	accounts map[string]*memAccount
	calls    map[string]int   // by method
	faults   map[string]error // by method, as long as set
	behind   map[string]*credstore.Credential
	slow     time.Duration // how long AcquireLease takes
	lost     error         // what the next AcquireLease returns in place of its answer
}

type memAccount struct {
	cred     credstore.Credential
	inactive bool
	owner    string
	until    time.Time
	reason   string
	updated  time.Time
}

func newMemStore() *memStore {
	return &memStore{
		accounts: map[string]*memAccount{},
		calls:    map[string]int{},
		faults:   map[string]error{},
		behind:   map[string]*credstore.Credential{},
	}
}

// put stores tokens for an OAuth account, whatever was there.
func (s *memStore) put(id string, tokens credstore.Tokens) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[id] = &memAccount{cred: credstore.Credential{
		AccountID: id, AccountName: "name-" + id, Type: credstore.OAuth, Tokens: tokens,
		Renewable: !tokens.Refresh.IsZero()}}
}

func (s *memStore) fail(method string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[method] = err
}

// lagBehind makes GetCredential go on returning what is stored now, as a cache does.
func (s *memStore) lagBehind(id string, lag bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.behind, id)
	if lag {
		s.behind[id] = s.accounts[id].share()
	}
}

func (s *memStore) called(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

func (s *memStore) stored(id string) *credstore.Credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts[id].share()
}

func (s *memStore) leaseOwner(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts[id].owner
}

func (a *memAccount) share() *credstore.Credential {
	cred := a.cred
	return &cred
}

// account begins a call; the store is locked when it returns without error.
func (s *memStore) account(ctx context.Context, method, id string) (*memAccount, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", credstore.ErrUnavailable, err)
	}
	s.mu.Lock()
	s.calls[method]++
	err := s.faults[method]
	a := s.accounts[id]
	if err == nil && a == nil {
		err = credstore.ErrNotFound
	}
	if err != nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("account %s: %w", id, err)
	}
	return a, nil
}

func (s *memStore) GetCredential(ctx context.Context, id string) (*credstore.Credential, error) {
	a, err := s.account(ctx, "GetCredential", id)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if a.inactive {
		return nil, credstore.ErrInactive
	}
	if old := s.behind[id]; old != nil {
		return old, nil
	}
	return a.share(), nil
}

func (s *memStore) AcquireLease(ctx context.Context, id, owner string, ttl time.Duration) (credstore.Lease, error) {
	time.Sleep(s.slow)
	a, err := s.account(ctx, "AcquireLease", id)
	if err != nil {
		return credstore.Lease{}, err
	}
	defer s.mu.Unlock()
	now := time.Now()
	if a.owner != "" && a.owner != owner && now.Before(a.until) {
		return credstore.Lease{ExpiresAt: a.until, Credential: a.share()}, nil
	}
	a.owner, a.until = owner, now.Add(ttl)
	if err := s.lost; err != nil {
		s.lost = nil
		return credstore.Lease{}, err
	}
	return credstore.Lease{Acquired: true, ExpiresAt: a.until, Credential: a.share()}, nil
}

func (s *memStore) ReleaseLease(ctx context.Context, id, owner string) error {
	a, err := s.account(ctx, "ReleaseLease", id)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if a.owner == owner {
		a.owner = ""
	}
	return nil
}

func (s *memStore) SaveTokens(ctx context.Context, id string, spent credstore.Secret, tokens credstore.Tokens) error {
	a, err := s.account(ctx, "SaveTokens", id)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if stored := a.cred.Tokens.Refresh; !stored.Equal(spent) {
		if stored.Equal(tokens.Refresh) {
			return nil // saved before
		}
		return credstore.ErrConflict
	}
	if tokens.Scopes == nil {
		tokens.Scopes = a.cred.Tokens.Scopes
	}
	a.cred.Tokens, a.cred.NeedsReauth = tokens, false
	return nil
}

func (s *memStore) MarkNeedsReauth(ctx context.Context, id string, spent credstore.Secret, reason string) error {
	a, err := s.account(ctx, "MarkNeedsReauth", id)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if !a.cred.Tokens.Refresh.Equal(spent) {
		return credstore.ErrConflict
	}
	a.cred.NeedsReauth, a.reason = true, reason
	return nil
}

// ListAccounts pages one account at a time, so that every test of it pages.
func (s *memStore) ListAccounts(_ context.Context, filter credstore.AccountFilter, page credstore.PageRequest) (result credstore.Page[credstore.Account], _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls["ListAccounts"]++
	if err := s.faults["ListAccounts"]; err != nil {
		return result, err
	}
	for _, id := range slices.Sorted(maps.Keys(s.accounts)) {
		a := s.accounts[id]
		if id <= page.After || a.cred.Type != filter.Type || a.inactive == *filter.Active || a.cred.NeedsReauth != *filter.Reauth {
			continue
		}
		if len(result.Items) == 1 {
			result.Next = result.Items[0].ID
			break
		}
		result.Items = append(result.Items, credstore.Account{ID: id, Type: a.cred.Type, ExpiresAt: a.cred.Tokens.ExpiresAt, UpdatedAt: a.updated})
	}
	return result, nil
}
