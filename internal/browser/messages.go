package browser

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// recorder collects what goes wrong in a tab.
type recorder struct {
	mu       sync.Mutex
	messages []string
	expected []string
	urls     map[network.RequestID]string
}

func (r *recorder) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, mask(fmt.Sprintf(format, args...)))
}

// all returns what was collected so far.
func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

func (r *recorder) expect(parts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expected = append(r.expected, parts...)
}

// unexpected returns the messages that none of the expected texts is part of.
func (r *recorder) unexpected() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.messages), func(message string) bool {
		return slices.ContainsFunc(r.expected, func(part string) bool { return strings.Contains(message, part) })
	})
}

// listen is called with every event of the tab, in order.
func (r *recorder) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			r.add("console error: %s", consoleText(e.Args))
		}
	case *runtime.EventExceptionThrown:
		r.add("uncaught exception: %s", exceptionText(e.ExceptionDetails))
	case *log.EventEntryAdded: // the network's entries come from the network's own events
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			r.add("%s error: %s", e.Entry.Source, e.Entry.Text)
		}
	case *page.EventJavascriptDialogOpening:
		if e.Type != page.DialogTypeBeforeunload {
			r.add("dialog (%s): %s", e.Type, e.Message)
		}
	default:
		r.listenNetwork(event)
	}
}

func (r *recorder) listenNetwork(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		r.mu.Lock()
		r.urls[e.RequestID] = e.Request.Method + " " + e.Request.URL
		r.mu.Unlock()
	case *network.EventResponseReceived:
		meant := e.Type == network.ResourceTypeDocument || e.Type == network.ResourceTypeXHR || e.Type == network.ResourceTypeFetch
		if e.Response.Status >= 500 || (e.Response.Status >= 400 && !meant) {
			r.add("network: %s: answer %d", r.request(e.RequestID), e.Response.Status)
		}
	case *network.EventLoadingFailed:
		// What the page gives up itself, by leaving it or by a newer request, is no error.
		if !e.Canceled && e.ErrorText != "net::ERR_ABORTED" && e.BlockedReason != network.BlockedReasonCsp {
			r.add("network: %s: %s", r.request(e.RequestID), e.ErrorText)
		}
	}
}

func (r *recorder) request(id network.RequestID) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.urls[id]
}

func consoleText(args []*runtime.RemoteObject) string {
	var texts []string
	for _, arg := range args {
		if arg.Description != "" {
			texts = append(texts, arg.Description)
		} else {
			texts = append(texts, strings.Trim(string(arg.Value), `"`))
		}
	}
	return strings.Join(texts, " ")
}

func exceptionText(e *runtime.ExceptionDetails) string {
	text := e.Text
	if e.Exception != nil && e.Exception.Description != "" {
		text = e.Exception.Description
	}
	return fmt.Sprintf("%s (%s line %d)", text, e.URL, e.LineNumber+1)
}

// dismissDialogs closes each dialog at once: the page stands still until then.
// Listeners must not call the browser, so it has a goroutine, which ends with ctx.
func dismissDialogs(ctx context.Context, opened <-chan page.DialogType) {
	for {
		select {
		case <-ctx.Done():
			return
		case kind := <-opened:
			// Leaving a page is allowed, everything else is answered with "cancel".
			// A failure shows in the step that waits for the page.
			_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{
				Accept: kind == page.DialogTypeBeforeunload,
			})
		}
	}
}
