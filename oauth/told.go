package oauth

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"github.com/signalbox-go/signalbox/credstore"
)

// A told remembers what was said last about a file or an account, so that what
// stays wrong is said once.
type told struct {
	mu   sync.Mutex
	last map[string]string // what, by whom it is about
}

// isNews tells whether something else, or nothing, was said before.
func (t *told) isNews(about, what string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, said := t.last[about]; said && last == what {
		return false
	}
	if t.last == nil {
		t.last = map[string]string{}
	}
	t.last[about] = what
	return true
}

// forget is for what is in order again, or gone.
func (t *told) forget(about string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, about)
}

// kind sorts errors by what is wrong. Their texts may differ each time, by a port
// number for example.
func kind(err error) string {
	if unavailable(err) {
		return credstore.ErrUnavailable.Error()
	}
	for _, known := range []error{
		errDamaged, credstore.ErrDamaged, credstore.ErrNotFound, credstore.ErrReadOnly, credstore.ErrInvalid,
		fs.ErrPermission, context.Canceled,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "other"
}
