package oauth_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/oauth"
)

// A warmStore returns one shared credential, as a cache does that is warm.
type warmStore struct {
	*memStore
	cred *credstore.Credential
}

func (s warmStore) GetCredential(context.Context, string) (*credstore.Credential, error) {
	return s.cred, nil
}

func warmRefresher(tb testing.TB, cred credstore.Credential) *oauth.Refresher {
	journal, err := oauth.OpenJournal(tb.TempDir(), journalSealer())
	require.NoError(tb, err)
	r := oauth.NewRefresher(warmStore{newMemStore(), &cred}, oauth.NewClient(nil), journal, nil)
	tb.Cleanup(r.Close)
	return r
}

var warm = map[string]credstore.Credential{
	"APIKey": {AccountID: "acc_1", Type: credstore.APIKey, APIKey: credstore.NewSecret("k")},
	"OAuth": {AccountID: "acc_1", Type: credstore.OAuth, Tokens: credstore.Tokens{
		Access: credstore.NewSecret("a"), Refresh: credstore.NewSecret("r"), ExpiresAt: time.Now().Add(100 * time.Hour)}},
}

func TestWarmCredentialDoesNotAllocate(t *testing.T) {
	for name, cred := range warm {
		r := warmRefresher(t, cred)
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = r.Credential(t.Context(), "acc_1") }), name)
	}
}

// What the refresher adds to a request whose credential is in the cache.
func BenchmarkCredentialWarm(b *testing.B) {
	for name, cred := range warm {
		b.Run(name, func(b *testing.B) {
			r := warmRefresher(b, cred)
			ctx := b.Context()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := r.Credential(ctx, "acc_1"); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// A whole refresh but for the network: the store is in memory, the journal is on
// disk with its two fsyncs of the file and one of the directory.
func BenchmarkRefresh(b *testing.B) {
	w := newWorld(b, -time.Hour, nil)
	b.ReportAllocs()
	for b.Loop() {
		w.login("acc_1", -time.Hour)
		if _, err := w.Credential(b.Context(), "acc_1"); err != nil {
			b.Fatal(err)
		}
	}
}
