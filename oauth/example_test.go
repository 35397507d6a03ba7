package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/migrate"
	"github.com/signalbox-go/signalbox/oauth"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

// An account whose token has expired is refreshed when it is asked for, and the
// new tokens are in the store.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "oauth-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	// A store, with a schema.
	sealer, err := crypto.NewSealer("an example key of 32 characters or more", &crypto.SealerOptions{ReuseSalt: true})
	if err != nil {
		log.Fatal(err)
	}
	db, err := sqlstore.OpenSQLite(filepath.Join(dir, "signalbox.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := migrate.New(db, sqlstore.SQLite, nil).Up(ctx); err != nil {
		log.Fatal(err)
	}
	store := sqlstore.New(db, sqlstore.SQLite, sealer, nil)
	defer func() { _ = store.Close() }()

	// An account, and the provider where it logged in, an hour too long ago.
	provider := oauthtest.NewProvider(nil)
	tokens := provider.Login("acc_1")
	tokens.ExpiresAt = time.Now().Add(-time.Hour)
	_, err = store.CreateAccount(ctx, credstore.NewAccount{ID: "acc_1", Name: "research", Type: credstore.OAuth, Tokens: tokens})
	if err != nil {
		log.Fatal(err)
	}

	// The refresher.
	journal, err := oauth.OpenJournal(filepath.Join(dir, "refreshes"), sealer)
	if err != nil {
		log.Fatal(err)
	}
	client := oauth.NewClient(&oauth.ClientOptions{Transport: provider.Transport()})
	refresher := oauth.NewRefresher(store, client, journal, &oauth.RefresherOptions{
		Logger:    slog.New(slog.DiscardHandler),
		OnRefresh: func(e oauth.RefreshEvent) { fmt.Println(e.AccountID, e.Outcome) },
	})
	defer refresher.Close()

	credential, err := refresher.Credential(ctx, "acc_1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(credential.AccountName, credential.Tokens.Access)
	fmt.Println("the API takes it:", provider.Valid(credential.Tokens.Access))

	stored, err := store.GetCredential(ctx, "acc_1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("it is stored:", stored.Tokens.Access.Equal(credential.Tokens.Access))
	// Output:
	// acc_1 refreshed
	// research [redacted]
	// the API takes it: true
	// it is stored: true
}

// Errors of the token endpoint are either final or passing.
func ExamplePermanent() {
	provider := oauthtest.NewProvider(nil)
	client := oauth.NewClient(&oauth.ClientOptions{Transport: provider.Transport()})
	tokens := provider.Login("acc_1")

	provider.Next(oauthtest.Behaviour{Answer: oauthtest.RateLimited, RetryAfter: "30"})
	_, err := client.Refresh(context.Background(), tokens.Refresh)
	var e *oauth.Error
	if errors.As(err, &e) {
		fmt.Println(oauth.Permanent(err), e.StatusCode, e.Code, e.RetryAfter)
	}

	provider.Revoke("acc_1")
	_, err = client.Refresh(context.Background(), tokens.Refresh)
	fmt.Println(oauth.Permanent(err), err)
	// Output:
	// false 429 rate_limit_error 30s
	// true oauth: token endpoint answered 400 invalid_grant
}
