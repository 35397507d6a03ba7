package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/crypto"
)

func tokens(label string) credstore.Tokens {
	return credstore.Tokens{Access: credstore.NewSecret("access-" + label), Refresh: credstore.NewSecret("refresh-" + label)}
}

func addOAuth(t testing.TB, store *sqlstore.Store, id string) {
	t.Helper()
	_, err := store.CreateAccount(t.Context(), credstore.NewAccount{ID: id, Name: id, Type: credstore.OAuth, Tokens: tokens(id)})
	require.NoError(t, err)
}

func isMarked(t *testing.T, store *sqlstore.Store, id string) bool {
	t.Helper()
	account, err := store.GetAccount(t.Context(), id)
	require.NoError(t, err)
	return account.NeedsReauth()
}

// reseal seals the account's refresh token anew, as another program does.
func reseal(t *testing.T, db *sql.DB, id string, refresh credstore.Secret) {
	t.Helper()
	sealed, err := testSealer().Seal(refresh.Reveal())
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `UPDATE accounts SET oauth_refresh_token_encrypted = $1 WHERE account_id = $2`, sealed, id)
	require.NoError(t, err)
}

// The same token sealed anew is still the same token.
func TestSaveTokensAfterResealing(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		reseal(t, db, "a", tokens("a").Refresh)
		require.NoError(t, store.SaveTokens(t.Context(), "a", tokens("a").Refresh, tokens("new")))
		reseal(t, db, "a", tokens("new").Refresh)
		require.NoError(t, store.SaveTokens(t.Context(), "a", tokens("a").Refresh, tokens("new")), "saved already")
	})
}

// A mark is void once another program stores a token, without any help from it.
func TestMarkVoidAfterForeignWrite(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		require.NoError(t, store.MarkNeedsReauth(t.Context(), "a", tokens("a").Refresh, "invalid_grant"))
		require.True(t, isMarked(t, store, "a"))
		reseal(t, db, "a", credstore.NewSecret("logged-in-again"))
		require.False(t, isMarked(t, store, "a"))
		require.ErrorIs(t, store.MarkNeedsReauth(t.Context(), "a", tokens("a").Refresh, "invalid_grant"), credstore.ErrConflict)
		require.NoError(t, store.MarkNeedsReauth(t.Context(), "a", credstore.NewSecret("logged-in-again"), "invalid_grant"))
		require.True(t, isMarked(t, store, "a"))
	})
}

// An account that becomes an API key account has no refresh token to be refused.
func TestMarkOfAPIKeyAccount(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		require.NoError(t, store.MarkNeedsReauth(t.Context(), "a", tokens("a").Refresh, "invalid_grant"))
		kind := credstore.APIKey
		_, err := store.UpdateAccount(t.Context(), "a", credstore.AccountUpdate{Type: &kind, APIKey: credstore.NewSecret("k")})
		require.NoError(t, err)
		require.False(t, isMarked(t, store, "a"))
	})
}

// A lease that cannot be used is given back.
func TestLeaseOfDamagedAccountIsReleased(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		_, err := db.ExecContext(t.Context(), `UPDATE accounts SET oauth_access_token_encrypted = 'damaged'`)
		require.NoError(t, err)
		_, err = store.AcquireLease(t.Context(), "a", "first", time.Hour)
		require.ErrorIs(t, err, credstore.ErrDamaged)
		require.NotContains(t, err.Error(), "damaged'")
		sealed, err := testSealer().Seal("mended")
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), `UPDATE accounts SET oauth_access_token_encrypted = $1`, sealed)
		require.NoError(t, err)
		lease, err := store.AcquireLease(t.Context(), "a", "second", time.Hour)
		require.NoError(t, err)
		require.True(t, lease.Acquired)
	})
}

