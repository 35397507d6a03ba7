package browser

import (
	"context"
	"fmt"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// dragSteps is the number of moves between the two ends of a drag.
const dragSteps = 10

// Throw drags as Drag does, but in few steps and without lingering: the drop comes at once.
func (tab *Tab) Throw(from, to string) {
	tab.t.Helper()
	tab.drag("throw "+from+" to "+to, from, to, 3, hand.drop)
}

// DragAndCancel drags as Drag does, but presses Escape instead of dropping.
func (tab *Tab) DragAndCancel(from, to string) {
	tab.t.Helper()
	tab.drag("drag and cancel "+from, from, to, dragSteps, func(hand hand, ctx context.Context, end point) error {
		if err := tab.linger(ctx, hand, end); err != nil {
			return err
		}
		return hand.cancel(ctx, end)
	})
}

// Drag drags the middle of one element to the middle of another and drops it there: with
// the mouse, or on a phone with a finger. It lingers at the end until the page is at rest,
// as a person would: SortableJS ignores what comes while it animates. Both elements must fit
// into the window.
func (tab *Tab) Drag(from, to string) {
	tab.t.Helper()
	tab.drag("drag "+from+" to "+to, from, to, dragSteps, func(hand hand, ctx context.Context, end point) error {
		if err := tab.linger(ctx, hand, end); err != nil {
			return err
		}
		return hand.drop(ctx, end)
	})
}

// drag moves an element's middle to that of another, and ends as it is told.
func (tab *Tab) drag(what, from, to string, steps int, finish func(hand, context.Context, point) error) {
	tab.t.Helper()
	tab.point(what, to) // scrolls
	start := tab.point(what, from)
	end := tab.point(what, to)
	var hand hand = &mouse{}
	if tab.options.Phone {
		hand = finger{}
	}
	tab.act(what, func(ctx context.Context) error {
		if err := hand.press(ctx, start); err != nil {
			return err
		}
		for i := range steps {
			part := float64(i+1) / float64(steps)
			if err := hand.move(ctx, point{start.X + (end.X-start.X)*part, start.Y + (end.Y-start.Y)*part}); err != nil {
				return err
			}
		}
		return finish(hand, ctx, end)
	})
}

// hand is what holds an element during a drag.
type hand interface {
	press(context.Context, point) error
	move(context.Context, point) error
	drop(context.Context, point) error
	cancel(context.Context, point) error // with the Escape key, then let go
}

// linger moves a little at the end of a drag until that changes nothing in the page.
func (tab *Tab) linger(ctx context.Context, hand hand, end point) error {
	for before := ""; ; {
		after, err := tab.rest(ctx)
		if err != nil || after == before {
			return err
		}
		before = after
		for _, to := range []point{{end.X + 1, end.Y + 1}, end} {
			if err := hand.move(ctx, to); err != nil {
				return err
			}
		}
	}
}

// rest waits until no element is moved by an animation and returns where all of them are.
func (tab *Tab) rest(ctx context.Context) (places string, err error) {
	const look = `() => ({value: document.getAnimations().some(a => a.playState === 'running') ? '' :
		JSON.stringify([...document.body.querySelectorAll('*')].map(e => { const r = e.getBoundingClientRect(); return [r.x, r.y]; }))})`
	const looks = 3 // SortableJS ends its animations with a timer, a moment after their last frame
	for same := 0; same < looks; {
		now, err := poll[string](ctx, tab, script(look))
		if err != nil {
			return "", err
		}
		if now == places && now != "" {
			same++
		} else {
			same = 0
		}
		places = now
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return "", fmt.Errorf("the page does not come to rest: %w", ctx.Err())
		}
	}
	return places, nil
}

// finger drags on a touch screen.
type finger struct{}

func (finger) press(ctx context.Context, at point) error {
	return dispatchTouch(ctx, input.DispatchTouchEventTypeTouchStart, at)
}

func (finger) move(ctx context.Context, at point) error {
	return dispatchTouch(ctx, input.DispatchTouchEventTypeTouchMove, at)
}

func (finger) drop(ctx context.Context, _ point) error {
	return dispatchTouch(ctx, input.DispatchTouchEventTypeTouchEnd)
}

