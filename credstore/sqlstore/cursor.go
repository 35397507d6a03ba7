package sqlstore

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
)

// An ordering is the order of a listing. Pages continue behind the last row of
// the one before (keyset paging), so that a page costs the same wherever it is,
// and rows that come or go meanwhile shift nothing.
type ordering[T any] struct {
	name       string // of the listing and its order: a cursor is good for one
	columns    []string
	key        func(*T) []string // the columns' values, as parameters
	descending bool              // all columns
}

// page adds order, limit and, after the first page, the place to continue.
func (o ordering[T]) page(query sq.SelectBuilder, request credstore.PageRequest) (sq.SelectBuilder, error) {
	compare, direction := ">", ""
	if o.descending {
		compare, direction = "<", " DESC"
	}
	for _, column := range o.columns {
		query = query.OrderBy(column + direction)
	}
	// One row more than asked for tells whether there is another page.
	query = query.Limit(uint64(request.Size()) + 1) //nolint:gosec // between 1 and MaxPageSize
	if request.After == "" {
		return query, nil
	}
	key, err := decodeCursor(o.id(), request.After, len(o.columns))
	if err != nil {
		return query, err
	}
	return query.Where("("+strings.Join(o.columns, ", ")+") "+compare+" ("+sq.Placeholders(len(key))+")", key...), nil
}

// cut makes the page of what the query returned.
func (o ordering[T]) cut(items []T, request credstore.PageRequest) credstore.Page[T] {
	if len(items) <= request.Size() {
		return credstore.Page[T]{Items: items}
	}
	items = items[:request.Size()]
	return credstore.Page[T]{Items: items, Next: encodeCursor(o.id(), o.key(&items[len(items)-1]))}
}

func (o ordering[T]) id() string {
	if o.descending {
		return o.name + " descending"
	}
	return o.name
}

// encodeCursor makes the Next of a page: opaque to others, but not secret.
func encodeCursor(listing string, key []string) string {
	data, _ := json.Marshal(append([]string{listing}, key...)) // a []string always encodes
	return base64.RawURLEncoding.EncodeToString(data)
}

func decodeCursor(listing, cursor string, fields int) ([]any, error) {
	var parts []string
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(data, &parts)
	}
	if err != nil || len(parts) != fields+1 || parts[0] != listing {
		return nil, fmt.Errorf("%w page cursor for this listing and order", credstore.ErrInvalid)
	}
	key := make([]any, fields)
	for i, part := range parts[1:] {
		if err := checkText("page cursor", part); err != nil {
			return nil, err
		}
		key[i] = part
	}
	return key, nil
}
