package oauth_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/oauth"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

// inBubble runs a test with a clock that moves on when everybody waits.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	journalSealer() // made outside, since all tests share it
	synctest.Test(t, test)
}

func TestCredentialWarm(t *testing.T) {
	for name, tokens := range map[string]credstore.Tokens{
		"fresh":          {Access: credstore.NewSecret("a"), Refresh: credstore.NewSecret("r"), ExpiresAt: time.Now().Add(time.Hour)},
		"unknown expiry": {Access: credstore.NewSecret("a"), Refresh: credstore.NewSecret("r")},
		"no refresh token, still good": {Access: credstore.NewSecret("a"),
			ExpiresAt: time.Now().Add(30 * time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, time.Hour, nil)
			w.store.put("acc_1", tokens)
			require.Equal(t, tokens.Access, w.get().Tokens.Access)
			require.Zero(t, w.store.called("AcquireLease"))
		})
	}
}

func TestCredentialAPIKey(t *testing.T) {
	w := newWorld(t, time.Hour, nil)
	w.store.accounts["acc_1"].cred = credstore.Credential{AccountID: "acc_1", Type: credstore.APIKey, APIKey: credstore.NewSecret("k")}
	require.Equal(t, "k", w.get().APIKey.Reveal())
	require.Zero(t, w.store.called("AcquireLease"))
}

func TestCredentialErrors(t *testing.T) {
	w := newWorld(t, -time.Hour, nil)
	_, err := w.Credential(t.Context(), "acc_2")
	require.ErrorIs(t, err, credstore.ErrNotFound)

	w.store.fail("GetCredential", credstore.ErrUnavailable)
	_, err = w.Credential(t.Context(), "acc_1")
	require.ErrorIs(t, err, credstore.ErrUnavailable)
	w.store.fail("GetCredential", nil)

	w.store.accounts["acc_1"].inactive = true
	_, err = w.Credential(t.Context(), "acc_1")
	require.ErrorIs(t, err, credstore.ErrInactive)
	w.store.accounts["acc_1"].inactive = false

	w.store.put("acc_1", credstore.Tokens{Access: credstore.NewSecret("a"), ExpiresAt: time.Now().Add(-time.Second)})
	_, err = w.Credential(t.Context(), "acc_1")
	require.ErrorIs(t, err, credstore.ErrNeedsReauth, "expired, and no refresh token")

	w.login("acc_1", time.Hour)
	w.store.accounts["acc_1"].cred.NeedsReauth = true
	_, err = w.Credential(t.Context(), "acc_1")
	require.ErrorIs(t, err, credstore.ErrNeedsReauth, "although the access token is good for an hour")
	require.Zero(t, w.counts().Requests)
}

func TestRefreshOnDemand(t *testing.T) {
	for name, left := range map[string]time.Duration{"expired": -time.Hour, "about to expire": 60 * time.Second} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, left, nil)
			cred := w.get()
			w.requireFresh(cred)
			require.Equal(t, "name-acc_1", cred.AccountName)
			require.True(t, w.store.stored("acc_1").Tokens.Access.Equal(cred.Tokens.Access))
			require.Empty(t, w.files(), "the journal is done with")
			require.Empty(t, w.store.leaseOwner("acc_1"), "the lease was given back")
			require.Equal(t, []oauth.Outcome{oauth.OutcomeRefreshed}, w.outcomes())
			w.requireFresh(w.get())
			require.Equal(t, 1, w.counts().Requests)
		})
	}
}

func TestRefreshKeepsScopes(t *testing.T) {
	w := newWorld(t, -time.Hour, &oauthtest.Options{Scope: " "})
	w.store.accounts["acc_1"].cred.Tokens.Scopes = []string{"user:inference"}
	require.Equal(t, []string{"user:inference"}, w.get().Tokens.Scopes)
	require.Equal(t, []string{"user:inference"}, w.store.stored("acc_1").Tokens.Scopes)
}

func TestRefreshWithoutAccessToken(t *testing.T) {
	w := newWorld(t, -time.Hour, nil)
	w.store.accounts["acc_1"].cred.Tokens.Access = credstore.Secret{}
	w.store.accounts["acc_1"].cred.Tokens.ExpiresAt = time.Time{}
	w.requireFresh(w.get())
}

func TestOneRefreshForManyCallers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, nil)
		w.provider.Behave(oauthtest.Behaviour{Delay: time.Second, DelayAfter: time.Second})
		others := []*oauth.Refresher{w.Refresher, w.refresher(), w.refresher()} // as in three processes
		var callers sync.WaitGroup
		for i := range 300 {
			callers.Go(func() {
				cred, err := others[i%3].Credential(t.Context(), "acc_1")
				if assert.NoError(t, err) {
					assert.True(t, w.provider.Valid(cred.Tokens.Access))
				}
			})
		}
		callers.Wait()
		require.Equal(t, oauthtest.Counts{Requests: 1, Rotations: 1}, w.counts())
		require.ElementsMatch(t, []oauth.Outcome{oauth.OutcomeRefreshed, oauth.OutcomeAdopted, oauth.OutcomeAdopted}, w.outcomes())
	})
}

