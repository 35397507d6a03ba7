package server

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlural(t *testing.T) {
	for n, want := range map[int]string{
		0: "0 trains", 1: "1 train", 2: "2 trains", 999: "999 trains", 1000: "1,000 trains", 10000: "10,000 trains",
		123456: "123,456 trains", 1234567: "1,234,567 trains", -1: "-1 trains", -100: "-100 trains", -1000: "-1,000 trains",
		math.MinInt64: "-9,223,372,036,854,775,808 trains",
	} {
		require.Equal(t, want, plural(n, "train"))
	}
}