func (f finger) cancel(ctx context.Context, at point) error {
	if err := pressEscape(ctx); err != nil {
		return err
	}
	return f.drop(ctx, at)
}

func pressEscape(ctx context.Context) error {
	for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
		err := call(ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: "Escape", Code: "Escape", WindowsVirtualKeyCode: 27})
		if err != nil {
			return err
		}
	}
	return nil
}

func dispatchTouch(ctx context.Context, kind input.DispatchTouchEventType, at ...point) error {
	touches := []*input.TouchPoint{} // not nil: the end of a touch has an empty list
	for _, place := range at {
		touches = append(touches, &input.TouchPoint{X: place.X, Y: place.Y})
	}
	return call(ctx, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: touches})
}

// mouse drags with the left button. Where the page leaves the drag to the browser (HTML's
// drag and drop), the browser without a window hands it over as data, and the moves are
// told to it as the system's.
type mouse struct {
	data *input.DragData // of a drag that was handed over
}

// startDistance is how far the mouse goes, in both directions, before the browser takes
// it for a drag (3 pixels in Chromium) and not for a click.
const startDistance = 5

func (m *mouse) press(ctx context.Context, at point) error {
	if err := call(ctx, input.SetInterceptDrags, input.SetInterceptDragsParams{Enabled: true}); err != nil {
		return err
	}
	for _, kind := range []input.DispatchMouseEventType{chromedp.MouseMoved, chromedp.MousePressed} {
		if err := dispatchMouse(ctx, kind, at); err != nil {
			return err
		}
	}
	// SortableJS makes an element draggable when the button goes down on it.
	native, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script(
		`(x, y) => !!document.elementFromPoint(x, y)?.closest('[draggable=true], a[href], img')`, at.X, at.Y)))
	if err != nil {
		return err
	}
	start := chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		return dispatchMouse(ctx, chromedp.MouseMoved, point{at.X + startDistance, at.Y + startDistance})
	})
	if !native {
		return chromedp.Do(ctx, start)
	}
	event, err := chromedp.Run(ctx, chromedp.WaitEvent(input.DragIntercepted, nil, start))
	if err != nil {
		return fmt.Errorf("the drag does not start: %w", err)
	}
	m.data = event.Data
	return m.dispatchDrag(ctx, input.DispatchDragEventTypeDragEnter, at)
}

func (m *mouse) move(ctx context.Context, at point) error {
	if m.data != nil {
		return m.dispatchDrag(ctx, input.DispatchDragEventTypeDragOver, at)
	}
	return dispatchMouse(ctx, chromedp.MouseMoved, at)
}

func (m *mouse) drop(ctx context.Context, at point) error {
	if m.data != nil {
		if err := m.dispatchDrag(ctx, input.DispatchDragEventTypeDrop, at); err != nil {
			return err
		}
	}
	if err := dispatchMouse(ctx, chromedp.MouseReleased, at); err != nil {
		return err
	}
	return call(ctx, input.SetInterceptDrags, input.SetInterceptDragsParams{Enabled: false})
}

// cancel tells the page what the browser does of a drag that Escape ends: keys do not
// reach the page then.
func (m *mouse) cancel(ctx context.Context, at point) error {
	if m.data == nil {
		if err := pressEscape(ctx); err != nil {
			return err
		}
		return m.drop(ctx, at)
	}
	if err := m.dispatchDrag(ctx, input.DispatchDragEventTypeDragCancel, at); err != nil {
		return err
	}
	m.data = nil
	return m.drop(ctx, at)
}

func (m *mouse) dispatchDrag(ctx context.Context, kind input.DispatchDragEventType, at point) error {
	return call(ctx, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: at.X, Y: at.Y, Data: m.data})
}

func dispatchMouse(ctx context.Context, kind input.DispatchMouseEventType, at point) error {
	event := input.DispatchMouseEventParams{Type: kind, X: at.X, Y: at.Y, Button: input.MouseButtonLeft, ClickCount: 1}
	if kind == chromedp.MouseMoved {
		event.ClickCount, event.Buttons = 0, 1
	}
	return call(ctx, input.DispatchMouseEvent, event)
}
