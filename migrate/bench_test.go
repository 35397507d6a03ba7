package migrate_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-go/signalbox/crypto"
	"github.com/signalbox-go/signalbox/migrate"
)

// benchAccounts is how many accounts the benchmarks import, half of them with one
// secret and half with two, as one operation.
const benchAccounts = 200

// BenchmarkDerivations is what sealing the secrets of benchAccounts costs alone,
// on all cores: the floor for BenchmarkImport.
func BenchmarkDerivations(b *testing.B) {
	sealer := ownSealer(b)
	for b.Loop() {
		derive(b, sealer)
	}
}

func derive(b *testing.B, sealer *crypto.Sealer) {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range benchAccounts * 3 / 2 {
		group.Go(func() error {
			_, err := sealer.Seal(fmt.Sprintf("sk-ant-api03-%032d", i))
			return err
		})
	}
	require.NoError(b, group.Wait())
}

// BenchmarkImport imports benchAccounts accounts, and as many trains, into an
// empty database. Between imports it does the derivations alone, so that both see
// the same machine: the metric %floor is what these cost of an import.
func BenchmarkImport(b *testing.B) {
	for name, e := range engines {
		b.Run(name, func(b *testing.B) {
			x := newTarget(b, open(b, e.url(b)), e.dialect)
			x.benchFiles(b)
			x.sealer = ownSealer(b)
			var imports, floor time.Duration
			for b.Loop() {
				report := x.importFiles(b, nil)
				imports += report.Duration
				require.Equal(b, 2*benchAccounts, report.Summary.New)
				b.StopTimer()
				x.empty(b)
				start := time.Now()
				derive(b, x.sealer)
				floor += time.Since(start)
				b.StartTimer()
			}
			b.ReportMetric(100*float64(floor)/float64(imports), "%floor")
		})
	}
}

// BenchmarkImportOverhead is BenchmarkImport under a sealer that costs nothing: all
// that an import does beside the derivations.
func BenchmarkImportOverhead(b *testing.B) {
	for name, e := range engines {
		b.Run(name, func(b *testing.B) {
			x := newTarget(b, open(b, e.url(b)), e.dialect)
			x.benchFiles(b)
			for b.Loop() {
				_, err := x.migrator.Import(b.Context(), noSealer{}, x.accountsDir, x.keysDir, nil)
				require.NoError(b, err)
				b.StopTimer()
				x.empty(b)
				b.StartTimer()
			}
		})
	}
}

// noSealer seals nothing, as long as a sealed text is.
type noSealer struct{}

func (noSealer) Seal(plaintext string) (string, error) {
	return strings.Repeat("x", 92) + plaintext, nil
}
func (noSealer) Open(sealed string) (string, error) { return sealed[92:], nil }

// BenchmarkImportAgain is the second run: every secret is opened and compared,
// nothing is written.
func BenchmarkImportAgain(b *testing.B) {
	for name, e := range engines {
		b.Run(name, func(b *testing.B) {
			x := newTarget(b, open(b, e.url(b)), e.dialect)
			x.benchFiles(b)
			x.sealer = ownSealer(b)
			x.importFiles(b, nil)
			for b.Loop() {
				b.StopTimer()
				x.sealer = ownSealer(b) // without derived keys
				b.StartTimer()
				report := x.importFiles(b, nil)
				require.Equal(b, 2*benchAccounts, report.Summary.Unchanged)
			}
		})
	}
}

// ownSealer seals every secret with a salt of its own, as in earnest.
func ownSealer(b *testing.B) *crypto.Sealer {
	sealer, err := crypto.NewSealer(key, nil)
	require.NoError(b, err)
	b.Cleanup(sealer.Close)
	return sealer
}

func (x *target) benchFiles(b *testing.B) {
	for i := range benchAccounts {
		if i%2 == 0 {
			x.account(b, fmt.Sprintf("key-%04d", i), fmt.Sprintf(`{"type": "api_key", "api_key": "sk-ant-api03-%032d"}`, i))
		} else {
			x.account(b, fmt.Sprintf("oauth-%04d", i), fmt.Sprintf(`{"type": "oauth", "oauth": {"accessToken": "sk-ant-oat01-%032d",
			  "refreshToken": "sk-ant-ort01-%032d", "expiresAt": 4102444800000, "scopes": ["user:inference"], "isMax": true}}`, i, i))
		}
		x.keys(b, fmt.Sprintf("train-%04d", i), fmt.Sprintf(`{"keys": ["cnp_live_%032d"]}`, i))
	}
}

// empty takes everything out of the database.
func (x *target) empty(b *testing.B) {
	_, err := x.migrator.Down(b.Context(), &migrate.DownOptions{Steps: 4, Force: true})
	require.NoError(b, err)
	_, err = x.migrator.Up(b.Context())
	require.NoError(b, err)
}
