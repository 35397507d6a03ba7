package upstream

import (
	"net/http"
	"strconv"
	"time"
)

// How long an account is not asked again.
const (
	// DefaultCoolDown is for a 429 or 529 that does not say how long. It is short,
	// because limits refill continuously and an overload passes.
	DefaultCoolDown = 5 * time.Second
	// MaxCoolDown bounds what an answer may say: the longest window of the API's
	// limits is a week.
	MaxCoolDown = 7 * 24 * time.Hour
	// SetAside is for an account whose credential was refused with 401. It is long
	// enough not to bother the API, and short enough that a key replaced by an
	// operator serves soon.
	SetAside = time.Minute
)

// Patience is how long a candidate's credential is waited for while another candidate
// is left; the last one is waited for as long as its source and the client do. A
// refresh takes a second or two; one that another process began and did not end, for
// as long as its lease, which is most of a minute.
const Patience = 5 * time.Second

// StatusOverloaded is the API's own status for "temporarily overloaded".
const StatusOverloaded = 529

// The API's limits, each with headers anthropic-ratelimit-NAME-remaining and -reset,
// the latter in RFC 3339.
var limits = []string{"Requests", "Tokens", "Input-Tokens", "Output-Tokens"}

// coolUntil returns the end of the cool-down that a 429 or 529 asks for: Retry-After,
// else the reset of the limits that are used up, else DefaultCoolDown.
func coolUntil(answer *http.Response, now time.Time) time.Time {
	until := retryAfter(answer.Header.Get("Retry-After"), now)
	if !until.After(now) && answer.StatusCode == http.StatusTooManyRequests {
		until = limitsReset(answer.Header)
	}
	switch latest := now.Add(MaxCoolDown); {
	case !until.After(now):
		return now.Add(DefaultCoolDown)
	case until.After(latest):
		return latest
	}
	return until
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3); zero if neither.
func retryAfter(value string, now time.Time) time.Time {
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return now.Add(time.Duration(min(seconds, int64(MaxCoolDown/time.Second)+1)) * time.Second)
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return time.Time{}
	}
	return date
}

// limitsReset returns when every limit that is used up is open again; zero if the
// headers do not say. Subscriptions have one unified limit, whose reset is in Unix
// seconds and stands in every answer, whether it is used up or not.
func limitsReset(h http.Header) (latest time.Time) {
	if status := h.Get("Anthropic-Ratelimit-Unified-Status"); status == "" || status == "rejected" {
		if seconds, err := strconv.ParseInt(h.Get("Anthropic-Ratelimit-Unified-Reset"), 10, 64); err == nil {
			latest = time.Unix(seconds, 0)
		}
	}
	for _, limit := range limits {
		if h.Get("Anthropic-Ratelimit-"+limit+"-Remaining") != "0" {
			continue
		}
		reset, err := time.Parse(time.RFC3339, h.Get("Anthropic-Ratelimit-"+limit+"-Reset"))
		if err == nil && reset.After(latest) {
			latest = reset
		}
	}
	return latest
}
