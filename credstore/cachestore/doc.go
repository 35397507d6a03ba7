// Package cachestore puts a cache in front of a store, for what every request of
// a client needs: the client keys and the route of its train, the active accounts,
// and the credential of the account that is chosen.
//
//	store := sqlstore.New(db, sqlstore.Postgres, sealer, nil)
//	cache := cachestore.New(store, nil)
//	defer cache.Close() // closes store as well
//
// Everything else, listings and administration included, is answered by the store
// behind. A request whose train is known costs about half a microsecond of cache.
//
// # What may be out of date, and for how long
//
//   - Changes made through the store behind are seen at once if it is a
//     [credstore.Notifier]; token saves through the cache always are. Who asks
//     after the change has returned gets the new state, even if the old one was
//     just being loaded.
//   - Changes that another process makes are seen when an event tells of them
//     ([Store.Handle]), and without one after [Options.TTL] at the latest, counted
//     from when the store was asked. So long a revoked client key can still open
//     its train.
//   - Answers such as "no such train" are kept too, for [Options.NegativeTTL], apart
//     from the others and as bounded: whoever tries random train ids fills that
//     part and pushes nothing out that is in use.
//   - That the store could not answer is never remembered, and an answer that is
//     too old never takes its place: without a store nobody is let in.
//
// # Loads
//
// However many ask for the same thing, the store is asked once. Such a load hangs
// on no caller's context and has a time limit of its own; each caller waits as
// long as its own context allows.
//
// # Shared values
//
// What the cache returns is shared by all callers; nobody may modify it. While the
// stored state does not change, the identical pointers and slices are returned,
// also after a reload: package selection keeps the order of a train by that.
//
// # Secrets
//
// Credentials are held in memory as plaintext, as they are in any process that
// uses them. Nobody is served from one that is out of date; a minute later it is
// dropped. [Store.Close] drops all. Client keys are not held, only their hashes.
package cachestore
