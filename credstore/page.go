package credstore

// The limits of a page.
const (
	DefaultPageSize = 100
	MaxPageSize     = 1000
)

// A PageRequest asks for one page of a listing.
type PageRequest struct {
	// After is the Next of the page before; empty: the first page. It belongs to
	// the listing, filter and order that gave it; another is refused with
	// ErrInvalid, or continues at the place it names.
	After string
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

// A Page is one page of a listing.
type Page[T any] struct {
	Items []T
	// Next is the After of the following page; empty: this was the last one.
	Next string
}
