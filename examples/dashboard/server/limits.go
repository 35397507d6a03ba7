package server

import (
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"github.com/signalbox-go/signalbox/credstore"
)

// limits are the bounds of a server; tests make some of them smaller.
type limits struct {
	maxForm  int64         // of a request's body
	reading  time.Duration // of a request's body
	idle     time.Duration // a session without requests ends
	lifetime time.Duration // any session ends
	grace    time.Duration // for running requests when told to stop
	reads    rateLimit     // of a session, or of an address without one
	writes   rateLimit
	guesses  rateLimit     // wrong keys of an address
	recorded rateLimit     // wrong keys of everybody, in the audit trail
	outside  rateLimit     // reveals and Slack tests of a session
	answer   time.Duration // for Slack to take a test message
	order    int           // mappings of a train that can be put in order; at most credstore.MaxPageSize
}

type rateLimit struct {
	perSecond rate.Limit
	burst     int
}

// defaultLimits: idle and absolute time-out are within what OWASP's Session Management
// Cheat Sheet gives for applications of this kind (15 to 30 minutes, 4 to 8 hours).
// The rates are far above what a person does and stop a loop that went wild.
var defaultLimits = limits{
	maxForm:  1 << 20,
	reading:  30 * time.Second,
	idle:     30 * time.Minute,
	lifetime: 8 * time.Hour,
	grace:    10 * time.Second,
	reads:    rateLimit{200, 2000},
	writes:   rateLimit{50, 500},
	guesses:  rateLimit{1.0 / 6, 10},
	recorded: rateLimit{1, 100},
	outside:  rateLimit{1, 20},
	answer:   10 * time.Second,
	order:    credstore.MaxPageSize,
}

// A limiter keeps a rate limit for each of many sessions or addresses.
type limiter struct {
	rateLimit
	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// maxBuckets bounds a limiter's memory: about 100 bytes each.
const maxBuckets = 10_000

func newLimiter(l rateLimit) *limiter {
	return &limiter{rateLimit: l, buckets: make(map[string]*rate.Limiter)}
}

// allow takes one from key's bucket and tells whether there was one.
func (l *limiter) allow(key string) bool { return l.bucket(key).Allow() }

// spent tells whether key's bucket is empty, and takes nothing.
func (l *limiter) spent(key string) bool { return l.bucket(key).Tokens() < 1 }

func (l *limiter) bucket(key string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bucket := l.buckets[key]; bucket != nil {
		return bucket
	}
	if len(l.buckets) >= maxBuckets {
		l.dropFull()
	}
	if len(l.buckets) >= maxBuckets {
		key = "" // thousands at once share one: forgetting would let them begin anew
		if l.buckets[key] != nil {
			return l.buckets[key]
		}
	}
	bucket := rate.NewLimiter(l.perSecond, l.burst)
	l.buckets[key] = bucket
	return bucket
}

// dropFull forgets the buckets that have filled up again: they say nothing.
func (l *limiter) dropFull() {
	for key, bucket := range l.buckets {
		if bucket.Tokens() >= float64(l.burst) {
			delete(l.buckets, key)
		}
	}
}

// limitAddress bounds how often an address may come, whoever it is.
func (s *server) limitAddress(c *gin.Context) {
	if !s.addresses.allow(throttleKey(addressOf(c))) {
		s.tooMany(c)
	}
}

// limitWrites bounds how often a session, or a script's address, may change things.
func (s *server) limitWrites(c *gin.Context) {
	if !isRead(c.Request.Method) && !s.writers.allow(whoseLimit(c)) {
		s.tooMany(c)
	}
}

// limitOutside bounds what shows a secret or sends a message.
func (s *server) limitOutside(c *gin.Context) {
	if !s.reachers.allow(whoseLimit(c)) {
		s.tooMany(c)
	}
}

func whoseLimit(c *gin.Context) string {
	if id := visitorOf(c).actor.Session; id != "" {
		return id
	}
	return throttleKey(addressOf(c))
}

func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }

func (s *server) tooMany(c *gin.Context) { s.fail(c, errTooMany) }
