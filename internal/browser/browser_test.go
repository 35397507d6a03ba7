package browser

import (
	"fmt"
	"html"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// head is what a page needs to be accessible.
const head = `<!doctype html><html lang="en"><title>Page</title><main><h1>Page</h1>`

// site serves pages by their path, each under a strict content security policy, and
// SortableJS from the dashboard's assets.
func site(t *testing.T, pages map[string]string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/npm/", http.StripPrefix("/npm/", http.FileServer(http.Dir("../../examples/dashboard/server/npm"))))
	mux.HandleFunc("/favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(200 * time.Millisecond): // longer than a step that does not wait
		case <-r.Context().Done():
		}
		fmt.Fprintf(w, "%s<p id=said>%s %s", head, r.Method, html.EscapeString(r.FormValue("name")))
	})
	mux.HandleFunc("/answer/{status}", func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscan(r.PathValue("status"), &status)
		w.WriteHeader(status)
		if status != http.StatusNoContent {
			fmt.Fprint(w, head)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		content, ok := pages[r.URL.Path]
		w.Header().Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'")
		if strings.HasSuffix(r.URL.Path, ".js") {
			w.Header().Set("Content-Type", "text/javascript")
		} else {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		}
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			content = head
		}
		_, _ = w.Write([]byte(content))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// fake is a test that notes its failures instead of failing.
type fake struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (f *fake) Helper()           {}
func (f *fake) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }
func (f *fake) Errorf(format string, args ...any) {
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

func (f *fake) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	panic(f)
}

// failures runs steps in a tab and returns what they and the end of their test failed with.
func failures(t *testing.T, steps func(*Tab)) []string {
	t.Helper()
	f := &fake{TB: t}
	func() {
		defer func() {
			if r := recover(); r != nil {
				require.Same(t, f, r)
			}
		}()
		steps(Open(f, nil))
	}()
	for _, cleanup := range f.cleanups {
		cleanup()
	}
	return f.failures
}

func TestFormsAndKeys(t *testing.T) {
	t.Parallel()
	url := site(t, map[string]string{
		"/": head + `<form method=post action=/slow>
			<label>Name <input id=name name=name value=old></label>
			<label>Day <input id=day type=date></label>
			<label>Note <textarea id=note></textarea></label>
			<label>Type <select id=type><option value=a>A</option><option value=b>B</option></select></label>
			<label><input id=box type=checkbox> Box</label>
			<button data-testid=submit style="margin-top: 2000px">Save</button></form>
			<p id=log></p><script src=/log.js></script>`,
		"/log.js": `for (const name of ['input', 'change', 'keydown']) document.addEventListener(name, e =>
			log.textContent += name + ' ' + (e.altKey ? 'Alt+' : '') + (e.shiftKey ? 'Shift+' : '') + (e.key ?? e.target.id) + '; ')`,
	})
	tab := Open(t, nil)
	tab.Go(url)
	require.Equal(t, "old", tab.Value("#name"))
	tab.Fill("#name", "new <name>")
	tab.Press("Tab", "Shift+Tab", "Alt+ArrowUp", "End")
	tab.Type("!")
	require.Equal(t, "new <name>!", tab.Value("#name"))
	tab.Fill("#note", "two\nlines")
	require.Equal(t, "two\nlines", tab.Value("#note"))
	tab.Fill("#note", "")
	require.Empty(t, tab.Value("#note"))
	tab.Fill("#day", "2031-01-02")
	require.Equal(t, "2031-01-02", tab.Value("#day"))
	tab.Select("#type", "b")
	require.Equal(t, "b", tab.Value("#type"))
	tab.Click("#box")
	require.True(t, Eval[bool](tab, "box.checked"))
	require.Equal(t, "date", tab.Attr("#day", "type"))
	require.Empty(t, tab.Attr("#day", "missing"))
	require.Equal(t, 5, tab.Count("label"))

	said := tab.Text("#log")
	for _, event := range []string{
		"input name; keydown Tab; change name;", "keydown Shift+Tab;", "keydown Alt+ArrowUp;", "keydown Shift+!; input name;",
		"input day; change day;", "input type; change type;", "input box; change box;",
	} {
		require.Contains(t, said, event)
	}

	tab.Click(TestID("submit")) // a slow page: the next step sees it, not the old one
	require.Equal(t, "POST new <name>!", tab.Text("#said"))
	require.Equal(t, url+"/slow", tab.URL())
	tab.Back()
	require.Equal(t, url+"/", tab.URL())
	tab.Fill("#name", "by key")
	tab.Press("Enter")
	require.Equal(t, "POST by key", tab.Text("#said"))
}

func TestWaits(t *testing.T) {
	t.Parallel()
	url := site(t, map[string]string{
		"/": head + `<p id=old>old</p><p id=hidden hidden>x</p><script src=/later.js></script>`,
		"/later.js": `setTimeout(() => { old.remove(); hidden.hidden = false; hidden.textContent = 'some new text';
			hidden.insertAdjacentHTML('afterend', '<a href=#place>Place</a><a href=/answer/204>Nothing</a>') }, 200)`,
	})
	tab := Open(t, nil)
	tab.Go(url)
	tab.WaitGone("#old")
	tab.WaitFor("#hidden")
	tab.WaitText("p", "new")
	tab.Click("[href='#place']")
	require.Equal(t, url+"/#place", tab.URL())
	tab.Click("[href='/answer/204']")
	require.Equal(t, url+"/#place", tab.URL())
	require.Contains(t, tab.HTML(), "some new text")
	require.Equal(t, 3, Eval[int](tab, "Promise.resolve(1 + 2)"))
}

