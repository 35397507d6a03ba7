package migrate

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore/sqlstore"
	"github.com/signalbox-go/signalbox/internal/testdb"
)

// The files schema.txt list exactly what the migrations make.
func TestSchemaFiles(t *testing.T) {
	postgres, err := sql.Open("postgres", testdb.PostgreSQL(t))
	require.NoError(t, err)
	defer postgres.Close()
	sqlite, err := sql.Open("sqlite", strings.TrimPrefix(testdb.SQLite(t), "sqlite:"))
	require.NoError(t, err)
	defer sqlite.Close()

	for _, m := range []*Migrator{New(postgres, sqlstore.Postgres, nil), New(sqlite, sqlstore.SQLite, nil)} {
		t.Run(m.dialect.String(), func(t *testing.T) {
			_, err := m.Up(t.Context())
			require.NoError(t, err)
			expected, err := m.expectedSchema()
			require.NoError(t, err)
			actual, err := m.actualSchema(t.Context(), m.db)
			require.NoError(t, err)
			var lines []string
			for _, o := range actual {
				if o.table != migrationsTable && o.table != "sqlite_sequence" {
					lines = append(lines, o.String())
				}
			}
			slices.Sort(lines)
			require.Equal(t, lines, text(expected), "schema.txt should read:\n%s", strings.Join(lines, "\n"))
			for _, o := range expected {
				require.Contains(t, tables, o.table, "counted by Verify")
			}
		})
	}
}

func text(objects []object) (lines []string) {
	for _, o := range objects {
		lines = append(lines, o.String())
	}
	return lines
}
