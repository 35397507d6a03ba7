package sqlstore

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/paging"
)

// An ordering is the order of a listing. Pages continue behind the last row of the
// one before, or end before the first row of the one behind (keyset paging), so
// that a page costs the same wherever it is, and rows that come or go meanwhile
// shift nothing.
type ordering[T any] struct {
	name       string // of the listing and its order: a cursor is good for one
	columns    []string
	key        func(*T) []any // the columns' values, texts and integers
	descending bool           // all columns
}

// page adds order, limit and, for all but the first page, the place to continue.
// Backwards is the order reversed; cut puts the rows right.
func (o ordering[T]) page(query sq.SelectBuilder, request credstore.PageRequest) (sq.SelectBuilder, error) {
	place, err := paging.PlaceOf(request)
	if err != nil {
		return query, err
	}
	// One row more than asked for tells whether there is another page.
	query = o.sort(query, request).Limit(uint64(request.Size()) + 1) //nolint:gosec // between 1 and MaxPageSize
	if place.Cursor == "" {
		return query, nil
	}
	key, err := decodeCursor(o.id(), place.Cursor, len(o.columns))
	if err != nil {
		return query, err
	}
	compare := ">"
	if o.isDescending(request) {
		compare = "<"
	}
	if place.Included {
		compare += "="
	}
	return query.Where("("+strings.Join(o.columns, ", ")+") "+compare+" ("+sq.Placeholders(len(key))+")", key...), nil
}

// sort adds the order in which page reads the rows.
func (o ordering[T]) sort(query sq.SelectBuilder, request credstore.PageRequest) sq.SelectBuilder {
	for _, column := range o.columns {
		if o.isDescending(request) {
			column += " DESC"
		}
		query = query.OrderBy(column)
	}
	return query
}

func (o ordering[T]) isDescending(request credstore.PageRequest) bool {
	return o.descending != (request.Before != "")
}

// cut makes the page of what the query returned. On the side it came from there
// was an item, the one its cursor names.
func (o ordering[T]) cut(items []T, request credstore.PageRequest) credstore.Page[T] {
	if len(items) == 0 {
		return credstore.Page[T]{Items: items, Next: paging.Included(request.Before), Prev: paging.Included(request.After)}
	}
	more, backwards := len(items) > request.Size(), request.Before != ""
	page := credstore.Page[T]{Items: items[:min(len(items), request.Size())]}
	if backwards {
		slices.Reverse(page.Items)
	}
	if more || backwards {
		page.Next = encodeCursor(o.id(), o.key(&page.Items[len(page.Items)-1]))
	}
	if more && backwards || request.After != "" {
		page.Prev = encodeCursor(o.id(), o.key(&page.Items[0]))
	}
	return page
}

func (o ordering[T]) id() string {
	if o.descending {
		return o.name + " descending"
	}
	return o.name
}

// encodeCursor makes the Next or Prev of a page: opaque to others, but not secret.
func encodeCursor(listing string, key []any) string {
	data, _ := json.Marshal(append([]any{listing}, key...)) // texts and integers always encode
	return base64.RawURLEncoding.EncodeToString(data)
}

// decodeCursor returns the columns' values. ErrInvalid for what encodeCursor did
// not make for that listing.
func decodeCursor(listing, cursor string, columns int) ([]any, error) {
	parts, err := parseCursor(cursor)
	if err != nil || len(parts) != columns+1 || parts[0] != listing {
		return nil, fmt.Errorf("%w page cursor for this listing and order", credstore.ErrInvalid)
	}
	return parts[1:], nil
}

func parseCursor(cursor string) (parts []any, err error) {
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&parts); err != nil {
		return nil, err
	}
	for i, part := range parts {
		switch part := part.(type) {
		case string:
			err = checkText("page cursor", part)
		case json.Number:
			parts[i], err = part.Int64()
		default:
			err = credstore.ErrInvalid
		}
		if err != nil {
			return nil, err
		}
	}
	return parts, nil
}
