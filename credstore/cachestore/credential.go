package cachestore

import (
	"context"
	"slices"

	"github.com/signalbox-go/signalbox/credstore"
)

// GetCredential implements [credstore.RequestStore]. The identical pointer is
// returned for as long as nothing of the credential changes.
func (s *Store) GetCredential(ctx context.Context, accountID string) (*credstore.Credential, error) {
	if err := credstore.CheckID("account id", accountID); err != nil {
		return nil, err
	}
	return s.credentials.get(ctx, accountID)
}

// SaveTokens implements [credstore.TokenStore]. Whatever the store answers, the
// account is read anew: a failed answer may have been a change nevertheless.
func (s *Store) SaveTokens(ctx context.Context, accountID string, spent credstore.Secret, tokens credstore.Tokens) error {
	defer s.Handle(credstore.Event{Kind: credstore.EventAccount, ID: accountID})
	return s.Store.SaveTokens(ctx, accountID, spent, tokens)
}

// MarkNeedsReauth implements [credstore.TokenStore]; as with SaveTokens, the
// account is read anew.
func (s *Store) MarkNeedsReauth(ctx context.Context, accountID string, spent credstore.Secret, reason string) error {
	defer s.Handle(credstore.Event{Kind: credstore.EventAccount, ID: accountID})
	return s.Store.MarkNeedsReauth(ctx, accountID, spent, reason)
}

func keepCredential(old, loaded *credstore.Credential) *credstore.Credential {
	if sameCredential(old, loaded) {
		return old
	}
	return loaded
}

func sameCredential(a, b *credstore.Credential) bool {
	return a.AccountID == b.AccountID && a.AccountName == b.AccountName && a.Type == b.Type && a.Renewable == b.Renewable && a.NeedsReauth == b.NeedsReauth &&
		a.APIKey.Equal(b.APIKey) && sameTokens(a.Tokens, b.Tokens)
}

func sameTokens(a, b credstore.Tokens) bool {
	return a.Access.Equal(b.Access) && a.Refresh.Equal(b.Refresh) && a.ExpiresAt.Equal(b.ExpiresAt) &&
		(a.Scopes == nil) == (b.Scopes == nil) && slices.Equal(a.Scopes, b.Scopes)
}
