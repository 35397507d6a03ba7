package migrate_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver of the database

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/migrate"
)

// From a folder of credential files to a database that is checked.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "migrate")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "research.credentials.json")
	if err := os.WriteFile(file, []byte(`{"type": "api_key", "api_key": "sk-ant-api03-example"}`), 0o600); err != nil {
		log.Fatal(err)
	}

	db, err := sqlstore.OpenSQLite(filepath.Join(dir, "signalbox.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	sealer, err := crypto.NewSealer(strings.Repeat("not a good key; ", 3), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer sealer.Close()

	m := migrate.New(db, sqlstore.SQLite, nil)
	applied, err := m.Up(ctx)
	if err != nil {
		log.Fatal(err)
	}
	imported, err := m.Import(ctx, sealer, dir, filepath.Join(dir, "none"), nil)
	if err != nil {
		log.Fatal(err)
	}
	report, err := m.Verify(ctx, sealer, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(applied.Steps), "migrations")
	for _, item := range imported.Accounts {
		fmt.Println(item.Outcome, item.File, item.ID)
	}
	fmt.Println("secrets that open:", report.Secrets, "ok:", report.OK())
	// Output:
	// 4 migrations
	// new research.credentials.json acc_research
	// secrets that open: 1 ok: true
}