func TestCallerThatLeavesDoesNotStopTheRefresh(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, nil)
		w.provider.Behave(oauthtest.Behaviour{DelayAfter: 10 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		started := time.Now()
		_, err := w.Credential(ctx, "acc_1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(started))
		w.requireFresh(w.get())
		require.Equal(t, 10*time.Second, time.Since(started).Truncate(time.Second), "a second caller joined the same refresh")
		require.Equal(t, 1, w.counts().Requests)
	})
}

func TestPassingFaultKeepsValidToken(t *testing.T) {
	for _, fault := range []oauthtest.Answer{
		oauthtest.RateLimited, oauthtest.ServerError, oauthtest.Garbage, oauthtest.NoAccessToken,
		oauthtest.Huge, oauthtest.Redirect, oauthtest.InvalidClient, oauthtest.InvalidRequest,
	} {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, 50*time.Second, nil)
			w.provider.Behave(oauthtest.Behaviour{Answer: fault})
			old := w.store.stored("acc_1")
			for range 10 {
				require.Equal(t, old, w.get())
			}
			require.Equal(t, 1, w.counts().Requests, "one try, then a cool-down")
			require.Equal(t, []oauth.Outcome{oauth.OutcomeFailed}, w.outcomes())

			time.Sleep(5 * time.Second)
			require.Equal(t, old, w.get())
			require.Equal(t, 2, w.counts().Requests)

			time.Sleep(50 * time.Second) // expired by now
			_, err := w.Credential(t.Context(), "acc_1")
			var cooling *oauth.CoolDownError
			require.ErrorAs(t, err, &cooling)
			require.Equal(t, "acc_1", cooling.AccountID)
			require.Equal(t, 5*time.Second, time.Until(cooling.Until))
			var e *oauth.Error
			require.ErrorAs(t, err, &e)
			require.False(t, w.store.stored("acc_1").NeedsReauth)
			require.Empty(t, w.alerts)

			w.provider.Behave(oauthtest.Behaviour{})
			_, err = w.Credential(t.Context(), "acc_1")
			require.ErrorAs(t, err, &cooling, "still in the cool-down, and told at once")
			require.Equal(t, 3, w.counts().Requests)
			time.Sleep(5 * time.Second)
			w.requireFresh(w.get())
		})
	}
}

func TestRetryAfterLengthensCoolDown(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"2": 5 * time.Second, "90": 90 * time.Second, "86400": 5 * time.Minute, "": 5 * time.Second,
	} {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, -time.Hour, nil)
			w.provider.Behave(oauthtest.Behaviour{Answer: oauthtest.RateLimited, RetryAfter: header})
			_, err := w.Credential(t.Context(), "acc_1")
			var cooling *oauth.CoolDownError
			require.ErrorAs(t, err, &cooling)
			require.Equal(t, want, time.Until(cooling.Until))
			require.Equal(t, "rate_limit_error", w.events[0].Code)
		})
	}
}

func TestStoreFaultsArePassing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 50*time.Second, nil)
		w.store.fail("AcquireLease", credstore.ErrUnavailable)
		begun := time.Now()
		w.get()
		require.Zero(t, time.Since(begun), "there is a valid token")
		time.Sleep(time.Minute)
		started := time.Now()
		_, err := w.Credential(t.Context(), "acc_1")
		require.ErrorIs(t, err, credstore.ErrUnavailable)
		require.InDelta(t, 5*time.Second, time.Since(started), float64(time.Second), "tried for a while, for want of a token")
		var cooling *oauth.CoolDownError
		require.ErrorAs(t, err, &cooling)
		require.Zero(t, w.counts().Requests, "no lease, no refresh")

		w.store.fail("AcquireLease", nil)
		time.Sleep(5 * time.Second)
		w.requireFresh(w.get())
	})
}

// A lease whose answer was lost is given back: nobody has to wait for its end.
func TestAnswerToTheLeaseIsLost(t *testing.T) {
	for _, fault := range []error{credstore.ErrUnavailable, context.Canceled, errors.New("any other fault")} {
		t.Run(fault.Error(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, -time.Hour, nil)
				w.store.lost = fault
				_, _ = w.Credential(t.Context(), "acc_1")
				require.Empty(t, w.store.leaseOwner("acc_1"))
				time.Sleep(5 * time.Second)
				started := time.Now()
				w.requireFresh(w.get())
				require.Less(t, time.Since(started), time.Second)
			})
		})
	}
}

