// Package oauthtest is a stand-in for Anthropic's token endpoint, for tests.
//
// A [Provider] issues pairs of tokens and refreshes them as a strict provider
// does: each refresh token works once, and one that is used again revokes the
// whole family of tokens descended from the same login (RFC 9700, section
// 4.14.2). It checks every request against the exact form that the endpoint
// expects, counts, and misbehaves on demand ([Behaviour]).
//
// A Provider is an http.Handler: put it behind httptest.NewServer, behind any
// server of another process, or behind [Provider.Transport], which needs no
// network and so works inside a testing/synctest bubble.
package oauthtest
