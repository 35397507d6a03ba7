// Package backend chooses and opens the store that a program's configuration
// names: credential files, SQLite or PostgreSQL.
//
//	config, err := backend.ConfigFromEnv(os.Getenv)
//	…
//	b, err := backend.Open(ctx, config, logger)
//	…
//	defer b.Close()
//
// USE_DATABASE_CREDENTIALS=false, the default, serves from the credential files
// in place, so that a program can be deployed before anything has moved; true
// serves from DATABASE_URL, whose schema package migrate makes. [Help] prints all
// variables.
//
// This package brings the SQLite and PostgreSQL drivers with it. A program that
// wants only one of them, or another driver, wires sqlstore itself; it is a few
// lines.
package backend
