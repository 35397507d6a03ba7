package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-go/signalbox/credstore"
)

// The bounds of what a page shows of an event. The export has all of it.
const (
	maxState   = 128 << 10 // bytes of before and after together
	maxLines   = 100       // fields
	maxItems   = 200       // items of a list
	maxDepth   = 8         // of objects inside objects
	maxValue   = 8000      // characters of a value, which opens
	shortValue = 100       // characters of a value that is not opened
)

// redactedText is what stores record in place of a secret.
var redactedText = credstore.Secret{}.String()

// A diff is what an event changed.
type diff struct {
	Lines    []diffLine
	More     int  // fields beyond those
	TooLarge bool // to be shown at all
}

// A diffLine is a field, by its path, and what became of it.
type diffLine struct {
	Field    string
	Kind     string // added, removed, changed, or hidden: of a secret it is not told
	Old, New *diffValue
	Items    []diffItem // of a list: all, those that went and came marked
	Order    []diffItem // of a list whose order changed: as it was before
	More     int        // items beyond those
}

// A diffValue is a value as it is shown.
type diffValue struct {
	Text  string
	Short string // its beginning, if it is long
	Quiet bool   // Text says what is there instead of a value
}

// A diffItem is an item of a list.
type diffItem struct {
	diffValue
	Kind string // kept, added or removed
}

// missing stands for a field that one side does not have.
type missing struct{}

// diffOf compares the two sides of an event: JSON objects, or nothing.
func diffOf(before, after json.RawMessage) diff {
	if len(before)+len(after) > maxState {
		return diff{TooLarge: true}
	}
	var d diff
	d.compare("", decodeState(before), decodeState(after), 0)
	if len(d.Lines) > maxLines {
		d.Lines, d.More = d.Lines[:maxLines], len(d.Lines)-maxLines
	}
	return d
}

// decodeState reads one side. What is no JSON, which the store never wrote, is text.
func decodeState(state json.RawMessage) any {
	if len(state) == 0 {
		return missing{}
	}
	decoder := json.NewDecoder(bytes.NewReader(state))
	decoder.UseNumber()
	var value any
	if !json.Valid(state) || decoder.Decode(&value) != nil {
		return string(state)
	}
	return value
}

// compare adds the lines of a field, and of those inside it.
func (d *diff) compare(field string, before, after any, depth int) {
	oldFields, newFields := fieldsOf(before), fieldsOf(after)
	oldItems, newItems := itemsOf(before), itemsOf(after)
	switch {
	case field == "" && isNothing(before) && isNothing(after):
	case depth < maxDepth && bothOrNothing(oldFields != nil, newFields != nil, before, after):
		all := maps.Clone(oldFields)
		if all == nil {
			all = make(map[string]any)
		}
		maps.Copy(all, newFields)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			d.compare(joinPath(field, name), valueOf(oldFields, name), valueOf(newFields, name), depth+1)
		}
	case bothOrNothing(oldItems != nil, newItems != nil, before, after):
		d.compareLists(field, before, after, oldItems, newItems)
	default:
		d.compareValues(field, before, after, depth)
	}
}

func (d *diff) compareValues(field string, before, after any, depth int) {
	line := diffLine{Field: field, Kind: kindOf(before, after)}
	if compact(before) == compact(after) {
		switch {
		case before != redactedText:
			return // an object is recorded whole: this part of it stayed
		case depth > 1:
			line.Kind = "hidden" // so is this secret, whether it was replaced or not
		}
	}
	if _, none := before.(missing); !none {
		line.Old = showValue(before)
	}
	if _, none := after.(missing); !none {
		line.New = showValue(after)
	}
	d.Lines = append(d.Lines, line)
}

