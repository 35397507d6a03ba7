// Package credstore holds the words and the contract of Signalbox's stores:
// accounts, trains, client keys, mappings, leases and the audit trail.
//
// An account is an upstream credential: an API key, or a pair of OAuth tokens. A
// train is a client project; it has client keys, which its clients present, and
// may have mapped accounts with priorities and a default account. Account ids,
// account names and train ids share one grammar ([CheckID]); names that differ
// only in case are different names.
//
// # Which interface
//
//   - [RequestStore] is what serving a request needs; package cachestore puts a
//     cache in front of it.
//   - [TokenStore] keeps rotating OAuth tokens safe; package oauth uses it.
//   - [AccountReader] and [TrainReader] list and show, page by page, and never
//     decrypt anything.
//   - [Store] is all of these: every backend offers it.
//   - [AdminStore] adds management and the audit trail: the SQL stores offer it.
//
// # Guarantees
//
// Every backend passes the conformance suite in package credstoretest, which
// proves, among other things:
//
//   - A store error is never an answer: ValidateClientKey and the listings return
//     it, and nobody gains access by it.
//   - Of a hundred concurrent SaveTokens that spend the same refresh token, one
//     wins; a loser never overwrites the winner.
//   - Every administrative change and its [AuditEvent] happen together or not at all.
//   - Times come back with microseconds; token expiry with milliseconds.
//
// # Secrets
//
// Plaintext keys and tokens travel as [Secret], which redacts itself wherever it
// is printed, logged or encoded. Client keys are stored as hashes only
// ([HashClientKey]). Errors name accounts and trains, never what they hold.
//
// # Errors
//
// Test for the sentinels (ErrNotFound and its neighbours) with errors.Is. What
// wraps none of them is a fault of the backend.
package credstore
