// Package browser drives a real browser in tests: Debian's Chromium, without a
// window, as an operator at a keyboard would.
//
//	tab := browser.Open(t, nil)
//	tab.Go(server.URL + "/login")
//	tab.Fill(browser.TestID("api-key"), key)
//	tab.Click(browser.TestID("submit"))
//	tab.WaitText("h1", "Overview")
//	tab.RequireAccessible()
//
// # What it guarantees
//
// Each test binary starts one Chromium, when the first tab is opened, and the browser
// ends with the binary, however that ends. Each tab has cookies and storage of its own
// and is closed when its test ends; tabs of parallel tests do not disturb each other.
// A machine without Chromium fails the test.
//
// A step that cannot be done fails the test within 30 seconds, naming the selector and
// what is in the way, such as another element that covers it. A step waits until the
// page has loaded, and a step that opens a page ([Tab.Go], [Tab.Click], [Tab.Press],
// [Tab.Back]) returns when that page has loaded. What a script changes later is awaited
// with [Tab.WaitFor], [Tab.WaitText] or [Tab.WaitGone].
//
// At its end a test fails if the page opened a dialog (alert, confirm, prompt), wrote an
// error to the console, threw an exception that nobody caught, broke its content security
// policy, or asked for something that the server did not have. [Tab.Expect] makes
// exceptions. An answer of 400 to 499 to a navigation or a request by a script is no such
// error: the server meant it.
//
// Failures never quote a page at length, and a planted secret (CANARY-…) in one is masked.
//
// # Selectors
//
// They are CSS selectors. What is done is done to the first match that is visible, what is
// read is read from the first match. The page is asked for reduced motion, so that nothing
// moves under the mouse.
package browser
