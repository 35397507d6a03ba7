// Package sqlstore keeps accounts, trains and the audit trail in PostgreSQL or
// SQLite.
//
//	db, err := sqlstore.OpenPostgres(url, 0)
//	…
//	store := sqlstore.New(db, sqlstore.Postgres, sealer, nil)
//	defer store.Close()
//	if err := store.CheckSchema(ctx); err != nil { … } // package migrate makes the schema
//
// [Store] implements [credstore.AdminStore] and [credstore.Notifier]; what its
// methods promise is written there and proven by package credstoretest, which
// runs against both engines.
//
// # Tables
//
//	accounts                 upstream credentials, secrets sealed
//	trains                   client projects, client keys as hashes
//	train_account_mappings   which accounts a train may use
//	audit_events             append-only, held so by triggers, and a chain of hashes
//	audit_chain              the chain's end and key, one row
//	account_refreshes        leases and re-authentication marks, beside accounts
//	dashboard_sessions       who is logged in at the dashboard: see [Sessions]
//
// The first three are those of existing deployments of the TypeScript system, and
// what is written to them keeps its formats, so that both can work on one
// database. NULL is accepted wherever those tables allow it: an account or train
// whose is_active is NULL is deactivated, a priority of NULL is 0, a time of NULL
// is the zero time. Entries of client_api_keys_hashed that are no hashes open
// nothing and are never shown, but stay. Fields of slack_config that are not
// known stay too.
//
// # Secrets
//
// Secrets are sealed before a transaction begins and opened after it ends, so
// that no lock is held during a key derivation; the exception is a stored refresh
// token, which [Store.SaveTokens] and [Store.MarkNeedsReauth] compare under the
// lock, and the audit trail's key, once. Listings and details do not read the sealed columns at all. The Slack
// webhook URL is stored in the clear, because the TypeScript system reads it so;
// only [Store.GetSlackConfig] returns it.
//
// # Concurrency
//
// On PostgreSQL a change locks its row (SELECT … FOR NO KEY UPDATE) for the few
// queries it takes and waits at most three seconds for such a lock. Trains are
// locked before accounts. On SQLite every change begins with the write lock (BEGIN
// IMMEDIATE); the writers of one store queue in the process, those of others
// wait up to five seconds. Readers never wait for writers.
//
// Every query runs under its caller's context and a deadline of its own
// ([Options]). A caller's ended context is reported as that; a database that
// does not answer, as [credstore.ErrUnavailable]. Errors never quote a driver's
// text that could hold values of a row.
//
// # Audit trail
//
// Triggers keep audit_events from being changed, and whoever owns the database can
// drop triggers. So each event has a keyed hash over itself and the hash before it.
// [Store.VerifyAudit] reads the trail and names the first event that was changed,
// moved, removed or put there by anything but a store. Events are recorded in the
// transaction of the change they tell of, and written right before its commit under
// the lock of audit_chain, the last lock that is taken: ids are 1, 2, 3, … without
// a gap, and times ascend with them. A transaction that records nothing, such as a
// token save, does not touch audit_chain.
//
// A hash, in 64 lower-case hexadecimal digits, is HMAC-SHA256 under the chain's key
// of these fields, one after the other:
//
//	event   "signalbox-audit-v1 event", the hash of the event before ("genesis" for
//	        the first), then the columns of audit_events up to after_state, in their order
//	head    "signalbox-audit-v1 head", last_event_id, last_hash (it is head_mac)
//
// A field is the byte 1, the length in bytes as eight bytes (big endian), and the
// bytes of the text in UTF-8; NULL is the byte 0 alone. Numbers are decimal, flags
// "true" or "false", times UTC like 2006-01-02T15:04:05.000000Z.
//
// The key is 32 random bytes, made with the first event. chain_key_encrypted is its
// sealed form, of the plaintext: byte 0xFF, "signalbox-audit-v1 key", byte 0, key.
// No other secret may begin so, so none can be moved there, nor the key to where
// secrets are shown. It is opened once for each Store. A new encryption key needs
// it sealed anew, as all secrets; its value stays.
//
// Who has the database alone cannot compute hashes: that takes the encryption key.
// Who has both, or the program, can write any trail. An older copy of both tables
// put in their place is genuine, and so is nothing at all: these are found by a
// [credstore.AuditCheckpoint] alone, kept where the database's owner cannot reach.
// Events after the last checkpoint are as safe as the copies of the database are
// out of reach. A Store remembers, while it runs, how far it has written or verified
// the trail, and does not go on with one that is behind that.
//
// A store does not continue a trail whose end is in doubt ([credstore.ErrTampered]):
// then nothing that would be recorded happens, while requests are served and tokens
// are saved. VerifyAudit tells what is wrong. Restore audit_events and audit_chain
// from one backup. Where there is none, copy both tables to an archive and empty
// them, without their triggers: the next event begins a new trail. Start programs
// anew that have seen more of the trail than is left.
//
// # Failover and poolers
//
// A DSN may name several PostgreSQL servers: with host=a,b and
// target_session_attrs=read-write new connections go to the one that takes
// writes. Each host gets its share of the query time-out to answer, unless the
// DSN has a connect_timeout. A server that falls silent ends the query, a second
// after its deadline, and the connection; the next one is made anew. Idle
// connections to a machine that is gone are found by TCP keep-alive within 25
// seconds. Behind a pooler that gives each transaction another server connection
// (pgbouncer with pool_mode=transaction) the DSN needs binary_parameters=yes: the
// driver then sends a statement with its parameters at once, and prepares nothing
// that a later message would need.
//
// # Order
//
// Listings page by key: a page costs the same wherever it is. ListAccounts and
// ListTrains sort text by the database's collation on PostgreSQL, because the
// indexes of the existing tables do; everything else, and everything on SQLite,
// sorts by bytes.
//
// # Limits
//
// Events ([Store.Subscribe]) tell of the changes made through the same Store, not
// of those of other processes.
package sqlstore
