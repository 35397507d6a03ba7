package server

import (
	"context"
	"time"

	"github.com/alexedwards/scs/v2/memstore"
)

// memorySessions keep sessions where there is no database: they end with the program.
type memorySessions struct{ *memstore.MemStore }

func newMemorySessions() memorySessions {
	return memorySessions{memstore.NewWithCleanupInterval(0)} // see DeleteExpired
}

func (m memorySessions) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	return m.Find(token)
}

func (m memorySessions) CommitCtx(_ context.Context, token string, b []byte, expiry time.Time) error {
	return m.Commit(token, b, expiry)
}

func (m memorySessions) DeleteCtx(_ context.Context, token string) error { return m.Delete(token) }

func (m memorySessions) AllCtx(context.Context) (map[string][]byte, error) { return m.All() }

func (m memorySessions) ExtendCtx(_ context.Context, token string, expiry time.Time) error {
	b, found, err := m.Find(token)
	if err != nil || !found {
		return err
	}
	return m.Commit(token, b, expiry)
}

// DeleteExpired does nothing: ended sessions are small, and are never found.
func (m memorySessions) DeleteExpired(context.Context) (int, error) { return 0, nil }
