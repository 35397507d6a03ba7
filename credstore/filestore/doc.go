// Package filestore serves accounts and client keys from credential files, read
// and written in place: the files of existing deployments, and good enough for a
// gateway on one machine. [Store] implements [credstore.Store] and
// [credstore.Notifier]. [ScanAccounts] and [ScanClientKeys] read the same files
// once, for an import.
//
// # Files
//
// An account is a file NAME.credentials.json in the folder of accounts:
//
//	{
//	  "type": "api_key",            or "oauth"
//	  "accountId": "acc_…",         optional; else the id is "acc_" and the name
//	  "api_key": "…",               for api_key; kept byte for byte
//	  "oauth": {                    for oauth
//	    "accessToken": "…",
//	    "refreshToken": "…",        optional: without it the token ends when it expires
//	    "expiresAt": 1767225600000, milliseconds, also as text; 0 or none: not known
//	    "scopes": ["…"],            or one text with blanks between
//	    "isMax": true
//	  },
//	  "slack": {…}                  for an import only: see AccountFile
//	}
//
// A train is a file TRAIN.client-keys.json in the folder of client keys. Its
// client keys are the file itself, if that is a list, or the first of the fields
// "keys" and "client_api_keys" that is a list, an empty one included. They are
// trimmed and hashed as they are read; entries that are blank or no text are
// passed over.
//
// Names of fields are exact, fields that are not known are ignored and kept. A
// file that is not what it should be is refused with its name, the field and the
// reason, and nothing else suffers: JSON that is cut off or has something behind
// it, a byte order mark, a field that is there twice, a key that is a number, an
// unknown type, a second file with an account id, a link to an OAuth account's
// file or a copy of it (two accounts would spend one refresh token), more than
// 1 MiB, a link that leads out of the folder, a name outside [credstore.CheckID].
// Accounts whose files are refused are in no listing; asking for one by name or id
// gives [credstore.ErrDamaged]. A train whose file is refused lets nobody in. All
// of this is logged once, and in [Store.Problems].
//
// An OAuth account that has a refresh token but no access token counts as
// expired, so that a refresh makes it whole.
//
// # Changes
//
// The folders may be edited, replaced, removed and made while the store is open.
// Notices of the operating system tell of changes within milliseconds, and the
// folders are looked through every [DefaultRescan] for where there are none.
// Whoever asks for a train, account or credential gets what is in its file at
// that moment, if the file's inode, size and time tell of a change.
//
// [Store.SaveTokens] changes only the tokens in the text of the file, and writes
// it whole to a file of mode 0600 that takes the old one's place, with fsync
// before and after: a crash leaves the old file or the new one.
//
// In the folder of accounts, the store keeps a folder of its own, .signalbox, for
// leases, re-authentication marks and locks, without secrets. A mark belongs to
// the refresh token that was refused: a new login in the file voids it.
//
// # Limits
//
//   - Files hold no mappings and no default account: every train may use every
//     account. They hold no Slack configuration of a train and no audit trail.
//   - Nothing can be deactivated: remove or rename the file.
//   - The last use of an account is known only in this process, until it ends.
//   - CreatedAt and UpdatedAt are both when the file last changed.
//   - Processes on one folder exclude each other by locks on files (flock), and
//     leases run by the machine's clock. Between machines, both are only as good
//     as the shared file system and the clocks. Programs that know nothing of the
//     locks, such as the TypeScript system, may overwrite a save.
//   - Each change works through all files' names again: 10,000 accounts are
//     fine, a database is better.
package filestore
