package e2e

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/browser"
)

// id is the selector of an element by its data-testid.
func id(name string) string { return browser.TestID(name) }

// A tab is a browser's tab at the dashboard.
type tab struct {
	*browser.Tab
	t testing.TB
	w *world
}

// visit opens a page of the dashboard.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.Go(b.w.url + path)
}

// requireAt waits until the tab shows the page of that path, whatever its query.
func (b *tab) requireAt(path string) {
	b.t.Helper()
	b.WaitFor("main")
	u, err := url.Parse(b.URL())
	require.NoError(b.t, err)
	require.Equal(b.t, path, u.Path)
}

// requireNoSecret fails if a secret is anywhere in the page.
func (b *tab) requireNoSecret() {
	b.t.Helper()
	if strings.Contains(b.HTML(), canary) {
		b.t.Fatal("a secret is in the page")
	}
}

// Eval evaluates an expression for its effect.
func (b *tab) Eval(expression string) {
	b.t.Helper()
	browser.Eval[string](b.Tab, expression+", ''")
}

// checked tells whether a box is checked.
func (b *tab) checked(sel string) bool {
	b.t.Helper()
	b.WaitFor(sel)
	return browser.Eval[bool](b.Tab, "document.querySelector('"+sel+"').checked")
}

// focused tells whether the keyboard is at an element.
func (b *tab) focused(sel string) bool {
	b.t.Helper()
	return browser.Eval[bool](b.Tab, "document.activeElement.matches('"+sel+"')")
}

func (b *tab) requireFocus(sel string) {
	b.t.Helper()
	b.WaitFor(sel)
	b.eventually(func() bool { return b.focused(sel) }, "the focus is not at "+sel)
}

// tabTo presses Tab until the keyboard is at an element.
func (b *tab) tabTo(sel string) {
	b.t.Helper()
	b.WaitFor(sel)
	const most = 60 // elements of a page that take the focus
	for range most {
		b.Press("Tab")
		if b.focused(sel) {
			return
		}
	}
	b.t.Fatalf("the Tab key does not reach %s", sel)
}

// rows are the names in the first column of a list.
func (b *tab) rows() []string {
	b.t.Helper()
	b.WaitFor("main")
	return browser.Eval[[]string](b.Tab, "[...document.querySelectorAll('tbody .row-link')].map(e => e.textContent)")
}

func (b *tab) requireRows(want ...string) {
	b.t.Helper()
	require.Equal(b.t, want, b.rows())
}

// waitRows waits until a list, which a script fills, shows these rows.
func (b *tab) waitRows(want ...string) {
	b.t.Helper()
	text := strings.Join(want, " ")
	b.eventually(func() bool { return strings.Join(b.rows(), " ") == text }, "the list does not show "+text)
}

// eventually waits for a condition of the page.
func (b *tab) eventually(condition func() bool, message string) {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(40 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatal(message)
		}
	}
}
