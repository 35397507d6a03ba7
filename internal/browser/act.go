package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Go opens an address and returns when the page has loaded.
func (tab *Tab) Go(url string) {
	tab.t.Helper()
	tab.act("open "+url, func(ctx context.Context) error {
		answer, err := chromedp.Call(ctx, page.Navigate, page.NavigateParams{URL: url})
		if err == nil && answer.ErrorText != "" {
			return errors.New(answer.ErrorText)
		}
		return err
	})
}

// Back goes one page back, as the browser's button does.
func (tab *Tab) Back() {
	tab.t.Helper()
	tab.act("go back", func(ctx context.Context) error {
		history, err := chromedp.Run(ctx, chromedp.NavigationEntries())
		if err != nil {
			return err
		}
		if history.CurrentIndex < 1 {
			return errors.New("there is no page before this one")
		}
		return call(ctx, page.NavigateToHistoryEntry,
			page.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID})
	})
}

// Click clicks the middle of an element with the mouse, or taps it on a phone. It waits
// until the element is visible, stands still, is enabled and not covered by another.
func (tab *Tab) Click(sel string) {
	tab.t.Helper()
	at := tab.point("click "+sel, sel)
	tab.act("click "+sel, func(ctx context.Context) error {
		if tab.options.Phone {
			return chromedp.Do(ctx, chromedp.TapXY(at.X, at.Y))
		}
		return chromedp.Do(ctx, chromedp.MouseEvent(chromedp.MouseMoved, at.X, at.Y), chromedp.MouseClickXY(at.X, at.Y))
	})
}

// point is a place in the window, in CSS pixels.
type point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// point scrolls an element into view and returns its middle, once that is where a click
// would reach it. The page remembers the place until the next look, to tell whether the
// element moves.
func (tab *Tab) point(what, sel string) point {
	tab.t.Helper()
	return until[point](tab, what, `sel => {
		const [e] = found(sel);
		if (!e) return {wait: absent(sel)};
		if (e.matches(':disabled')) return {wait: 'it is disabled'};
		const inside = r => r.top >= 0 && r.left >= 0 && r.bottom <= innerHeight && r.right <= innerWidth;
		if (!inside(e.getBoundingClientRect())) e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
		const r = e.getClientRects()[0];
		const at = {x: r.x + r.width / 2, y: r.y + r.height / 2};
		const key = Symbol.for('place of the last look'), last = globalThis[key];
		globalThis[key] = {e, ...at};
		if (!last || last.e !== e || last.x !== at.x || last.y !== at.y) return {wait: 'it does not stand still'};
		const hit = document.elementFromPoint(at.x, at.y);
		if (!hit) return {wait: 'it is outside of the window'};
		if (!e.contains(hit) && hit.closest('label')?.control !== e) {
			e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'}); // away from a header that stays
			return {wait: 'it is covered by ' + say(hit)};
		}
		return {value: at};
	}`, sel)
}

// Fill replaces what a text field or a text area holds, as pasting does: with events input
// and, when the field is left, change. [Tab.Type] presses keys instead. Fields of a type
// that is not typed into, such as date, get the value as a script would set it.
func (tab *Tab) Fill(sel, text string) {
	tab.t.Helper()
	typed := until[bool](tab, "fill "+sel, `(sel, value) => {
		const [e] = found(sel);
		if (!e) return {wait: absent(sel)};
		if (e.matches(':disabled, [readonly]')) return {wait: 'it cannot be changed'};
		e.focus();
		if (['date', 'time', 'datetime-local', 'month', 'week', 'color', 'range'].includes(e.type)) {
			e.value = value;
			for (const name of ['input', 'change']) e.dispatchEvent(new Event(name, {bubbles: true}));
			return {value: false};
		}
		if (e.isContentEditable) getSelection().selectAllChildren(e); else e.select();
		return {value: true};
	}`, sel, text)
	if !typed {
		return
	}
	tab.act("fill "+sel, func(ctx context.Context) error {
		if text == "" {
			return chromedp.Do(ctx, chromedp.KeyEvent(kb.Delete))
		}
		return call(ctx, input.InsertText, input.InsertTextParams{Text: text})
	})
}

