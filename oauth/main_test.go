package oauth_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The test binary also plays the other processes of process_test.go.
func TestMain(m *testing.M) {
	if config := os.Getenv(childVariable); config != "" {
		runChild(config)
		return
	}
	goleak.VerifyTestMain(m)
}
