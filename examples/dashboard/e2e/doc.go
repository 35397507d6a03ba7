// Package e2e drives the dashboard with a real browser, as operators do: the program as
// it is started in production, on PostgreSQL, SQLite or credential files, and one test
// with the proxy beside it. All of it is in the tests.
//
// Tests have programs and stores of their own (world_test.go), but for the flows of
// flows_test.go, which share them as operators do, and open tabs in one browser. At its
// end a test looks for secrets in the program's log, and for errors in the tabs.
package e2e