// Type presses the keys of a text, one by one, wherever the keyboard's focus is.
func (tab *Tab) Type(text string) {
	tab.t.Helper()
	tab.act("type", func(ctx context.Context) error { return chromedp.Do(ctx, chromedp.KeyEvent(text)) })
}

// Select chooses the option with that value in a drop-down list.
func (tab *Tab) Select(sel, value string) {
	tab.t.Helper()
	until[bool](tab, "select "+short(value)+" in "+sel, `(sel, value) => {
		const [e] = found(sel);
		if (!e) return {wait: absent(sel)};
		if (e.matches(':disabled')) return {wait: 'it is disabled'};
		const option = [...e.options].find(o => o.value === value && !o.disabled);
		if (!option) return {wait: 'it has no such option'};
		e.focus();
		option.selected = true;
		for (const name of ['input', 'change']) e.dispatchEvent(new Event(name, {bubbles: true}));
		return {value: true};
	}`, sel, value)
	tab.act("select in "+sel, func(context.Context) error { return nil }) // an event may open a page
}

var keys = map[string]string{
	"Enter": kb.Enter, "Tab": kb.Tab, "Escape": kb.Escape, "Space": " ", "Backspace": kb.Backspace, "Delete": kb.Delete,
	"ArrowUp": kb.ArrowUp, "ArrowDown": kb.ArrowDown, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight,
	"Home": kb.Home, "End": kb.End, "PageUp": kb.PageUp, "PageDown": kb.PageDown,
}

var modifiers = map[string]chromedp.Modifier{
	"Alt": chromedp.ModifierAlt, "Control": chromedp.ModifierCtrl, "Meta": chromedp.ModifierMeta, "Shift": chromedp.ModifierShift,
}

// Press presses keys, one after the other, wherever the keyboard's focus is. A key is a
// single character or has its name in the DOM ("Enter", "ArrowUp", and "Space"); what is
// held down comes before it: "Shift+Tab", "Alt+ArrowUp".
func (tab *Tab) Press(names ...string) {
	tab.t.Helper()
	for _, name := range names {
		key, held, err := parseKey(name)
		if err != nil {
			tab.fail("press: %v", err)
		}
		tab.act("press "+name, func(ctx context.Context) error {
			return chromedp.Do(ctx, chromedp.KeyEvent(key, chromedp.KeyModifiers(held...)))
		})
	}
}

func parseKey(name string) (key string, held []chromedp.Modifier, err error) {
	parts := strings.Split(name, "+")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		modifier, ok := modifiers[part]
		if !ok {
			return "", nil, fmt.Errorf("%q is no key to hold down", part)
		}
		held = append(held, modifier)
	}
	if key, ok := keys[last]; ok {
		return key, held, nil
	}
	if len([]rune(last)) != 1 {
		return "", nil, fmt.Errorf("there is no key %q", name)
	}
	return last, held, nil
}

// Resize makes the window that large, in CSS pixels.
func (tab *Tab) Resize(width, height int) {
	tab.t.Helper()
	tab.act("resize the window", func(ctx context.Context) error { return tab.resize(ctx, width, height) })
}

// Screenshot writes a picture (PNG) of the whole page, beyond the window too. Missing
// folders are made.
func (tab *Tab) Screenshot(path string) {
	tab.t.Helper()
	tab.act("take a screenshot", func(ctx context.Context) error {
		picture, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
			CaptureBeyondViewport: new(true), OptimizeForSpeed: new(true), // packing well takes longer than drawing
		})
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err
		}
		return os.WriteFile(path, picture.Data, 0o600)
	})
}
