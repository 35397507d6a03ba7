// Package oauth keeps OAuth tokens alive.
//
//	journal, err := oauth.OpenJournal(dir, sealer)
//	…
//	refresher := oauth.NewRefresher(store, oauth.NewClient(nil), journal, nil)
//	defer refresher.Close()
//	_ = refresher.Replay(ctx) // what dead processes left; logs what it cannot replay
//	go refresher.Run(ctx)     // refreshes ahead of expiry
//	…
//	credential, err := refresher.Credential(ctx, accountID)
//
// A [Refresher] hands out credentials that are ready for use, API keys as well as
// access tokens. A [Client] speaks with the token endpoint. A [Journal] keeps what
// it answered until the store has it.
//
// OAuth accounts are opt-in. API keys are the normal case: Anthropic's terms
// restrict what third parties may do with the OAuth tokens of a subscription.
// Whoever adds an account of that kind has to know that they may.
//
// # Why this takes five steps
//
// An access token lives for hours. To renew it, its refresh token is sent to the
// token endpoint, which answers with a new pair, and the refresh token that was
// sent is worth nothing from then on: it rotates. A provider that sees it once
// more takes it for stolen and may revoke the new pair, too (RFC 9700, section
// 4.14.2). So whoever refreshes twice, or loses the answer, loses the account, and
// a person has to log in again. A naive refresh does both on any busy day: when
// two requests or two processes find the token expired, when a client hangs up,
// when the process is stopped, when the database is away for a second.
//
//  1. In a process there is one flight per account, however many callers there
//     are. It hangs on none of their contexts; each of them waits on its own.
//  2. Among processes there is a lease per account. Who gets it reads the
//     account anew, and does nothing if the tokens are fresh by now.
//  3. The token endpoint is asked once, by a request that nothing repeats, with
//     a time-out shorter than the lease.
//  4. The intent is on disk before the request, and the answer before it is
//     saved ([Journal]). It is saved only if the store still has the token that
//     was spent: a loser never overwrites a winner. While the store is away, the
//     new tokens are used from memory and saved when it is back.
//  5. The answer invalid_grant counts only if the refused token is still the
//     stored one. Then the account is marked: it needs re-authentication. Every
//     other fault is passing ([Permanent]): a token that is still valid stays in
//     use, and the endpoint is left alone for five seconds or for as long as
//     Retry-After says, five minutes at the most.
//
// # What is guaranteed
//
//   - No two processes on one store spend the same refresh token, unless one of
//     them died between sending it and having the answer on disk, or was
//     suspended for longer than its lease (45 seconds with the default time-out).
//   - Tokens that reached the journal are not lost with the process. They are
//     saved by the next process that starts with the same directory, or one beside
//     it, and the same key, or by one that already runs; none of these spends the
//     old token before.
//   - An account is not marked for a fault that is not its own.
//   - No secret is logged, or part of an error, or in the clear on disk.
//
// # What cannot be
//
// An answer that never arrives is lost: when the process, the machine or the
// connection dies after the endpoint has changed the tokens and before the answer
// is on disk. What this program adds to that time is the sealing of the answer and
// one write; a killed process loses nothing after the write, a power cut nothing
// after the fsync. The next refresh then finds out: some providers forgive a
// second use for a short time; otherwise the account is marked.
//
// Processes that do not share a journal directory know nothing of each other's
// answers. When one of them could not save its answer before its lease ran out,
// because the store was away or because it died and was not started again, another
// may spend the old token first. A process that lives tries to save every second.
//
// The journal relies on flock(2) and rename(2) as a local Unix file system has them.
package oauth
