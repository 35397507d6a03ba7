// Package e2e drives the dashboard with a real browser, as operators do: the program as
// it is started in production, on PostgreSQL, SQLite or credential files, and one test
// with the proxy beside it. All of it is in the tests.
//
// Each test has a program and a store of its own (world_test.go) and opens tabs in one
// browser that all share. At its end a test looks for secrets in the program's log, and
// for errors in the tabs.
package e2e
