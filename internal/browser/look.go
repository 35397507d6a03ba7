package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// looked is what a script of until says: the value, or what is still in the way.
type looked[T any] struct {
	Value T      `json:"value"`
	Wait  string `json:"wait"`
}

// library is at hand to every script: found lists the matches of a selector that are
// visible, matches all of them.
const library = `
const matches = sel => [...document.querySelectorAll(sel)];
const visible = e => { const r = e.getBoundingClientRect();
	return r.width > 0 && r.height > 0 && e.checkVisibility({visibilityProperty: true}); };
const found = sel => matches(sel).filter(visible);
const absent = sel => matches(sel).length ? 'it is not visible' : 'there is none';
const text = e => (e.innerText ?? e.textContent ?? '').trim();
const say = e => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') + [...e.classList].map(c => '.' + c).join('');
`

// script makes an expression that calls a JavaScript function with arguments.
func script(function string, args ...any) string {
	encoded := make([]string, len(args))
	for i, arg := range args {
		data, err := json.Marshal(arg)
		if err != nil {
			panic(fmt.Sprintf("browser: argument %d of a script: %v", i, err)) // a mistake in this package
		}
		encoded[i] = string(data)
	}
	return "(() => {" + library + "return (" + function + ")(" + strings.Join(encoded, ", ") + ")})()"
}

// until calls a JavaScript function that returns {value} or {wait: reason}, again and
// again until there is a value. what names the step in the failure.
func until[T any](tab *Tab, what, function string, args ...any) T {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, tab.timeout)
	defer cancel()
	value, err := poll[T](ctx, tab, script(function, args...))
	if err != nil {
		tab.fail("%s: %v", what, err)
	}
	return value
}

// poll evaluates the script of until. The page may be replaced under its hands.
func poll[T any](ctx context.Context, tab *Tab, script string) (value T, err error) {
	last, pause := errLoading, pollEvery
	for {
		if err := tab.loading.wait(ctx); err != nil {
			return value, err
		}
		got, err := chromedp.Run(ctx, chromedp.Evaluate[looked[T]](script))
		switch {
		case err == nil && got.Wait == "":
			return got.Value, nil
		case err == nil:
			last = errors.New(got.Wait)
		case isException(err): // a selector that is none, say
			return value, err
		case tab.ctx.Err() != nil:
			return value, fmt.Errorf("the browser is gone: %w", err)
		case ctx.Err() == nil:
			last = err
		}
		select {
		case <-time.After(pause):
			pause = min(pause*3/2, maxPause)
		case <-ctx.Done():
			return value, fmt.Errorf("%w (for %s)", last, tab.timeout)
		}
	}
}

func isException(err error) bool {
	var exception *chromedp.ExceptionError
	return errors.As(err, &exception)
}

// WaitFor waits until an element is there and visible.
func (tab *Tab) WaitFor(sel string) {
	tab.t.Helper()
	until[bool](tab, "wait for "+sel, `sel => found(sel).length ? {value: true} : {wait: absent(sel)}`, sel)
}

// WaitGone waits until no element is visible that matches.
func (tab *Tab) WaitGone(sel string) {
	tab.t.Helper()
	until[bool](tab, "wait until "+sel+" is gone", `sel => found(sel).length ? {wait: 'it is still there'} : {value: true}`, sel)
}

// WaitText waits until a visible element's text contains text.
func (tab *Tab) WaitText(sel, text string) {
	tab.t.Helper()
	until[bool](tab, "wait for "+sel+" with the text "+short(text), `(sel, want) => {
		const texts = found(sel).map(text);
		if (texts.some(t => t.includes(want))) return {value: true};
		return {wait: texts.length ? 'it says "' + texts[0].slice(0, 200) + '"' : 'none is visible'};
	}`, sel, text)
}

// Text returns the text that an element shows, without the white space around it. It waits
// for the element.
func (tab *Tab) Text(sel string) string {
	tab.t.Helper()
	return read[string](tab, "read the text of "+sel, "text(e)", sel)
}

// Value returns what a form's field holds. It waits for the field.
func (tab *Tab) Value(sel string) string {
	tab.t.Helper()
	return read[string](tab, "read the value of "+sel, "String(e.value)", sel)
}

// Attr returns an element's attribute, empty when it has none. It waits for the element.
func (tab *Tab) Attr(sel, name string) string {
	tab.t.Helper()
	return read[string](tab, "read "+name+" of "+sel, "e.getAttribute(args[0]) ?? ''", sel, name)
}

// read waits for an element e and returns the value of a JavaScript expression about it.
func read[T any](tab *Tab, what, expression, sel string, args ...any) T {
	tab.t.Helper()
	return until[T](tab, what, `(sel, ...args) => { const [e] = matches(sel);
		return e ? {value: `+expression+`} : {wait: 'there is none'}; }`, append([]any{sel}, args...)...)
}

// Count returns how many elements match now, visible or not.
func (tab *Tab) Count(sel string) int {
	tab.t.Helper()
	return until[int](tab, "count "+sel, `sel => ({value: matches(sel).length})`, sel)
}

// HTML returns the whole document as it is now. It must not go into a test's messages.
func (tab *Tab) HTML() string {
	tab.t.Helper()
	return until[string](tab, "read the page", `() => ({value: document.documentElement.outerHTML})`)
}

// URL returns the address of the page.
func (tab *Tab) URL() string {
	tab.t.Helper()
	return until[string](tab, "read the address", `() => ({value: location.href})`)
}

// Eval returns the value of a JavaScript expression, awaited if it is a promise. The page's
// content security policy does not hinder it. With scripts off only expressions without
// promises work.
func Eval[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	value, err := eval[T](tab, expression)
	if err != nil {
		tab.fail("evaluate %s: %v", short(expression), err)
	}
	return value
}

func eval[T any](tab *Tab, expression string) (value T, err error) {
	ctx, cancel := context.WithTimeout(tab.ctx, tab.timeout)
	defer cancel()
	if err := tab.loading.wait(ctx); err != nil {
		return value, err
	}
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}
