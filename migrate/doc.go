// Package migrate brings a database to the schema of Signalbox, and takes
// credential files into it.
package migrate
