package cachestore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/cachestore"
	"github.com/signalbox-go/signalbox/selection"
)

// BenchmarkRequest is what the SDK does for a request whose train and accounts
// are cached: validate the client key, choose the account, get its credential.
// The store behind is SQLite; every second the cache asks it again, as in service.
func BenchmarkRequest(b *testing.B) {
	for _, shape := range []struct {
		name                 string
		clientKeys, accounts int
		restricted           bool
	}{
		{"keys=1/mapped=3", 1, 3, true},
		{"keys=20/mapped=3", 20, 3, true},
		{"keys=1/unrestricted=1000", 1, 1000, false},
	} {
		store := openStore(b, newDatabase(b))
		var mapped []credstore.AccountRef
		for i := range shape.accounts {
			account := addAccount(b, store, fmt.Sprintf("account-%04d", i))
			if shape.restricted {
				mapped = append(mapped, account)
			}
		}
		addTrain(b, store, "train", shape.clientKeys, mapped...)
		cache := cachestore.New(store, nil)
		selector := selection.New(cache, nil)
		key := clientKey("train", shape.clientKeys-1)
		ctx := b.Context() // it can be cancelled, as a request's can

		b.Run(shape.name+"/serial", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				request(ctx, b, cache, selector, key)
			}
		})
		b.Run(shape.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					request(ctx, b, cache, selector, key)
				}
			})
		})
		require.NoError(b, cache.Close())
	}
}

func request(ctx context.Context, b *testing.B, cache *cachestore.Store, selector *selection.Selector, key credstore.Secret) {
	if err := cache.ValidateClientKey(ctx, "train", key); err != nil {
		b.Fatal(err)
	}
	accounts, err := selector.Candidates(ctx, "train", "")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := cache.GetCredential(ctx, accounts[0].ID); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSteps takes a request apart.
func BenchmarkSteps(b *testing.B) {
	store := openStore(b, newDatabase(b))
	account := addAccount(b, store, "account")
	addTrain(b, store, "train", 1, account)
	cache := cachestore.New(store, &cachestore.Options{TTL: time.Hour})
	defer cache.Close()
	selector := selection.New(cache, nil)
	ctx, key := b.Context(), clientKey("train", 0)

	for _, step := range []struct {
		name string
		call func() error
	}{
		{"ValidateClientKey", func() error { return cache.ValidateClientKey(ctx, "train", key) }},
		{"Candidates", func() error { _, err := selector.Candidates(ctx, "train", ""); return err }},
		{"GetCredential", func() error { _, err := cache.GetCredential(ctx, account.ID); return err }},
		{"UnknownTrain", func() error { _ = cache.ValidateClientKey(ctx, "unknown", key); return nil }},
	} {
		b.Run(step.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := step.call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
