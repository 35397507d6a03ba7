package crypto

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// These tests put made-up keys into the cache, so that no derivation slows them.

func saltNumber(n byte) (salt [saltSize]byte) {
	salt[0] = n
	return salt
}

// use acquires the key for salt n, derives it when new, and releases it.
func use(t *testing.T, c *keyCache, n byte, right bool) *cachedKey {
	t.Helper()
	key := acquireKey(t, c, n)
	c.release(key, right)
	return key
}

func acquireKey(t *testing.T, c *keyCache, n byte) *cachedKey {
	t.Helper()
	key, err := c.acquire(saltNumber(n))
	require.NoError(t, err)
	key.once.Do(func() { fill(key) })
	return key
}

func fill(key *cachedKey) {
	for i := range key.key {
		key.key[i] = key.salt[0]
	}
}

func requireWiped(t *testing.T, c *keyCache, key *cachedKey) {
	t.Helper()
	require.Zero(t, key.key)
	require.NotSame(t, key, c.keys[key.salt])
}

func TestKeyCacheIsBoundedAndWipesTheOldest(t *testing.T) {
	c := newKeyCache(3)
	one, two, three := use(t, c, 1, true), use(t, c, 2, true), use(t, c, 3, true)
	require.Same(t, one, use(t, c, 1, true), "still there, and now the newest")

	four := use(t, c, 4, true)
	requireWiped(t, c, two)
	for _, key := range []*cachedKey{one, three, four} {
		require.Same(t, key, c.keys[key.salt])
		require.NotZero(t, key.key)
	}
	for n := range byte(100) {
		use(t, c, n, true)
		require.LessOrEqual(t, len(c.keys), 3)
		require.Equal(t, len(c.keys), c.kept.Len())
	}
	requireWiped(t, c, one)
}

func TestKeyCacheForgetsWhatDidNotOpen(t *testing.T) {
	c := newKeyCache(3)
	requireWiped(t, c, use(t, c, 1, false))
	require.Empty(t, c.keys)

	good := use(t, c, 2, true)
	use(t, c, 2, false) // a forgery with the salt of a good value
	require.Same(t, good, c.keys[good.salt])
	require.NotZero(t, good.key)
}

func TestKeyCacheSharesAKeyAmongUsers(t *testing.T) {
	c := newKeyCache(3)
	first, second := acquireKey(t, c, 1), acquireKey(t, c, 1)
	require.Same(t, first, second)
	c.release(first, false)
	require.NotZero(t, second.key, "the other user still needs it")
	c.release(second, true)
	require.NotZero(t, second.key, "it opened something, so it is kept")
}

func TestKeyCacheEvictsAKeyInUseWhenItIsReleased(t *testing.T) {
	c := newKeyCache(1)
	use(t, c, 1, true)
	inUse := acquireKey(t, c, 1)
	use(t, c, 2, true) // takes the only place
	require.Nil(t, inUse.place)
	require.NotZero(t, inUse.key)
	c.release(inUse, false)
	requireWiped(t, c, inUse)
}

func TestKeyCacheCloseWipesAll(t *testing.T) {
	c := newKeyCache(3)
	kept := []*cachedKey{use(t, c, 1, true), use(t, c, 2, true)}
	inUse := acquireKey(t, c, 3)
	c.close()
	for _, key := range kept {
		requireWiped(t, c, key)
	}
	require.NotZero(t, inUse.key)
	c.release(inUse, true)
	requireWiped(t, c, inUse)
	require.Empty(t, c.keys)
	require.Zero(t, c.kept.Len())
	_, err := c.acquire(saltNumber(1))
	require.ErrorIs(t, err, ErrClosed)
}

// Under -race this shows that no key changes while someone uses it, with a cache
// far too small, evictions all the time, and a Close in the middle.
func TestKeyCacheNeverWipesAKeyInUse(t *testing.T) {
	c := newKeyCache(2)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 5_000 {
				salt := saltNumber(byte(1 + (worker+i)%5))
				key, err := c.acquire(salt)
				if err != nil {
					return // closed
				}
				key.once.Do(func() { fill(key) })
				for _, b := range key.key {
					if b != salt[0] {
						t.Errorf("key of salt %d changed to %d while in use", salt[0], b)
					}
				}
				c.release(key, i%3 != 0)
				if worker == 0 && i == 4_000 {
					c.close()
				}
			}
		})
	}
	wg.Wait()
	require.Empty(t, c.keys)
}

func TestSealerCloseWipesItsKeys(t *testing.T) {
	sealer, err := NewSealer("an encryption key that only tests use, 48 chars.", &SealerOptions{ReuseSalt: true})
	require.NoError(t, err)
	own := sealer.own
	value, err := sealer.Seal("plaintext")
	require.NoError(t, err)
	_, err = sealer.Open(value)
	require.NoError(t, err)
	require.NotZero(t, own.key)
	require.Equal(t, 1, own.users, "held by the Sealer alone")

	sealer.Close()
	requireWiped(t, sealer.keys, own)
	require.Empty(t, sealer.keys.keys)
}