func TestNeedsReauthIsMarkedAndAlertedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, 50*time.Second, nil)
		w.provider.Revoke("acc_1")
		other := w.refresher()
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				_, err := w.Credential(t.Context(), "acc_1")
				assert.ErrorIs(t, err, credstore.ErrNeedsReauth)
				_, err = other.Credential(t.Context(), "acc_1")
				assert.ErrorIs(t, err, credstore.ErrNeedsReauth)
			})
		}
		callers.Wait()
		require.Equal(t, 1, w.counts().Requests)
		require.Equal(t, 1, w.store.called("MarkNeedsReauth"))
		require.Equal(t, "invalid_grant", w.store.accounts["acc_1"].reason)
		require.Equal(t, []string{"acc_1 name-acc_1 invalid_grant"}, w.alerts)
		require.Contains(t, w.outcomes(), oauth.OutcomeNeedsReauth)
		require.Empty(t, w.files())

		w.login("acc_1", time.Hour) // somebody logged in again
		w.requireFresh(w.get())
	})
}

// The mark is tried again: were it not set, the dead token would be sent again.
func TestNeedsReauthIsMarkedThroughAFault(t *testing.T) {
	for _, fault := range []error{credstore.ErrUnavailable, context.DeadlineExceeded} {
		t.Run(fault.Error(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, -time.Hour, nil)
				w.provider.Revoke("acc_1")
				w.store.fail("MarkNeedsReauth", fault)
				go func() {
					time.Sleep(200 * time.Millisecond)
					w.store.fail("MarkNeedsReauth", nil)
				}()
				_, err := w.Credential(t.Context(), "acc_1")
				require.ErrorIs(t, err, credstore.ErrNeedsReauth)
				require.Len(t, w.alerts, 1)
			})
		})
	}
}

func TestInvalidGrantWhenSomebodyElseStoredTokens(t *testing.T) {
	for name, left := range map[string]time.Duration{"fresh ones": time.Hour, "ones to be refreshed": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, -time.Hour, nil)
				w.provider.Revoke("acc_1")
				w.provider.Next(oauthtest.Behaviour{DelayAfter: time.Second})
				go func() {
					time.Sleep(500 * time.Millisecond)
					w.login("acc_1", left) // while the old token is being refused
				}()
				w.requireFresh(w.get())
				require.Empty(t, w.alerts)
				require.Equal(t, 1, w.store.called("MarkNeedsReauth"), "tried, and refused as overtaken")
				require.False(t, w.store.stored("acc_1").NeedsReauth)
			})
		})
	}
}

// A late holder that loses the race to save uses what the winner has stored.
func TestSaveConflictUsesTheWinner(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, nil)
		w.provider.Behave(oauthtest.Behaviour{DelayAfter: time.Second})
		won := make(chan credstore.Tokens, 1)
		go func() {
			time.Sleep(500 * time.Millisecond)
			won <- w.login("acc_1", time.Hour)
		}()
		cred, winner := w.get(), <-won
		require.True(t, cred.Tokens.Access.Equal(winner.Access))
		require.True(t, w.store.stored("acc_1").Tokens.Refresh.Equal(winner.Refresh))
		require.Empty(t, w.files())
	})
}

func TestLeaseOfAnother(t *testing.T) {
	t.Run("who is dead is waited for", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, -time.Hour, nil)
			_, err := w.store.AcquireLease(t.Context(), "acc_1", "dead", 45*time.Second)
			require.NoError(t, err)
			started := time.Now()
			w.requireFresh(w.get())
			require.InDelta(t, 45*time.Second, time.Since(started), float64(time.Second))
		})
	})
	t.Run("a valid token is used meanwhile", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, 50*time.Second, nil)
			_, err := w.store.AcquireLease(t.Context(), "acc_1", "dead", 45*time.Second)
			require.NoError(t, err)
			started := time.Now()
			w.get()
			require.InDelta(t, 5*time.Second, time.Since(started), float64(time.Second))
			require.Zero(t, w.counts().Requests)
		})
	})
	t.Run("who never ends", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, -time.Hour, nil)
			_, err := w.store.AcquireLease(t.Context(), "acc_1", "immortal", time.Hour)
			require.NoError(t, err)
			_, err = w.Credential(t.Context(), "acc_1")
			var cooling *oauth.CoolDownError
			require.ErrorAs(t, err, &cooling)
			require.Zero(t, w.counts().Requests)
		})
	})
}

