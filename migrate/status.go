package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	sqlmigrate "github.com/rubenv/sql-migrate"
)

// A SchemaState says how a database's schema stands to this program.
type SchemaState string

// The states of a schema.
const (
	SchemaMissing   SchemaState = "missing"   // no tables: [Migrator.Up] makes them
	SchemaUnadopted SchemaState = "unadopted" // tables of an existing deployment: Up adopts them
	SchemaOlder     SchemaState = "older"     // migrations are pending: Up applies them
	SchemaCurrent   SchemaState = "current"   // what this program needs
	SchemaNewer     SchemaState = "newer"     // a newer release made it: use that one
)

// A Status is what [Migrator.Status] found.
type Status struct {
	Schema     SchemaState `json:"schema"`
	Migrations []Migration `json:"migrations"` // those of this program, in order
	// Unknown are the migrations in the database that this program does not know.
	Unknown []string `json:"unknown,omitempty"`
}

// A Migration is one numbered change of the schema.
type Migration struct {
	ID        string     `json:"id"`
	AppliedAt *time.Time `json:"applied_at"` // nil: pending
}

// Status tells which migrations are applied. It changes nothing and takes no lock.
func (m *Migrator) Status(ctx context.Context) (*Status, error) {
	status, err := m.status(ctx, m.db)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return status, nil
}

func (m *Migrator) status(ctx context.Context, db *sql.DB) (*Status, error) {
	source, err := m.migrations()
	if err != nil {
		return nil, err
	}
	applied, err := m.applied(ctx, db)
	if err != nil {
		return nil, err
	}
	status := &Status{}
	for _, migration := range source.Migrations {
		entry := Migration{ID: migration.Id}
		if at, ok := applied[migration.Id]; ok {
			entry.AppliedAt = &at
			delete(applied, migration.Id)
		}
		status.Migrations = append(status.Migrations, entry)
	}
	for id := range applied {
		status.Unknown = append(status.Unknown, id)
	}
	slices.Sort(status.Unknown)
	status.Schema, err = m.schemaState(ctx, db, status)
	return status, err
}

func (m *Migrator) schemaState(ctx context.Context, db *sql.DB, status *Status) (SchemaState, error) {
	pending := 0
	for _, migration := range status.Migrations {
		if migration.AppliedAt == nil {
			pending++
		}
	}
	switch {
	case len(status.Unknown) > 0:
		return SchemaNewer, nil
	case pending == 0:
		return SchemaCurrent, nil
	case pending < len(status.Migrations):
		return SchemaOlder, nil
	}
	there, err := m.hasTable(ctx, db, "accounts")
	if there {
		return SchemaUnadopted, err
	}
	return SchemaMissing, err
}

// applied returns what the database notes as applied, and when.
func (m *Migrator) applied(ctx context.Context, db *sql.DB) (map[string]time.Time, error) {
	there, err := m.hasTable(ctx, db, migrationsTable)
	if err != nil || !there {
		return nil, err
	}
	set := sqlmigrate.MigrationSet{TableName: migrationsTable, DisableCreateTable: true}
	records, err := set.GetMigrationRecords(db, m.sqlMigrateDialect())
	if err != nil {
		return nil, err
	}
	applied := make(map[string]time.Time, len(records))
	for _, record := range records {
		applied[record.Id] = record.AppliedAt.UTC()
	}
	return applied, nil
}

func (m *Migrator) refuseNewer(ctx context.Context, db *sql.DB) error {
	status, err := m.status(ctx, db)
	if err != nil {
		return err
	}
	if status.Schema == SchemaNewer {
		return fmt.Errorf("%w: it has %s", ErrNewerSchema, strings.Join(status.Unknown, ", "))
	}
	return nil
}
