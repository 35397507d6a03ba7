package upstream

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCoolUntil(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	const limited, overloaded = http.StatusTooManyRequests, StatusOverloaded
	for name, test := range map[string]struct {
		status int
		header map[string]string
		want   time.Duration
	}{
		"nothing said":              {limited, nil, DefaultCoolDown},
		"seconds":                   {limited, map[string]string{"Retry-After": "90"}, 90 * time.Second},
		"date":                      {limited, map[string]string{"Retry-After": "Mon, 04 May 2026 12:05:00 GMT"}, 5 * time.Minute},
		"no time at all":            {limited, map[string]string{"Retry-After": "0"}, DefaultCoolDown},
		"in the past":               {limited, map[string]string{"Retry-After": "Mon, 04 May 2020 12:05:00 GMT"}, DefaultCoolDown},
		"negative":                  {limited, map[string]string{"Retry-After": "-5"}, DefaultCoolDown},
		"garbage":                   {limited, map[string]string{"Retry-After": "soon"}, DefaultCoolDown},
		"too long":                  {limited, map[string]string{"Retry-After": "9223372036854775807"}, MaxCoolDown},
		"beyond any number":         {limited, map[string]string{"Retry-After": "99999999999999999999"}, DefaultCoolDown},
		"overloaded":                {overloaded, map[string]string{"Retry-After": "3"}, 3 * time.Second},
		"unified":                   {limited, map[string]string{"Anthropic-Ratelimit-Unified-Reset": "1777899600"}, time.Hour},
		"unified, rejected":         {limited, map[string]string{"Anthropic-Ratelimit-Unified-Reset": "1777899600", "Anthropic-Ratelimit-Unified-Status": "rejected"}, time.Hour},
		"unified, not the reason":   {limited, map[string]string{"Anthropic-Ratelimit-Unified-Reset": "1777899600", "Anthropic-Ratelimit-Unified-Status": "allowed"}, DefaultCoolDown},
		"overload is no limit":      {overloaded, map[string]string{"Anthropic-Ratelimit-Unified-Reset": "1777899600"}, DefaultCoolDown},
		"Retry-After before limits": {limited, map[string]string{"Retry-After": "9", "Anthropic-Ratelimit-Unified-Reset": "1777899600"}, 9 * time.Second},
		"the latest of those used up": {limited, map[string]string{
			"Anthropic-Ratelimit-Requests-Remaining":      "0",
			"Anthropic-Ratelimit-Requests-Reset":          "2026-05-04T12:00:20Z",
			"Anthropic-Ratelimit-Input-Tokens-Remaining":  "0",
			"Anthropic-Ratelimit-Input-Tokens-Reset":      "2026-05-04T12:00:40Z",
			"Anthropic-Ratelimit-Output-Tokens-Remaining": "100",
			"Anthropic-Ratelimit-Output-Tokens-Reset":     "2026-05-04T12:09:00Z",
			"Anthropic-Ratelimit-Tokens-Remaining":        "0",
			"Anthropic-Ratelimit-Tokens-Reset":            "later",
		}, 40 * time.Second},
	} {
		header := http.Header{}
		for key, value := range test.header {
			header.Set(key, value)
		}
		until := coolUntil(&http.Response{StatusCode: test.status, Header: header}, now)
		require.Equal(t, test.want, until.Sub(now), name)
	}
}