func (d *diff) compareLists(field string, before, after any, oldItems, newItems []any) {
	was, is := compactAll(oldItems), compactAll(newItems)
	if slices.Equal(was, is) && len(was) > 0 {
		return
	}
	if len(was)+len(is) == 0 {
		d.compareValues(field, before, after, 0)
		return
	}
	line := diffLine{Field: field, Kind: kindOf(before, after)}
	old, gone := markItems(oldItems, was, is, "removed")
	now, _ := markItems(newItems, is, was, "added")
	line.Items = append(now, gone...)
	if !slices.Equal(kept(was, old), kept(is, now)) {
		line.Order, line.Items = old, now
	}
	line.Items, line.More = cutItems(line.Items)
	line.Order, _ = cutItems(line.Order)
	d.Lines = append(d.Lines, line)
}

// markItems marks the items that the other list has not.
func markItems(items []any, texts, others []string, kind string) (marked, only []diffItem) {
	left := make(map[string]int)
	for _, text := range others {
		left[text]++
	}
	for i, item := range items {
		shown := diffItem{*showValue(item), "kept"}
		if left[texts[i]]--; left[texts[i]] < 0 {
			shown.Kind = kind
			only = append(only, shown)
		}
		marked = append(marked, shown)
	}
	return marked, only
}

func kept(texts []string, items []diffItem) []string {
	var both []string
	for i, item := range items {
		if item.Kind == "kept" {
			both = append(both, texts[i])
		}
	}
	return both
}

func cutItems(items []diffItem) (shown []diffItem, more int) {
	if len(items) > maxItems {
		return items[:maxItems], len(items) - maxItems
	}
	return items, 0
}

func kindOf(before, after any) string {
	if _, none := before.(missing); none {
		return "added"
	}
	if _, none := after.(missing); none {
		return "removed"
	}
	return "changed"
}

// isNothing: neither null nor a missing field has parts.
func isNothing(value any) bool { return value == nil || value == any(missing{}) }

// bothOrNothing tells whether one side is of a kind, and the other too or nothing.
func bothOrNothing(oldIs, newIs bool, before, after any) bool {
	return oldIs && newIs || oldIs && isNothing(after) || newIs && isNothing(before)
}

func fieldsOf(value any) map[string]any {
	fields, _ := value.(map[string]any)
	return fields
}

func itemsOf(value any) []any {
	items, _ := value.([]any)
	return items
}

func valueOf(fields map[string]any, name string) any {
	if value, ok := fields[name]; ok {
		return value
	}
	return missing{}
}

func joinPath(field, name string) string {
	if field == "" {
		return visible(name)
	}
	return field + "." + visible(name)
}

func compactAll(values []any) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = compact(value)
	}
	return texts
}

// compact is a value as JSON.
func compact(value any) string {
	if value == any(missing{}) {
		return ""
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // what was decoded always encodes
	return strings.TrimSuffix(out.String(), "\n")
}

// showValue is a value as a page shows it.
func showValue(value any) *diffValue {
	text, isText := value.(string)
	switch {
	case value == nil:
		return &diffValue{Text: "none", Quiet: true}
	case isText && text == "":
		return &diffValue{Text: "empty", Quiet: true}
	case !isText:
		text = compact(value)
	}
	shown := &diffValue{Text: visible(text)}
	if count := utf8.RuneCountInString(shown.Text); count > shortValue {
		shown.Short = shorten(shown.Text, shortValue)
		if count > maxValue {
			shown.Text = fmt.Sprintf("%s (%d more characters: see the export)", shorten(shown.Text, maxValue), count-maxValue)
		}
	}
	return shown
}

// shorten is the beginning of a text, with an ellipsis if there is more.
func shorten(text string, runes int) string {
	for i := range text {
		if runes == 0 {
			return text[:i] + "…"
		}
		runes--
	}
	return text
}

// visible writes what cannot be seen, and what changes the direction of text, as Go
// does: an audit trail shows what is there.
func visible(text string) string {
	hidden := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
	if strings.IndexFunc(text, hidden) < 0 {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if hidden(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			out.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
