// Package paging is what the backends share of a page: where it lies in its
// listing, and how to go on from it in either direction.
package paging

import (
	"fmt"
	"strings"

	"github.com/signalbox-go/signalbox/credstore"
)

// included begins a cursor whose item belongs to the page itself. Such are the
// neighbours of a page that lost all its items since it was announced: what it
// was announced by may be there still, and no page has shown it.
const included = "."

// Included returns the cursor with its item belonging to the page; "" for "".
func Included(cursor string) string {
	if cursor == "" || strings.HasPrefix(cursor, included) {
		return cursor
	}
	return included + cursor
}

// A Place is where a page lies: it begins behind an item of the listing or,
// backwards, ends before it.
type Place struct {
	Cursor    string // names the item; empty: the page is the first
	Backwards bool
	Included  bool // the item belongs to the page
}

// PlaceOf returns the place that the request names. ErrInvalid for two, and for a
// cursor that names nothing.
func PlaceOf(request credstore.PageRequest) (Place, error) {
	if request.After != "" && request.Before != "" {
		return Place{}, fmt.Errorf("%w: a page is after a cursor or before one, not both", credstore.ErrInvalid)
	}
	given := request.After + request.Before
	cursor, isIncluded := strings.CutPrefix(given, included)
	if cursor == "" && given != "" {
		return Place{}, fmt.Errorf("%w page cursor", credstore.ErrInvalid)
	}
	return Place{Cursor: cursor, Backwards: request.Before != "", Included: isIncluded}, nil
}

// Behind tells whether the border of the page is behind its item, not before it.
func (p Place) Behind() bool { return p.Backwards == p.Included }

// Window cuts the page that the request asks for out of a whole listing, whose
// items before the border are so many; cursor names an item by its index.
func Window[T any](items []T, border int, request credstore.PageRequest, cursor func(index int) string) credstore.Page[T] {
	start, end := border, min(border+request.Size(), len(items))
	if request.Before != "" {
		start, end = max(0, border-request.Size()), border
	}
	page := credstore.Page[T]{Items: append(make([]T, 0, end-start), items[start:end]...)}
	switch isEmpty := start == end; {
	case end == len(items):
	case isEmpty:
		page.Next = Included(cursor(end))
	default:
		page.Next = cursor(end - 1)
	}
	switch isEmpty := start == end; {
	case start == 0:
	case isEmpty:
		page.Prev = Included(cursor(start - 1))
	default:
		page.Prev = cursor(start)
	}
	return page
}
