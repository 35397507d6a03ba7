package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/keyfile"
)

// demoName is the id of the demo train and the name and id of the demo account. It is
// one that nobody gives to an account or train of their own.
const demoName = "signalbox-demo"

// isReal tells whether the store has an active account beside the demo account.
func isReal(ctx context.Context, store credstore.AdminStore) (bool, error) {
	accounts, err := store.ActiveAccounts(ctx)
	for _, account := range accounts {
		if account.ID != demoName {
			return true, err
		}
	}
	return false, err
}

// switchDemoOff takes the demo out of service, so that its client key, which has
// been on a screen, opens nothing once there are real accounts.
func switchDemoOff(ctx context.Context, store credstore.AdminStore) error {
	return errors.Join(
		unlessMissing(store.DeactivateTrain(ctx, demoName)),
		unlessMissing(store.DeactivateAccount(ctx, demoName, false)),
	)
}

func unlessMissing(err error) error {
	if errors.Is(err, credstore.ErrNotFound) {
		return nil
	}
	return err
}

// switchDemoOn puts the demo train and account in place and returns the train's
// client key, which is kept in the data folder.
func switchDemoOn(ctx context.Context, store credstore.AdminStore, dataDir string) (clientKey string, err error) {
	secret, err := keyfile.ReadOrMake(filepath.Join(dataDir, "demo-client.key"))
	if err != nil {
		return "", err
	}
	clientKey = "cnp_demo_" + secret
	if err := addDemo(ctx, store); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	if _, err := store.AddClientKeys(ctx, demoName, credstore.NewSecret(clientKey)); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	return clientKey, nil
}

// addDemo makes what is missing of the demo, and takes it back into service.
func addDemo(ctx context.Context, store credstore.AdminStore) error {
	_, err := store.CreateAccount(ctx, credstore.NewAccount{
		ID: demoName, Name: demoName, Type: credstore.APIKey, APIKey: credstore.NewSecret("sk-demo-" + rand.Text()),
	})
	if err := unlessExists(err); err != nil {
		return err
	}
	_, err = store.CreateTrain(ctx, credstore.NewTrain{ID: demoName, Name: "Demo", Description: "Answers come from a stand-in for the API."})
	if err := unlessExists(err); err != nil {
		return err
	}
	return errors.Join(
		unlessExists(store.AddMapping(ctx, demoName, demoName, 0)),
		store.ReactivateAccount(ctx, demoName),
		store.ReactivateTrain(ctx, demoName),
	)
}

func unlessExists(err error) error {
	if errors.Is(err, credstore.ErrAlreadyExists) {
		return nil
	}
	return err
}