// A cache in front of the store may be behind for a while.
func TestStoreThatIsBehind(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, nil)
		w.store.lagBehind("acc_1", true)
		for range 100 {
			w.requireFresh(w.get())
		}
		require.Equal(t, 1, w.counts().Requests)
		require.Equal(t, 1, w.store.called("AcquireLease"))

		other := w.refresher() // another process finds out from the lease
		for range 100 {
			cred, err := other.Credential(t.Context(), "acc_1")
			require.NoError(t, err)
			w.requireFresh(cred)
		}
		require.Equal(t, 1, w.counts().Requests)
		require.Equal(t, 2, w.store.called("AcquireLease"))

		w.store.lagBehind("acc_1", false)
		tokens := w.login("acc_1", time.Hour)
		require.True(t, w.get().Tokens.Access.Equal(tokens.Access), "what the store says counts, once it says something else")
	})
}

func TestShortLivedTokens(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, &oauthtest.Options{Lifetime: 40 * time.Second})
		for range 60 {
			w.requireFresh(w.get())
			time.Sleep(time.Second)
		}
		require.Equal(t, 2, w.counts().Requests, "used until they expire, not refreshed by every request")
	})
}

// While the store does not save, the new tokens are used, and saved when it does.
func TestStoreDownAtSaveTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, -time.Hour, nil)
		w.store.fail("SaveTokens", credstore.ErrUnavailable)
		for range 50 {
			w.requireFresh(w.get())
			time.Sleep(5 * time.Second)
		}
		require.Equal(t, 1, w.counts().Requests)
		require.Len(t, w.files(), 1, "the journal has them")
		require.NotEmpty(t, w.store.leaseOwner("acc_1"))

		// Another process on this machine does not spend the old token, although
		// the lease has run out by now.
		_, err := w.refresher().Credential(t.Context(), "acc_1")
		require.ErrorContains(t, err, "another process")
		require.Equal(t, 1, w.counts().Requests)

		w.store.fail("SaveTokens", nil)
		time.Sleep(2 * time.Second)
		w.requireFresh(w.store.stored("acc_1"))
		require.Empty(t, w.files())
		require.Empty(t, w.store.leaseOwner("acc_1"))
	})
}

func TestSaveThatCanNeverSucceed(t *testing.T) {
	w := newWorld(t, -time.Hour, nil)
	w.store.fail("SaveTokens", credstore.ErrInvalid)
	_, err := w.Credential(t.Context(), "acc_1")
	require.ErrorIs(t, err, credstore.ErrInvalid)
	require.Len(t, w.files(), 1, "the tokens are kept for whoever puts it right")

	w.store.fail("SaveTokens", nil)
	require.NoError(t, w.Replay(t.Context()))
	w.requireFresh(w.get())
}

func TestClose(t *testing.T) {
	t.Run("waits for the answer and its save", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, -time.Hour, nil)
			w.provider.Behave(oauthtest.Behaviour{DelayAfter: 10 * time.Second})
			ctx, cancel := context.WithCancel(t.Context())
			go func() { _, _ = w.Credential(ctx, "acc_1") }()
			synctest.Wait()
			cancel()
			w.Close()
			w.requireFresh(w.store.stored("acc_1"))
			require.Empty(t, w.files())
		})
	})
	t.Run("leaves to the journal what cannot be saved", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, -time.Hour, nil)
			w.store.fail("SaveTokens", credstore.ErrUnavailable)
			w.get()
			w.Close()
			require.Len(t, w.files(), 1)
			w.store.fail("SaveTokens", nil)
			next := w.refresher()
			require.NoError(t, next.Replay(t.Context()))
			w.requireFresh(w.store.stored("acc_1"))
			require.Equal(t, 1, w.counts().Requests)
		})
	})
	t.Run("ends the wait for a lease, and begins nothing", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, -time.Hour, nil)
			_, err := w.store.AcquireLease(t.Context(), "acc_1", "other", time.Hour)
			require.NoError(t, err)
			failed := make(chan error, 1)
			go func() {
				_, err := w.Credential(t.Context(), "acc_1")
				failed <- err
			}()
			synctest.Wait()
			w.Close()
			require.ErrorIs(t, <-failed, oauth.ErrClosed)
			_, err = w.Credential(t.Context(), "acc_1")
			require.ErrorIs(t, err, oauth.ErrClosed)

			w.login("acc_1", 50*time.Second)
			w.get() // still good, and nothing needs to begin
		})
	})
}

func TestErrorsNameTheAccount(t *testing.T) {
	w := newWorld(t, -time.Hour, nil)
	w.provider.Behave(oauthtest.Behaviour{Answer: oauthtest.InvalidGrant})
	_, err := w.Credential(t.Context(), "acc_1")
	require.ErrorContains(t, err, "acc_1")
	require.NotContains(t, err.Error(), "sk-ant-")
	var e *oauth.Error
	require.True(t, errors.As(err, &e) && e.Code == "invalid_grant")
}
