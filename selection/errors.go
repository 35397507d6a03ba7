package selection

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrNotAllowed tells that the request names an account that the train may
	// not use, or that does not exist. A gateway answers 403.
	ErrNotAllowed = errors.New("account not allowed for this train")

	// ErrNoAccount tells that every account that the train may use is deactivated,
	// needs re-authentication or was set aside, or that there is none. A gateway
	// answers 503.
	ErrNoAccount = errors.New("no usable account")
)

// A CoolingError says that every account that could serve the request is cooling
// down, and that waiting helps. A gateway answers 429 with Retry-After.
type CoolingError struct {
	// Until is when the first of those that are at their limit is free again.
	Until time.Time
}

// Error implements error.
func (e *CoolingError) Error() string {
	return fmt.Sprintf("all accounts are cooling down until %s", e.Until.UTC().Format(time.RFC3339))
}
