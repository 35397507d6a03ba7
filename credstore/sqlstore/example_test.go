package sqlstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/migrate"
)

// A store on a new SQLite file. The program imports a driver named "sqlite", such
// as modernc.org/sqlite.
func Example() {
	ctx := credstore.WithActor(context.Background(), credstore.Actor{Kind: credstore.ActorCommand, Name: "example"})
	dir, err := os.MkdirTemp("", "signalbox")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	db, err := sqlstore.OpenSQLite(filepath.Join(dir, "signalbox.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if _, err := migrate.New(db, sqlstore.SQLite, nil).Up(ctx); err != nil {
		log.Fatal(err)
	}
	sealer, err := crypto.NewSealer("an example of a key with 32 characters", nil)
	if err != nil {
		log.Fatal(err)
	}
	store := sqlstore.New(db, sqlstore.SQLite, sealer, nil)
	defer store.Close()

	account, err := store.CreateAccount(ctx, credstore.NewAccount{
		Name: "research", Type: credstore.APIKey, APIKey: credstore.NewSecret("sk-ant-api03-example"),
	})
	if err != nil {
		log.Fatal(err)
	}
	credential, err := store.GetCredential(ctx, account.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(credential.AccountName, credential.APIKey, len(credential.APIKey.Reveal()))

	trail, err := store.ListAudit(ctx, credstore.AuditFilter{}, credstore.PageRequest{})
	if err != nil {
		log.Fatal(err)
	}
	for _, event := range trail.Items {
		fmt.Println(event.Actor.Name, event.Action, string(event.After))
	}
	// Output:
	// research [redacted] 20
	// example account.create {"active":true,"api_key":"[redacted]","is_max":false,"name":"research","type":"api_key"}
}
