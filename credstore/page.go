package credstore

// The limits of a page.
const (
	DefaultPageSize = 100
	MaxPageSize     = 1000
)

// A PageRequest asks for one page of a listing: the first one, unless After or
// Before says otherwise. Both together are refused with ErrInvalid.
//
// A cursor belongs to the listing, filter and order that gave it; another is
// refused with ErrInvalid, or continues at the place it names. It names the place
// of an item, not a number: what comes or goes elsewhere shifts nothing.
type PageRequest struct {
	// After is the Next of the page before this one.
	After string
	// Before is the Prev of the page behind this one. Walking back from it, pages
	// are full but for the first.
	Before string
	// Limit is how many items to return, 0 for DefaultPageSize; more than
	// MaxPageSize are never returned.
	Limit int
}

// Size is the number of items to return: Limit within 1 and MaxPageSize.
func (p PageRequest) Size() int {
	switch {
	case p.Limit <= 0:
		return DefaultPageSize
	case p.Limit > MaxPageSize:
		return MaxPageSize
	}
	return p.Limit
}

// A Page is one page of a listing. One that was announced by its neighbour can be
// empty, when all its items have gone meanwhile.
type Page[T any] struct {
	Items []T
	// Next is the After of the following page; empty: this was the last one.
	Next string
	// Prev is the Before of the preceding page; empty: this was the first one.
	Prev string
}