func TestDragWithSortableJS(t *testing.T) {
	t.Parallel()
	url := site(t, map[string]string{
		"/": head + `<ul id=list>` + strings.Repeat("<li style='height: 40px'>", 5) + `</ul>
			<script src=/npm/sortable.min.js></script><script src=/sort.js></script>`,
		"/sort.js": `[...list.children].forEach((li, i) => { li.id = li.textContent = 'abcde'[i] });
			Sortable.create(list, {animation: 150, onEnd: () => list.dataset.saved = 'yes'})`,
	})
	for name, options := range map[string]*Options{"desktop": nil, "phone": {Phone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tab := Open(t, options)
			tab.Go(url)
			tab.Drag("#a", "#c")
			tab.WaitFor("[data-saved=yes]")
			require.Equal(t, "b c a d e", strings.Join(strings.Fields(tab.Text("#list")), " "))
			tab.Drag("#e", "#b")
			require.Equal(t, "e b c a d", strings.Join(strings.Fields(tab.Text("#list")), " "))
		})
	}
}

func TestAxe(t *testing.T) {
	t.Parallel()
	url := site(t, map[string]string{
		"/clean":  head + `<label>Name <input value=x></label>`,
		"/broken": head + `<input id=nameless value=CANARY-abcdef1><p style="color: #ccc; background: #fff">faint</p>`,
	})
	for name, options := range map[string]*Options{"desktop": nil, "no script": {NoScript: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tab := Open(t, options)
			tab.Go(url + "/clean")
			require.Empty(t, tab.Axe())
			tab.RequireAccessible()
			tab.Go(url + "/broken")
			rules := map[string][]string{}
			for _, violation := range tab.Axe() {
				rules[violation.Rule] = violation.Targets
			}
			require.Equal(t, map[string][]string{"label": {"#nameless"}, "color-contrast": {"p"}}, rules)
		})
	}
	failed := failures(t, func(tab *Tab) {
		tab.Go(url + "/broken")
		tab.RequireAccessible()
	})
	require.Len(t, failed, 1)
	require.Contains(t, failed[0], "/broken breaks rules of accessibility:\n")
	require.Contains(t, failed[0], "(label, critical): #nameless")
}

func TestOptions(t *testing.T) {
	t.Parallel()
	url := site(t, map[string]string{
		"/": head + `<meta name=viewport content="width=device-width"><p id=script>off</p><noscript><p id=no>No script</p></noscript>
			<a href=/slow>next</a><form action=/slow><label>Name <input name=name></label></form><script src=/on.js></script>`,
		"/on.js": `script.textContent = 'on'`,
	})
	const dark = "matchMedia('(prefers-color-scheme: dark)').matches"
	desktop := Open(t, nil)
	desktop.Go(url)
	require.Equal(t, "on", desktop.Text("#script"))
	require.False(t, Eval[bool](desktop, dark))
	require.True(t, Eval[bool](desktop, "matchMedia('(prefers-reduced-motion: reduce)').matches"))
	require.Equal(t, 1280, Eval[int](desktop, "innerWidth"))
	require.True(t, Eval[bool](desktop, "document.hasFocus()"))

	night := Open(t, &Options{Dark: true, Phone: true})
	night.Go(url)
	require.True(t, Eval[bool](night, dark))
	require.Equal(t, 390, Eval[int](night, "innerWidth"))
	require.True(t, Eval[bool](night, "matchMedia('(pointer: coarse)').matches"))
	night.Click("a")
	require.Equal(t, "GET", night.Text("#said"))
	require.True(t, Eval[bool](desktop, "document.hasFocus()"), "a second tab takes the first one's focus")

	plain := Open(t, &Options{NoScript: true})
	plain.Go(url)
	require.Equal(t, "off", plain.Text("#script"))
	plain.WaitText("#no", "No script")
	plain.Fill("input", "me")
	plain.Press("Enter")
	require.Equal(t, "GET me", plain.Text("#said"))
}

func TestTabsShareNoCookies(t *testing.T) {
	t.Parallel()
	url := site(t, map[string]string{"/": head})
	first, second := Open(t, nil), Open(t, nil)
	first.Go(url)
	require.Equal(t, "a=1", Eval[string](first, "document.cookie = 'a=1'"))
	second.Go(url)
	require.Empty(t, Eval[string](second, "document.cookie"))
}

func TestScreenshot(t *testing.T) {
	t.Parallel()
	tab := Open(t, nil)
	tab.Go(site(t, map[string]string{"/": head + `<div style="height: 1500px">`}))
	path := filepath.Join(t.TempDir(), "folder", "page.png")
	tab.Screenshot(path)
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	picture, err := png.DecodeConfig(file)
	require.NoError(t, err)
	require.Equal(t, 1280, picture.Width)
	require.Greater(t, picture.Height, 1500)
	tab.Resize(400, 700)
	require.Equal(t, []int{400, 700}, Eval[[]int](tab, "[innerWidth, innerHeight]"))
}
