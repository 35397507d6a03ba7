// Package migrate brings a database to the schema of Signalbox, checks it, and
// takes credential files into it. Deploy tooling calls it; the command
// examples/migrate is a thin shell around it.
//
// # The way of a migration
//
// From credential files to a database, without a stop of the gateway:
//
//  1. Back the database up, if there is one: pg_dump, or a copy of the file.
//  2. [Migrator.Status] tells what is there: nothing, the tables of an existing
//     deployment, or a schema of this or another release.
//  3. [Migrator.Up] makes what is missing. Existing tables are adopted as they are.
//  4. [Migrator.Import] with DryRun tells what every file would become. Mend what
//     fails, or leave it out.
//  5. Import. The gateway still serves from files, and may go on refreshing tokens
//     in them.
//  6. [Migrator.Verify] must find no error.
//  7. Import once more, right before the switch, for the tokens that were refreshed
//     since; then restart the gateway with USE_DATABASE_CREDENTIALS=true.
//
// The way back is to restart with false: the files are as they were. Tokens that
// the database has refreshed in the meantime are not in them, so those OAuth
// accounts need a login, or their tokens written into the files. After the switch
// a further import does no harm: see "What wins".
//
// For every later release: Up before the new programs start. Migrations only add,
// so that the old programs work on until they are replaced.
//
// # Schema
//
// The SQL is in sql/postgres and sql/sqlite, by the same numbers. 001 is the tables
// of existing deployments of the TypeScript system, made only where they are
// missing: adopting them changes no row and nothing about the tables, and that
// system works on them afterwards. 002 is the audit trail, which the database itself
// keeps from being changed, and whose chain of hashes (package sqlstore) shows what
// was changed all the same. 003 is what token refreshes need, 004 the dashboard's
// sessions. The table signalbox_migrations notes what was applied.
//
// A run is one transaction on one connection, which holds the lock: PostgreSQL's
// advisory lock, or SQLite's write lock. So a run happens whole or not at all, ends
// with its connection, works through a transaction pooler, and of two deployments
// at once one waits and finds nothing left to do. Waits are bounded by the context
// and by [Options].
//
// A step down that would drop a table with rows in it is refused unless forced:
// accounts cannot be made again, and audit events are evidence.
//
// The files schema.txt beside the SQL list every column, constraint, index and
// trigger that the migrations make; a test compares them, and Verify compares the
// database with them. Whoever adds a migration adds its lines.
//
// # Import
//
// Everything that the gateway accepts from files is imported, in every shape that
// package filestore reads. Client keys are hashed trimmed. What is left out of a
// Slack configuration is noted. An account without id
// gets "acc_" and its name, as it always was. What the tables cannot hold fails by
// name and reason (an OAuth account without a refresh token), and so does a secret
// that no header can carry.
//
// Stored accounts are found by name or by id. A file fails when its name and its id
// belong to two different accounts, or when another file has its account.
//
// Secrets are opened and sealed on all cores, before the transaction. In it, new rows
// go in by batches, each under a savepoint; where a batch is refused, its files go
// in one by one, each under a savepoint of its own. Each new or changed row has its
// audit event. Killed or interrupted at any moment, an import leaves nothing behind.
// One that is interrupted by another import, or by the gateway, reads the row again
// and decides again.
//
// # What wins
//
// When a file and the database differ, what is newer wins, and the report says what
// was kept:
//
//   - Tokens (access token, refresh token and expiry, taken or left together): the
//     file wins if it is newer and its tokens do not expire earlier; an expiry that
//     only the database knows is later than one the file does not know. Expiry alone
//     does not decide: a refresh may have given tokens that live for less time than
//     those before had left, and to bring back a spent refresh token loses the account.
//   - API key, type, and with the same tokens their expiry, scopes and is_max: the
//     file wins if it is newer. Scopes and is_max go with the tokens when those are
//     taken.
//   - A secret that the database lacks is taken. One that the file lacks stays.
//   - A stored secret that does not open under the key is not overwritten: the file fails.
//   - Name and activity stay: a deactivated account stays so.
//   - Client keys are added, never removed; how many only the database has is noted.
//   - A train's Slack configuration stays, if it has one.
//
// A file is newer when its modification time is later than the row's updated_at;
// the clocks of both should agree. Touch a file to make it win.
//
// A Slack configuration in an account's file belongs to a train now, and nobody but
// the operator knows to which: it is reported until [ImportOptions].Slack names the
// trains, or a train has it.
//
// # Limits
//
// Two imports at once are safe; the second may give up with
// [credstore.ErrUnavailable] when the first writes for longer than three seconds
// (tens of thousands of accounts), and then has written nothing. There is no migration that
// cannot run in a transaction. An import tells no other process's cache: caches
// notice by their time-to-live.
//
// # Imports
//
// The package stands above the stores: it imports credstore/sqlstore for the rows of
// the database and credstore/filestore for those of the files, and crypto only by
// the interface [credstore.Sealer].
package migrate
