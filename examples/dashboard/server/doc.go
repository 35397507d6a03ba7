// Package server is the dashboard: pages for operators on the administrative side of
// credstore, as HTML that works without JavaScript and better with htmx.
//
// # One request
//
// Middleware in a line (server.go): the request gets an id and its log line, the
// security headers, a limit for its address, the cross-origin check, a bound for its
// body; then who it is (auth.go: single sign-on, X-Dashboard-Key or a session), a
// limit for that session and, for changes by a session, its token (csrf.go). Handlers
// read the form, call the store with the actor in the context, and render.
//
// # Pages
//
// Every page is a template of its own in templates/, around it layout.html. A handler
// calls [server.render] for the whole page, or [server.renderPart] with the name of a
// block: a request of htmx (HX-Request, which no other site's page can send) gets the
// block alone, any other request the page that holds it. So each address has one block,
// and what asks for it with htmx names the element that the block fills as its target.
// What a form says of PUT and DELETE comes as POST with the field _method where there is
// no JavaScript.
//
// # Secrets
//
// No page carries one. Forms come back without what was typed into secret fields. The
// two exceptions are answers to a POST of their own: a revealed credential, whose
// audit event is committed first, and a generated client key, shown once.
//
// # Files
//
// On credential files the dashboard only shows: there is no audit trail to record a
// change in, and files are managed by editing them.
package server
