package server

import (
	"context"
	"maps"
	"sync"
	"time"
)

// memorySessions keep sessions where there is no database: they end with the program.
type memorySessions struct {
	mu       sync.Mutex
	sessions map[string]memorySession
}

type memorySession struct {
	data   []byte
	expiry time.Time
}

func newMemorySessions() *memorySessions {
	return &memorySessions{sessions: make(map[string]memorySession)}
}

func (m *memorySessions) FindCtx(_ context.Context, token string) (data []byte, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	session, found := m.sessions[token]
	return session.data, found && time.Now().Before(session.expiry), nil
}

func (m *memorySessions) CommitCtx(_ context.Context, token string, data []byte, expiry time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[token] = memorySession{data, expiry}
	return nil
}

func (m *memorySessions) ExtendCtx(_ context.Context, token string, expiry time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if session, found := m.sessions[token]; found {
		m.sessions[token] = memorySession{session.data, expiry}
	}
	return nil
}

func (m *memorySessions) DeleteCtx(ctx context.Context, token string) error {
	_, err := m.DeleteMany(ctx, []string{token})
	return err
}

func (m *memorySessions) AllCtx(context.Context) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[string][]byte)
	for token, session := range m.sessions {
		all[token] = session.data
	}
	return all, nil
}

func (m *memorySessions) DeleteMany(_ context.Context, tokens []string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.sessions)
	for _, token := range tokens {
		delete(m.sessions, token)
	}
	return before - len(m.sessions), nil
}

func (m *memorySessions) DeleteExpired(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.sessions)
	maps.DeleteFunc(m.sessions, func(_ string, s memorySession) bool { return !time.Now().Before(s.expiry) })
	return before - len(m.sessions), nil
}

// Find, Commit and Delete are for scs, which calls them for stores without contexts.
func (m *memorySessions) Find(token string) ([]byte, bool, error) {
	return m.FindCtx(context.Background(), token)
}

// Commit is CommitCtx.
func (m *memorySessions) Commit(token string, data []byte, expiry time.Time) error {
	return m.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx.
func (m *memorySessions) Delete(token string) error { return m.DeleteCtx(context.Background(), token) }
