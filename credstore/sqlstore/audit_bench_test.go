package sqlstore_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// login is an audit event with states of common length.
var login = credstore.AuditEvent{
	Action: "login", ObjectType: "operator", ObjectID: "ann",
	Before: []byte(`{"name":"team:account-00001","scopes":["user:inference"]}`),
	After:  []byte(`{"name":"team:account-00002","scopes":["user:inference","user:profile"]}`),
}

// BenchmarkAppendAudit is one event in a transaction of its own, by one writer and
// by several at once.
func BenchmarkAppendAudit(b *testing.B) {
	for _, engine := range engines {
		store := newStore(b, engine.dialect, open(b, engine.dialect, engine.create(b)))
		require.NoError(b, store.AppendAudit(b.Context(), login)) // the first one makes the chain's key
		b.Run(fmt.Sprintf("%v/one writer", engine.dialect), func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, store.AppendAudit(b.Context(), login))
			}
		})
		b.Run(fmt.Sprintf("%v/8 writers", engine.dialect), func(b *testing.B) {
			b.SetParallelism(4) // for each of GOMAXPROCS
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					require.NoError(b, store.AppendAudit(b.Context(), login))
				}
			})
		})
	}
}

// auditLength is how long the trail of BenchmarkVerifyAudit is.
var auditLength = flag.Int("audit-length", 100_000, "events in the trail of BenchmarkVerifyAudit")

// BenchmarkVerifyAudit is a whole trail read and checked.
func BenchmarkVerifyAudit(b *testing.B) {
	for _, engine := range engines {
		store := newStore(b, engine.dialect, open(b, engine.dialect, engine.create(b)))
		for rest := *auditLength; rest > 0; rest -= 10_000 {
			require.NoError(b, store.RunInTx(b.Context(), func(tx *sqlstore.Tx) error {
				return tx.AppendAudit(b.Context(), logins(min(rest, 10_000))...)
			}))
		}
		b.Run(engine.dialect.String(), func(b *testing.B) {
			for b.Loop() {
				end, err := store.VerifyAudit(b.Context(), credstore.AuditCheckpoint{})
				require.NoError(b, err)
				require.EqualValues(b, *auditLength, end.EventID)
			}
			b.ReportMetric(float64(*auditLength)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
