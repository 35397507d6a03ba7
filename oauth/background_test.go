package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/oauth"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

// running runs the background refresh of r until the test ends.
func running(t *testing.T, refreshers ...*oauth.Refresher) {
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for _, r := range refreshers {
		group.Go(func() {
			if err := r.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
}

func TestRunRefreshesAheadOfTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 14*time.Minute, nil)
		for i := range 30 {
			w.login(fmt.Sprintf("acc_many_%02d", i), 14*time.Minute)
		}
		w.login("acc_unknown", 0)
		w.store.accounts["acc_unknown"].cred.Tokens.ExpiresAt = time.Time{}
		w.login("acc_inactive", -time.Hour)
		w.store.accounts["acc_inactive"].inactive = true
		w.login("acc_reauth", -time.Hour)
		w.store.accounts["acc_reauth"].cred.NeedsReauth = true
		w.login("acc_later", time.Hour)

		running(t, w.Refresher, w.refresher(), w.refresher())
		time.Sleep(time.Minute)
		require.Zero(t, w.counts().Requests, "13 minutes left")
		time.Sleep(10 * time.Minute)
		require.Equal(t, 1, w.counts().Requests, "less than 7.5 minutes left, and three processes at it")
		for i := range 30 {
			require.Equal(t, 1, w.provider.Counts(fmt.Sprintf("acc_many_%02d", i)).Requests)
		}
		for _, account := range []string{"acc_unknown", "acc_inactive", "acc_reauth", "acc_later"} {
			require.Zero(t, w.provider.Counts(account).Requests, account)
		}
		w.requireFresh(w.get())
		require.Equal(t, 1, w.counts().Requests)
	})
}

// Requests are served with the old token while the new one is fetched.
func TestRunDoesNotHoldUpRequests(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 5*time.Minute, nil)
		w.provider.Behave(oauthtest.Behaviour{DelayAfter: 14 * time.Second})
		running(t, w.Refresher)
		synctest.Wait()
		require.Equal(t, 1, w.counts().Requests)
		started := time.Now()
		w.get()
		require.Zero(t, time.Since(started))
	})
}

func TestRunBoundsWhatItDoesAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, nil)
		w.provider.Behave(oauthtest.Behaviour{DelayAfter: time.Second})
		for i := range 11 {
			w.login(fmt.Sprintf("acc_many_%02d", i), -time.Hour)
		}
		running(t, w.Refresher)
		for _, want := range []int{4, 8, 12} {
			synctest.Wait()
			requests := w.counts().Requests
			for i := range 11 {
				requests += w.provider.Counts(fmt.Sprintf("acc_many_%02d", i)).Requests
			}
			require.Equal(t, want, requests)
			time.Sleep(time.Second)
		}
	})
}

func TestRunSurvivesFaults(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, nil)
		w.store.fail("ListAccounts", errors.New("no such table"))
		running(t, w.Refresher)
		time.Sleep(time.Minute)
		require.Zero(t, w.counts().Requests)

		w.store.fail("ListAccounts", nil)
		w.provider.Behave(oauthtest.Behaviour{Answer: oauthtest.ServerError})
		time.Sleep(2 * time.Minute)
		require.Greater(t, w.counts().Requests, 1)

		w.provider.Behave(oauthtest.Behaviour{})
		time.Sleep(time.Minute)
		w.requireFresh(w.store.stored("acc_1"))
	})
}

// An account whose secrets do not open would fail in silence until a request needs it.
func TestRunTellsOfAccountsThatCannotBeRead(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, nil)
		w.store.fail("GetCredential", credstore.ErrDamaged)
		running(t, w.Refresher)
		said := func() int {
			w.mu.Lock()
			defer w.mu.Unlock()
			return strings.Count(w.logs.String(), "cannot read the account")
		}
		time.Sleep(5 * time.Minute)
		require.Equal(t, 1, said())
		w.store.mu.Lock()
		w.store.accounts["acc_1"].updated = time.Now()
		w.store.mu.Unlock()
		time.Sleep(5 * time.Minute)
		require.Equal(t, 2, said(), "it was changed, and is still wrong")

		w.store.fail("GetCredential", nil)
		time.Sleep(time.Minute)
		w.requireFresh(w.store.stored("acc_1"))
	})
}

func TestRunReplaysWhatADeadProcessLeft(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, nil)
		w.store.fail("SaveTokens", credstore.ErrUnavailable)
		w.get()
		w.Close() // as good as dead
		w.store.fail("SaveTokens", nil)
		w.store.accounts["acc_1"].inactive = true // is not refreshed, but its tokens are not lost
		running(t, w.refresher())
		time.Sleep(time.Minute)
		w.requireFresh(w.store.stored("acc_1"))
		require.Equal(t, 1, w.counts().Requests)
		require.Empty(t, w.files())
	})
}
