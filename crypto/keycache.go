package crypto

import (
	"container/list"
	"sync"
)

// keyCache holds derived keys by salt. A key is there while it is in use
// (between acquire and release) or kept (among the most recently used, once it
// has proved right); when it is neither, it is zeroed and forgotten.
type keyCache struct {
	size int // how many keys are kept

	mu     sync.Mutex // guards all below, and users and place of every key
	closed bool
	keys   map[[saltSize]byte]*cachedKey
	kept   list.List // of *cachedKey, the most recently used in front
}

type cachedKey struct {
	salt  [saltSize]byte
	users int           // calls between acquire and release
	place *list.Element // in kept; nil when not kept

	once sync.Once // derives: sets key and err, for all users at once
	key  [keySize]byte
	err  error
}

func newKeyCache(size int) *keyCache {
	return &keyCache{size: size, keys: make(map[[saltSize]byte]*cachedKey)}
}

// acquire gives the key for salt, which stays as it is until release. A new one
// is not derived yet: all who share it go through its once. Error: ErrClosed.
func (c *keyCache) acquire(salt [saltSize]byte) (*cachedKey, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	key, ok := c.keys[salt]
	if !ok {
		key = &cachedKey{salt: salt}
		c.keys[salt] = key
	}
	key.users++
	return key, nil
}

// release ends a use of key. Only a key that proved right is kept, so that wrong
// values, of which anyone can make any number, push no good key out.
func (c *keyCache) release(key *cachedKey, right bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key.users--
	switch {
	case !right || c.closed:
		c.wipeIfUnused(key)
	case key.place != nil:
		c.kept.MoveToFront(key.place)
	default:
		key.place = c.kept.PushFront(key)
		if c.kept.Len() > c.size {
			c.evictOldest()
		}
	}
}

// close wipes every key that is not in use; the rest follow when released.
func (c *keyCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for c.kept.Len() > 0 {
		c.evictOldest()
	}
}

func (c *keyCache) evictOldest() {
	key := c.kept.Remove(c.kept.Back()).(*cachedKey)
	key.place = nil
	c.wipeIfUnused(key)
}

func (c *keyCache) wipeIfUnused(key *cachedKey) {
	if key.users == 0 && key.place == nil {
		clear(key.key[:])
		delete(c.keys, key.salt)
	}
}
