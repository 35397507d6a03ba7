// Package signalbox is the front door of a Go SDK for the credentials of an
// Anthropic API gateway. It holds no code; the packages below do.
//
// A signal box is where a railway decides which train takes which track. Here it
// decides which account serves which train, keeps both in a store, and keeps every
// OAuth token alive.
//
//   - An account is an upstream credential: an API key, or a pair of OAuth tokens.
//   - A train is a client project. It has client keys, which its clients present,
//     and may have mapped accounts with priorities, and a default account.
//   - A store keeps accounts and trains: credential files, SQLite or PostgreSQL.
//
// # Packages, in reading order
//
//   - credstore: the words, the interfaces that every store offers, the errors.
//   - crypto: how secrets are sealed and client keys hashed.
//   - credstore/filestore, credstore/sqlstore: the stores. credstore/backend
//     chooses one by configuration; credstore/cachestore puts a cache in front;
//     credstore/credstoretest is the suite that all of them pass.
//   - selection: which accounts may serve a train, in which order.
//   - oauth: credentials that are fresh, refreshed once in the whole fleet.
//   - upstream: an http.RoundTripper that sends a request with the first
//     account that can serve it.
//   - migrate: the schema, and the import from files.
//
// # The way of a request
//
// Four calls in a line, each taking what the one before returned:
//
//	err := store.ValidateClientKey(ctx, train, key)          // credstore
//	candidates, err := selector.Candidates(ctx, train, "")   // selection
//	credential, err := refresher.Credential(ctx, candidates[0].ID) // oauth
//	upstream.SetCredential(request.Header, credential)       // upstream
//
// upstream.Transport does the last two, and the next candidate when one is
// refused. The example of package upstream is a complete gateway; examples/proxy
// is one with all its edges.
package signalbox
