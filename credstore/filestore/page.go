package filestore

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/paging"
)

// An order is the order of a listing. A page continues behind the last item of the
// one before, or ends before the first item of the one behind, so that items that
// come or go meanwhile shift nothing.
type order[T any] struct {
	name       string // of the listing and its order: a cursor is good for one
	key        func(T) sortKey
	descending bool
}

// A sortKey is an item's place in an order.
type sortKey struct{ First, Name string }

func (k sortKey) compare(other sortKey) int {
	return cmp.Or(cmp.Compare(k.First, other.First), cmp.Compare(k.Name, other.Name))
}

// A cursor is what the Next or Prev of a page says: the place of an item.
type cursor struct {
	Order string
	Place sortKey
}

// A placed is an item with its place, which is worked out once.
type placed[T any] struct {
	key  sortKey
	item T
}

// page returns the page of items that the request asks for.
func (o order[T]) page(items []T, request credstore.PageRequest) (credstore.Page[T], error) {
	place, err := paging.PlaceOf(request)
	if err != nil {
		return credstore.Page[T]{}, err
	}
	name, direction := o.name, 1
	if o.descending {
		name, direction = o.name+" descending", -1
	}
	sorted := make([]placed[T], len(items))
	for i, item := range items {
		sorted[i] = placed[T]{o.key(item), item}
	}
	slices.SortFunc(sorted, func(a, b placed[T]) int { return direction * a.key.compare(b.key) })
	border := 0
	if place.Cursor != "" {
		var c cursor
		if !decodeCursor(place.Cursor, &c) || c.Order != name {
			return credstore.Page[T]{}, errCursor
		}
		border, _ = slices.BinarySearchFunc(sorted, c.Place, func(p placed[T], key sortKey) int {
			if p.key == key && place.Behind() {
				return -1
			}
			return direction * p.key.compare(key)
		})
	}
	page := paging.Window(sorted, border, request, func(i int) string {
		return encodeCursor(cursor{Order: name, Place: sorted[i].key})
	})
	return shown(page, func(p placed[T]) T { return p.item }), nil
}

// shown makes a page of what is shown from a page of what is kept.
func shown[T, U any](page credstore.Page[T], show func(T) U) credstore.Page[U] {
	result := credstore.Page[U]{Items: make([]U, len(page.Items)), Next: page.Next, Prev: page.Prev}
	for i, item := range page.Items {
		result.Items[i] = show(item)
	}
	return result
}

// checkSearch refuses what the SQL stores cannot search for.
func checkSearch(search string) error {
	if !utf8.ValidString(search) || strings.ContainsRune(search, 0) {
		return fmt.Errorf("%w: the search is not text", credstore.ErrInvalid)
	}
	return nil
}

var errCursor = fmt.Errorf("%w page cursor for this listing and order", credstore.ErrInvalid)

func encodeCursor(c any) string {
	data, _ := json.Marshal(c) // texts and numbers always encode
	return base64.RawURLEncoding.EncodeToString(data)
}

func decodeCursor(text string, c any) bool {
	data, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(data, c) == nil
}

// timeKey sorts as times do, the zero time first.
func timeKey(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000")
}
