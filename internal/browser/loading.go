package browser

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
)

// requestTimeout bounds the time from a page's request to be left for another one to
// the start of that navigation. A request that leads to none, such as a form that the
// content security policy does not let go, announces nothing more.
const requestTimeout = 3 * time.Second

var errLoading = errors.New("the page has not finished loading")

// loading knows whether the tab's page is being loaded.
type loading struct {
	mu    sync.Mutex
	frame cdp.FrameID   // the tab's outermost frame, known after the tab is open
	idle  chan struct{} // closed when nothing is being loaded
	asked *time.Timer   // runs between a request and its navigation
}

func newLoading() *loading {
	l := &loading{idle: make(chan struct{})}
	close(l.idle)
	return l
}

func (l *loading) setFrame(frame cdp.FrameID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frame = frame
}

// listen is called with every event of the tab, in order.
func (l *loading) listen(event any) {
	switch e := event.(type) {
	case *page.EventFrameRequestedNavigation:
		if e.Disposition == page.ClientNavigationDispositionCurrentTab {
			l.set(e.FrameID, true, time.AfterFunc(requestTimeout, func() { l.set(e.FrameID, false, nil) }))
		}
	case *page.EventFrameStartedLoading:
		l.set(e.FrameID, true, nil)
	case *page.EventFrameStoppedLoading:
		l.set(e.FrameID, false, nil)
	case *page.EventNavigatedWithinDocument:
		l.withinDocument(e.FrameID)
	}
}

// set notes the state of a frame; asked is stopped by the next call.
func (l *loading) set(frame cdp.FrameID, busy bool, asked *time.Timer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if frame != l.frame {
		stop(asked)
		return
	}
	stop(l.asked)
	l.asked = asked
	wasBusy := l.busy()
	switch {
	case busy && !wasBusy:
		l.idle = make(chan struct{})
	case !busy && wasBusy:
		close(l.idle)
	}
}

func (l *loading) busy() bool {
	select {
	case <-l.idle:
		return false
	default:
		return true
	}
}

// withinDocument ends a request that led to another place of the same page.
func (l *loading) withinDocument(frame cdp.FrameID) {
	l.mu.Lock()
	asked := l.asked != nil
	l.mu.Unlock()
	if asked {
		l.set(frame, false, nil)
	}
}

func stop(timer *time.Timer) {
	if timer != nil {
		timer.Stop()
	}
}

// wait returns when nothing is being loaded.
func (l *loading) wait(ctx context.Context) error {
	l.mu.Lock()
	idle, busy := l.idle, l.busy()
	l.mu.Unlock()
	if !busy {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return errLoading
	}
}
