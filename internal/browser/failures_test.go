package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A step that cannot be done says why, and shows no secret.
func TestStepsFail(t *testing.T) {
	t.Parallel()
	url := site(t, map[string]string{
		"/": head + `<p id=hidden hidden>x</p><button id=off disabled>x</button>
			<div id=cover class=overlay style="position: fixed; inset: 50px 0 0 0"></div><button id=under style="margin-top: 100px">x</button>
			<p id=secret>key sk-ant-CANARY-abcdef1 and more</p><label>T<select id=type><option>a</select></label><input aria-label=r id=fixed readonly>`,
	})
	tests := []struct {
		name string
		step func(*Tab)
		want string
	}{
		{"missing", func(tab *Tab) { tab.Click("#missing") }, "click #missing: there is none (for "},
		{"hidden", func(tab *Tab) { tab.WaitFor("#hidden") }, "wait for #hidden: it is not visible"},
		{"disabled", func(tab *Tab) { tab.Click("#off") }, "click #off: it is disabled"},
		{"covered", func(tab *Tab) { tab.Click("#under") }, "click #under: it is covered by div#cover.overlay"},
		{"still there", func(tab *Tab) { tab.WaitGone("#secret") }, "wait until #secret is gone: it is still there"},
		{"other text", func(tab *Tab) { tab.WaitText("#secret", "CANARY-abcdef2") },
			`wait for #secret with the text "[planted secret]": it says "key sk-ant-[planted secret] and more"`},
		{"no option", func(tab *Tab) { tab.Select("#type", "b") }, `select "b" in #type: it has no such option`},
		{"read-only", func(tab *Tab) { tab.Fill("#fixed", "x") }, "fill #fixed: it cannot be changed"},
		{"no selector", func(tab *Tab) { tab.Text("a[") }, "read the text of a[: "},
		{"no key", func(tab *Tab) { tab.Press("Entre") }, `press: there is no key "Entre"`},
		{"no modifier", func(tab *Tab) { tab.Press("Alt+Strg+x") }, `press: "Strg" is no key to hold down`},
		{"no server", func(tab *Tab) { tab.Go("http://127.0.0.1:1/") }, "open http://127.0.0.1:1/: net::ERR_"},
		{"no page before", func(tab *Tab) { tab.Back(); tab.Back() }, "go back: there is no page before this one"},
		{"bad script", func(tab *Tab) { Eval[int](tab, "nothing.at.all") }, `evaluate "nothing.at.all": `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// A busy machine may need longer than that to look once.
			for timeout := 400 * time.Millisecond; ; timeout *= 2 {
				failed := failures(t, func(tab *Tab) {
					tab.Expect("net::ERR_")
					tab.Go(url)
					tab.timeout = timeout
					tt.step(tab)
				})
				require.Len(t, failed, 1)
				if timeout > stepTimeout || strings.HasPrefix(failed[0], "browser: "+tt.want) {
					require.Contains(t, failed[0], tt.want)
					return
				}
			}
		})
	}
}

// What goes wrong in a page fails its test at the end.
func TestUncleanPagesFail(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"/alert.js":   `alert('CANARY-abcdef1')`,
		"/console.js": `console.warn('fine'); console.error('wrong', 7, {a: 1})`,
		"/throw.js":   `setTimeout(() => { throw new Error('thrown') })`,
		"/reject.js":  `Promise.reject(new Error('rejected'))`,
		"/fetch.js":   `fetch('/answer/422'); fetch('/answer/409')`,
		"/fetch5.js":  `fetch('/answer/503')`,
		"/inline":     head + `<script>document.title = 'x'</script>`,
		"/handler":    head + `<button id=b onclick="alert(1)">x</button>`,
		"/image":      head + `<img alt=x src=/missing.png>`,
		"/other":      head + `<img alt=x src=https://example.com/x.png>`,
	}
	for _, name := range []string{"alert", "console", "throw", "reject", "fetch", "fetch5"} {
		pages["/"+name] = head + "<script src=/" + name + ".js></script>"
	}
	url := site(t, pages)
	tests := []struct{ path, want string }{
		{"/alert", "dialog (alert): [planted secret]"},
		{"/console", "console error: wrong 7 Object"},
		{"/throw", "uncaught exception: Error: thrown"},
		{"/reject", "uncaught exception: Error: rejected"},
		{"/fetch5", "network: GET " + url + "/answer/503: answer 503"},
		{"/answer/500", "network: GET " + url + "/answer/500: answer 500"},
		{"/inline", "security error: "},
		{"/image", "network: GET " + url + "/missing.png: answer 404"},
		{"/other", "security error: "},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			failed := failures(t, func(tab *Tab) {
				tab.Go(url + tt.path)
				tab.WaitFor("body")
				require.Eventually(t, func() bool { return len(tab.Messages()) > 0 }, stepTimeout, pollEvery)
			})
			require.Len(t, failed, 1)
			require.True(t, strings.HasPrefix(failed[0], "browser: the page is not clean: "+tt.want), failed[0])
		})
	}

	t.Run("event handler", func(t *testing.T) {
		t.Parallel()
		failed := failures(t, func(tab *Tab) {
			tab.Go(url + "/handler")
			tab.Click("#b")
		})
		require.NotEmpty(t, failed)
		require.NotContains(t, strings.Join(failed, ""), "dialog")
	})
	t.Run("expected", func(t *testing.T) {
		t.Parallel()
		tab := Open(t, nil)
		tab.Expect("wrong 7", "thrown")
		tab.Go(url + "/console")
		tab.Go(url + "/throw")
		require.Eventually(t, func() bool { return len(tab.Messages()) == 2 }, stepTimeout, pollEvery)
	})
	t.Run("answers that are meant", func(t *testing.T) {
		t.Parallel()
		tab := Open(t, nil)
		tab.Go(url + "/fetch")
		tab.Go(url + "/nothing-here")
		tab.Go(url + "/fetch")
		require.Empty(t, tab.Messages())
	})
}
