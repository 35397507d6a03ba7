package credstore_test

import (
	"fmt"

	"github.com/signalbox-go/signalbox/credstore"
)

// A secret redacts itself wherever it is printed.
func ExampleSecret() {
	account := credstore.NewAccount{
		Name:   "research",
		Type:   credstore.APIKey,
		APIKey: credstore.NewSecret("sk-ant-api03-example"),
	}
	fmt.Println(account.APIKey)
	fmt.Printf("%+v\n", account.Tokens.Access)
	fmt.Println(len(account.APIKey.Reveal()))
	// Output:
	// [redacted]
	// [redacted]
	// 20
}
