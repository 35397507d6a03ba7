// Package backend chooses and opens the store that a program's configuration
// names: credential files, SQLite or PostgreSQL.
//
//	config, err := backend.ConfigFromEnv(os.Getenv)
//	…
//	b, err := backend.Open(ctx, config, logger)
//	…
//	defer b.Close()
//
// USE_DATABASE_CREDENTIALS=false, the default, serves from the credential files
// in place, so that a program can be deployed before anything has moved; true
// serves from DATABASE_URL, whose schema package migrate makes. [Help] prints all
// variables.
//
// # The refresh journal
//
// Gateways on other stores may use the same STATE_DIR, and have accounts of the same
// ids, so [Config.JournalDir] is a folder for each address of a store. But a store
// has many addresses (localhost and 127.0.0.1, the other host of a cluster, a link),
// and after a restart with another one, what the last process left must be found
// all the same. No identity of the store decides that: one kept in the database
// would be the same in every copy of it, and another one in what replaces it after
// a disaster. The refresh token decides. It is unique, and works once, so an entry
// in which the token was spent that this store has now is about this account of
// this store. Package oauth looks for such entries in all folders of STATE_DIR before
// it spends a token. Any other entry of another folder is left alone: it is not
// opened, not locked and not removed. Of its own folder's, entries whose token is
// no longer stored are removed: two stores that have the same address, say in two
// containers, need a STATE_DIR each.
//
// This package brings the SQLite and PostgreSQL drivers with it. A program that
// wants only one of them, or another driver, wires sqlstore itself; it is a few
// lines.
package backend
