package crypto_test

import (
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/signalbox-go/signalbox/crypto"
)

// A real key is random and comes from the environment or a secret manager.
const exampleKey = "only-an-example-never-a-real-key"

// One value, sealed and opened.
func Example() {
	sealed, err := crypto.Encrypt("sk-ant-example", exampleKey)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("parts:", len(strings.Split(sealed, ":")))

	plaintext, err := crypto.Decrypt(sealed, exampleKey)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plaintext)
	// Output:
	// parts: 4
	// sk-ant-example
}

// What a store does: one Sealer for its whole life.
func ExampleSealer() {
	sealer, err := crypto.NewSealer(exampleKey, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer sealer.Close()

	sealed, err := sealer.Seal("sk-ant-example")
	if err != nil {
		log.Fatal(err)
	}
	for range 1000 {
		if _, err := sealer.Open(sealed); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("derivations:", sealer.Derivations())
	// Output: derivations: 1
}

// What a journal does: many short-lived records, one salt.
func ExampleSealerOptions_reuseSalt() {
	sealer, err := crypto.NewSealer(exampleKey, &crypto.SealerOptions{ReuseSalt: true})
	if err != nil {
		log.Fatal(err)
	}
	defer sealer.Close()

	for i := range 1000 {
		if _, err := sealer.Seal(fmt.Sprint("record ", i)); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("derivations:", sealer.Derivations())
	// Output: derivations: 1
}

// Telling the errors apart.
func ExampleDecrypt_errors() {
	sealed, err := crypto.Encrypt("sk-ant-example", exampleKey)
	if err != nil {
		log.Fatal(err)
	}

	_, err = crypto.Decrypt(sealed, "short")
	fmt.Println(errors.Is(err, crypto.ErrShortKey), err)

	_, err = crypto.Decrypt("sk-ant-stored-as-it-is", exampleKey)
	fmt.Println(errors.Is(err, crypto.ErrMalformed), err)

	_, err = crypto.Decrypt(sealed, "a key of 32 characters, not ours")
	fmt.Println(errors.Is(err, crypto.ErrAuthentication), err)
	// Output:
	// true crypto: encryption key must have at least 32 characters
	// true crypto: malformed sealed value: want four parts joined by colons
	// true crypto: wrong encryption key, or altered value
}

func ExampleCheckKey() {
	fmt.Println(crypto.CheckKey("changeme"))
	fmt.Println(crypto.CheckKey(exampleKey))
	// Output:
	// crypto: encryption key must have at least 32 characters
	// <nil>
}

func ExampleVerifyAPIKeyHash() {
	stored := crypto.HashAPIKey("cnp_example_client_key")
	fmt.Println(stored)
	fmt.Println(crypto.VerifyAPIKeyHash("cnp_example_client_key", stored))
	fmt.Println(crypto.VerifyAPIKeyHash("cnp_another_client_key", stored))
	// Output:
	// 66bec9cf51bf918a77ecb22cbc9396f4557065de7727d265515084d6635161d6
	// true
	// false
}
