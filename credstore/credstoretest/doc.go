// Package credstoretest is the conformance suite of package credstore: what every
// store must do, told by tests. A store that passes [Run] keeps the contract.
//
// A backend's test is a [Harness], which makes fresh stores, and one call:
//
//	func TestConformance(t *testing.T) {
//		credstoretest.Run(t, credstoretest.Harness{New: newFixture})
//	}
//
// What a backend cannot hold it declares in [Exceptions], with the reason. The
// suite then proves the exception (a store without mappings says that a train
// has none) instead of leaving tests out in silence.
//
// Something that stands in front of a store, such as a cache, runs [RunRequests]:
// the part about serving requests and keeping tokens.
//
// A change of the interfaces in package credstore comes with a test here, so that
// every backend gains from it. Tests are grouped in files by noun; each gets an
// empty store of its own.
package credstoretest