func TestLeaseArguments(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		for _, bad := range []struct {
			owner string
			ttl   time.Duration
		}{{"", time.Hour}, {"o\x00", time.Hour}, {"me", 0}, {"me", -time.Hour}} {
			_, err := store.AcquireLease(t.Context(), "a", bad.owner, bad.ttl)
			require.ErrorIs(t, err, credstore.ErrInvalid)
		}
		require.ErrorIs(t, store.ReleaseLease(t.Context(), "a", ""), credstore.ErrInvalid)
	})
}

// On PostgreSQL a lease runs by the server's clock: the processes' own may differ.
func TestLeaseRunsByTheServersClock(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		if dialect != sqlstore.Postgres {
			return // the clock of the machine is the only one
		}
		store := newStore(t, dialect, db)
		addOAuth(t, store, "a")
		lease, err := store.AcquireLease(t.Context(), "a", "me", time.Hour)
		require.NoError(t, err)
		var left float64
		require.NoError(t, db.QueryRowContext(t.Context(),
			`SELECT extract(epoch FROM $1::timestamptz - clock_timestamp())`, lease.ExpiresAt).Scan(&left))
		require.InDelta(t, 3600, left, 60)
	})
}

// Listing derives no key; reading a credential derives those of its type, and the
// first recorded change that of the audit trail.
func TestDerivations(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		sealed, err := crypto.Encrypt("secret", testKey)
		require.NoError(t, err)
		other, err := crypto.Encrypt("secret", testKey)
		require.NoError(t, err)
		for i, columns := range []string{"api_key", "oauth"} {
			_, err := db.ExecContext(t.Context(), `INSERT INTO accounts (account_id, account_name, credential_type, api_key_encrypted,
				oauth_access_token_encrypted, oauth_refresh_token_encrypted) VALUES ($1, $1, $2, $3, $3, $4)`,
				fmt.Sprint("acc_", i), columns, sealed, other)
			require.NoError(t, err)
		}
		sealer, err := crypto.NewSealer(testKey, nil)
		require.NoError(t, err)
		store := sqlstore.New(db, dialect, sealer, nil)
		defer store.Close()

		require.Equal(t, 2, walkAccounts(t, store, credstore.AccountFilter{}, 1))
		_, err = store.GetAccount(t.Context(), "acc_1")
		require.NoError(t, err)
		_, err = store.ActiveAccounts(t.Context())
		require.NoError(t, err)
		require.Zero(t, sealer.Derivations())
		for _, renamed := range []string{"renamed", "again"} {
			_, err = store.UpdateAccount(t.Context(), "acc_0", credstore.AccountUpdate{Name: &renamed})
			require.NoError(t, err)
		}
		require.EqualValues(t, 1, sealer.Derivations(), "the audit trail's key, once")

		for range 3 {
			_, err = store.GetCredential(t.Context(), "acc_0")
			require.NoError(t, err)
		}
		require.EqualValues(t, 2, sealer.Derivations())
		_, err = store.GetCredential(t.Context(), "acc_1")
		require.NoError(t, err)
		require.EqualValues(t, 2, sealer.Derivations(), "the access token's key is known already, the refresh token stays closed")
	})
}

// brokenSealer cannot seal.
type brokenSealer struct{ credstore.Sealer }

func (brokenSealer) Seal(string) (string, error) { return "", context.DeadlineExceeded }

func TestSealerFails(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB) {
		addOAuth(t, newStore(t, dialect, db), "a")
		store := sqlstore.New(db, dialect, brokenSealer{testSealer()}, nil)
		defer store.Close()
		require.ErrorIs(t, store.SaveTokens(t.Context(), "a", tokens("a").Refresh, tokens("new")), context.DeadlineExceeded)
		_, err := store.CreateAccount(t.Context(), credstore.NewAccount{Name: "b", Type: credstore.APIKey, APIKey: credstore.NewSecret("k")})
		require.Error(t, err)
		stored, err := store.RevealSecret(t.Context(), "a", credstore.SecretRefreshToken)
		require.NoError(t, err)
		require.Equal(t, "refresh-a", stored.Reveal())
	})
}
