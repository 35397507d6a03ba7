package browser

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// The time that one step may take, and the pauses between looks at a condition meanwhile:
// short at first, then longer, as looking is work for a machine that is busy already.
const (
	stepTimeout = 30 * time.Second
	pollEvery   = 15 * time.Millisecond
	maxPause    = 100 * time.Millisecond
)

// Options of a tab. Nil or the zero value is a desktop window in light colours.
type Options struct {
	NoScript bool // the page's scripts are off
	Phone    bool // a telephone's narrow screen (390 by 844 points), used by touch
	Dark     bool // the system prefers dark colours
	Motion   bool // the system does not ask for less motion
}

// Tab is one tab of the browser with cookies and storage of its own. Its methods fail the
// test when they cannot do what they say; they are for the test's own goroutine.
type Tab struct {
	t        testing.TB
	ctx      context.Context
	options  Options
	loading  *loading
	recorder *recorder
	timeout  time.Duration
}

// Open opens a tab, which is closed when the test ends. The first one starts the browser.
func Open(t testing.TB, options *Options) *Tab {
	t.Helper()
	browser, err := process()
	if err != nil {
		t.Fatalf("%v", err)
	}
	if options == nil {
		options = &Options{}
	}
	tab := &Tab{
		t: t, options: *options, timeout: stepTimeout,
		loading:  newLoading(),
		recorder: &recorder{urls: map[network.RequestID]string{}},
	}
	dialogs := make(chan page.DialogType, 1000)
	ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(func(event any) {
		tab.loading.listen(event)
		tab.recorder.listen(event)
		if dialog, ok := event.(*page.EventJavascriptDialogOpening); ok {
			dialogs <- dialog.Type
		}
	}))
	tab.ctx = ctx
	t.Cleanup(func() {
		t.Helper()
		tab.flush()
		closeTab()
		for _, message := range tab.recorder.unexpected() {
			t.Errorf("browser: the page is not clean: %s", message)
		}
	})
	if err := tab.setUp(); err != nil {
		tab.fail("cannot open a tab: %v", err)
	}
	go dismissDialogs(ctx, dialogs)
	return tab
}

// For returns the same tab for a test inside of the one that it was opened for: a step that
// fails is that test's failure.
func (tab *Tab) For(t testing.TB) *Tab {
	other := *tab
	other.t = t
	return &other
}

// setUp opens the tab and makes it what the options say.
func (tab *Tab) setUp() error {
	if err := chromedp.Do(tab.ctx); err != nil {
		return err
	}
	// A page's outermost frame has the name of its target.
	tab.loading.setFrame(cdp.FrameID(chromedp.FromContext(tab.ctx).Target.TargetID))

	width, height, colours := 1280, 900, "light"
	if tab.options.Phone {
		width, height = 390, 844
	}
	if tab.options.Dark {
		colours = "dark"
	}
	motion := "reduce"
	if tab.options.Motion {
		motion = "no-preference"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: colours},
		{Name: "prefers-reduced-motion", Value: motion},
	}}
	ctx, cancel := context.WithTimeout(tab.ctx, tab.timeout)
	defer cancel()
	return errors.Join(
		tab.resize(ctx, width, height),
		call(ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: tab.options.Phone}),
		call(ctx, emulation.SetEmulatedMedia, media),
		// Every tab believes that it is the one in front, as parallel tests cannot take turns.
		call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}),
		call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: tab.options.NoScript}),
	)
}

func (tab *Tab) resize(ctx context.Context, width, height int) error {
	return call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(width), Height: int64(height), DeviceScaleFactor: 1, Mobile: tab.options.Phone,
	})
}

// call calls the browser for a command whose answer does not matter.
func call[P, R any](ctx context.Context, command cdp.Command[P, R], params P) error {
	_, err := chromedp.Call(ctx, command, params)
	return err
}

func (tab *Tab) fail(format string, args ...any) {
	tab.t.Helper()
	tab.t.Fatalf("browser: %s", mask(fmt.Sprintf(format, args...)))
}

// act does one step that needs no looking for an element first, and waits for the page
// that it may open. what names the step in the failure.
func (tab *Tab) act(what string, step func(context.Context) error) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, tab.timeout)
	defer cancel()
	err := tab.loading.wait(ctx)
	if err == nil {
		err = step(ctx)
	}
	if err == nil {
		tab.flush()
		err = tab.loading.wait(ctx)
	}
	if err != nil {
		tab.fail("%s: %v", what, err)
	}
}

// flush returns when the events that the last step caused have arrived: the page answers
// in order. That a page which is being left does not answer is no failure.
func (tab *Tab) flush() {
	ctx, cancel := context.WithTimeout(tab.ctx, tab.timeout)
	defer cancel()
	_, _ = chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](`0`))
}

// Expect says which messages are no reason for the test to fail at its end: those that
// contain one of the texts.
func (tab *Tab) Expect(parts ...string) { tab.recorder.expect(parts) }

// Messages returns what went wrong in the tab so far, one sentence each: dialogs, console
// errors, uncaught exceptions, breaches of the content security policy, failed requests.
// Planted secrets are masked.
func (tab *Tab) Messages() []string {
	tab.flush()
	return tab.recorder.all()
}

// TestID is the selector of the elements with that data-testid.
func TestID(id string) string {
	return "[data-testid=" + strconv.Quote(id) + "]"
}
