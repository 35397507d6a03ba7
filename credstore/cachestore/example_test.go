package cachestore_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/cachestore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/migrate"
	"github.com/signalbox-go/signalbox/selection"
)

// A request of a client costs one look into the store, and the next ones none. A
// client key that is revoked through the store behind stops working at once.
func Example() {
	ctx := context.Background()
	store, remove := exampleStore(ctx)
	defer remove()
	key := credstore.NewSecret("cnp_live_example")
	must(store.CreateAccount(ctx, credstore.NewAccount{
		ID: "acc_1", Name: "research", Type: credstore.APIKey, APIKey: credstore.NewSecret("sk-ant-example"),
	}))
	must(store.CreateTrain(ctx, credstore.NewTrain{ID: "atlas", ClientKeys: []credstore.Secret{key}}))

	cache := cachestore.New(store, nil)
	defer cache.Close()
	selector := selection.New(cache, nil)

	request := func() {
		if err := cache.ValidateClientKey(ctx, "atlas", key); err != nil {
			fmt.Println("refused:", err)
			return
		}
		accounts := must(selector.Candidates(ctx, "atlas", ""))
		credential := must(cache.GetCredential(ctx, accounts[0].ID))
		fmt.Println("account", credential.AccountName, "after", cache.Stats().Loads, "loads")
	}
	request()
	request()
	if err := store.RevokeClientKey(ctx, "atlas", credstore.HashClientKey(key)); err != nil {
		log.Fatal(err)
	}
	request()
	// Output:
	// account research after 3 loads
	// account research after 3 loads
	// refused: unauthorized
}

// exampleStore makes an SQLite store in a new directory.
func exampleStore(ctx context.Context) (store *sqlstore.Store, remove func()) {
	dir := must(os.MkdirTemp("", "signalbox"))
	db := must(sqlstore.OpenSQLite(filepath.Join(dir, "signalbox.db")))
	must(migrate.New(db, sqlstore.SQLite, nil).Up(ctx))
	encryption := must(crypto.NewSealer("an example key of 32 or more characters", nil))
	return sqlstore.New(db, sqlstore.SQLite, encryption, nil), func() { closeAndRemove(db, encryption, dir) }
}

func closeAndRemove(db *sql.DB, encryption *crypto.Sealer, dir string) {
	encryption.Close()
	if err := db.Close(); err != nil {
		log.Print(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		log.Print(err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
