package filestore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
)

// A store serves what is in the files.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "credentials")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			log.Fatal(err)
		}
	}
	write("research.credentials.json", `{"type": "api_key", "api_key": "sk-ant-api03-example"}`)
	write("team-a.client-keys.json", `{"keys": ["cnp_live_example"]}`)

	store, err := filestore.Open(dir, dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = store.Close() }()

	ctx := context.Background()
	fmt.Println(store.ValidateClientKey(ctx, "team-a", credstore.NewSecret("cnp_live_example")))
	fmt.Println(store.ValidateClientKey(ctx, "team-a", credstore.NewSecret("cnp_live_other")))
	credential, err := store.GetCredential(ctx, "acc_research")
	fmt.Println(credential.AccountName, credential.APIKey, err)
	// Output:
	// <nil>
	// train "team-a": unauthorized
	// research [redacted] <nil>
}

// A scan reads every file once and tells of each what is wrong with it.
func ExampleScanAccounts() {
	dir, err := os.MkdirTemp("", "accounts")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for name, text := range map[string]string{
		"a.credentials.json": `{"type": "api_key", "accountId": "acc_1", "api_key": "sk-ant-api03-example"}`,
		"b.credentials.json": `{"type": "api_key", "API_KEY": "sk-ant-api03-example"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			log.Fatal(err)
		}
	}
	scanned, err := filestore.ScanAccounts(dir)
	if err != nil {
		log.Fatal(err)
	}
	for _, account := range scanned {
		if account.Err != nil {
			fmt.Println(account.Err)
			continue
		}
		fmt.Println(account.File.Account.Name, account.File.Account.ID)
	}
	// Output:
	// a acc_1
	// damaged: b.credentials.json: field "api_key" is missing or empty
}
