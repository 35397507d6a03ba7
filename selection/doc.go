// Package selection decides which accounts serve a train, and in which order
// they are tried.
//
// # Rank
//
// [Rank] is rendezvous hashing, also called highest random weight (D. G. Thaler
// and C. V. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates",
// IEEE/ACM Transactions on Networking 6(1), 1998). Every account gets a score from
// a hash over the train and itself; the highest score serves the train. It needs
// no state and no coordination, and from that follows:
//
//   - Every process and every backend gives the same answer, and gave it yesterday.
//   - Trains spread evenly over the accounts.
//   - Taking an account away moves the trains it served, each to the account that
//     was its second, and no other train. Adding one moves trains only to it.
//
// A train that stays with its account keeps what upstream remembers for that
// account, the prompt cache above all.
//
// # Selector
//
// [Selector.Candidates] applies what is stored of a train:
//
//  1. its default account,
//  2. then its mapped accounts, highest priority first, those of one priority in
//     rank order;
//  3. a train that has neither may use all active accounts, in rank order.
//
// Accounts that are deactivated or need re-authentication are left out. A train
// whose own accounts are all left out gets [ErrNoAccount], never the accounts of
// others; a store that does not answer is an error as well. A request may name one
// account, which must be among those the train may use ([ErrNotAllowed]).
//
// An account that upstream told to slow down is given a rest with
// [Selector.CoolDown]. It then comes after all others, and when every account
// rests, Candidates returns a [*CoolingError] with the time at which the first is
// free. One whose credential was refused rests as well ([Selector.SetAside]), but
// when there are no others, Candidates returns [ErrNoAccount].
//
// # Cost
//
// The order of a train is kept for as long as the store returns the identical
// *Route and account slice, as package cachestore does while nothing changes; then
// Candidates allocates nothing. What is kept is bounded: a million accounts, summed
// over all trains, in about 60 MB. Without a cache in front of the store every
// call ranks anew, at about 0.1 µs for each account.
//
// # Use
//
//	selector := selection.New(store, nil)
//	accounts, err := selector.Candidates(ctx, trainID, wantedAccount)
//	// for each account in turn: get its credential and send the request;
//	// on 429 or 529: selector.CoolDown(account.ID, retryAt), then the next one
package selection
