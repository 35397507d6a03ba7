package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// An object is a part of the schema: a column, constraint, index or trigger. The
// files sql/*/schema.txt list those that the migrations make, one a line.
type object struct {
	kind, table, name string
	definition        string
}

func (o object) String() string {
	return strings.Join([]string{o.kind, o.table, o.name, o.definition}, " | ")
}

func (o object) key() object { o.definition = ""; return o }

// columnType is the definition of a column without its "not null" and "default".
func (o object) columnType() string {
	name, _, _ := strings.Cut(o.definition, ", ")
	return name
}

// expectedSchema is what the migrations make, in the order of the file.
func (m *Migrator) expectedSchema() ([]object, error) {
	data, err := sqlFiles.ReadFile(path.Join("sql", m.dirName(), "schema.txt"))
	if err != nil {
		return nil, err
	}
	var objects []object
	for line := range strings.Lines(string(data)) {
		field := strings.SplitN(strings.TrimSuffix(line, "\n"), " | ", 4)
		if len(field) != 4 {
			return nil, fmt.Errorf("schema.txt: line %q", line)
		}
		objects = append(objects, object{field[0], field[1], field[2], field[3]})
	}
	return objects, nil
}

// actualSchema is what the database has, by kind, table and name.
func (m *Migrator) actualSchema(ctx context.Context, db *sql.DB) (map[object]object, error) {
	query := postgresSchema
	if m.isSQLite() {
		query = sqliteSchema
	}
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	objects := map[object]object{}
	for rows.Next() {
		var o object
		if err := rows.Scan(&o.kind, &o.table, &o.name, &o.definition); err != nil {
			return nil, err
		}
		for _, o := range refine(o) {
			objects[o.key()] = o
		}
	}
	return objects, rows.Err()
}

var (
	namedCheck = regexp.MustCompile(`CONSTRAINT (\w+) CHECK`)
	whiteSpace = regexp.MustCompile(`\s+`)
)

// refine brings what SQLite knows only as the text of a statement into the form
// of the rest: the named checks of a CREATE TABLE, and statements on one line.
func refine(o object) []object {
	if o.kind != "sql" {
		o.definition = whiteSpace.ReplaceAllString(o.definition, " ")
		return []object{o}
	}
	var checks []object
	for _, check := range namedCheck.FindAllStringSubmatch(o.definition, -1) {
		checks = append(checks, object{"constraint", o.table, check[1], "CHECK"})
	}
	return checks
}

// checkColumns refuses a database whose tables have the names of ours and are not
// ours: CREATE TABLE IF NOT EXISTS has passed them by.
func (m *Migrator) checkColumns(ctx context.Context, db *sql.DB) error {
	expected, err := m.expectedSchema()
	if err != nil {
		return err
	}
	actual, err := m.actualSchema(ctx, db)
	if err != nil {
		return err
	}
	for _, want := range expected {
		if want.kind != "column" {
			continue
		}
		have, there := actual[want.key()]
		if !there {
			return fmt.Errorf("%w: table %s has no column %s", ErrForeignSchema, want.table, want.name)
		}
		if have.columnType() != want.columnType() {
			return fmt.Errorf("%w: column %s.%s is of type %s, not %s", ErrForeignSchema, want.table, want.name, have.columnType(), want.columnType())
		}
	}
	return nil
}

// disabled ends the definition of a trigger that does not fire.
const disabled = " DISABLED"

// Checks are compared by name only: the server prints their conditions in its own
// words, which depend on how they were written. So are defaults.
const postgresSchema = `
WITH tables AS (
  SELECT oid, relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND pg_table_is_visible(oid)
    AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
)
SELECT 'column', t.name, a.attname, format_type(a.atttypid, a.atttypmod)
    || CASE WHEN a.attnotnull THEN ', not null' ELSE '' END
    || CASE WHEN a.atthasdef OR a.attidentity <> '' THEN ', default' ELSE '' END
  FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'constraint', t.name, c.conname, CASE WHEN c.contype = 'c' THEN 'CHECK' ELSE pg_get_constraintdef(c.oid) END
    || CASE WHEN c.contype = 'c' AND NOT c.convalidated THEN ' NOT VALID' ELSE '' END
  FROM tables t JOIN pg_constraint c ON c.conrelid = t.oid WHERE c.contype IN ('p', 'u', 'f', 'c')
UNION ALL
SELECT 'index', t.name, i.relname, regexp_replace(pg_get_indexdef(i.oid), '^.* USING ', 'USING ')
    || CASE WHEN x.indisvalid THEN '' ELSE ' INVALID' END
  FROM tables t JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class i ON i.oid = x.indexrelid
  WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.oid AND c.contype IN ('p', 'u'))
UNION ALL
SELECT 'trigger', t.name, g.tgname, regexp_replace(pg_get_triggerdef(g.oid), '^CREATE TRIGGER \w+ (.*) ON .* (FOR EACH)', '\1 \2')
    || ' AS ' || trim(p.prosrc, E' \n') || CASE WHEN g.tgenabled IN ('D', 'R') THEN '` + disabled + `' ELSE '' END
  FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid JOIN pg_proc p ON p.oid = g.tgfoid WHERE NOT g.tgisinternal`

const sqliteSchema = `
WITH tables AS (SELECT name, sql FROM sqlite_master WHERE type = 'table')
SELECT 'column', t.name, c.name, lower(c.type)
    || CASE WHEN c."notnull" THEN ', not null' ELSE '' END
    || CASE WHEN c.dflt_value IS NULL THEN '' ELSE ', default' END
  FROM tables t, pragma_table_info(t.name) c
UNION ALL
SELECT 'constraint', t.name, 'primary key', 'PRIMARY KEY (' || group_concat(c.name, ', ' ORDER BY c.pk) || ')'
  FROM tables t, pragma_table_info(t.name) c WHERE c.pk > 0 GROUP BY t.name
UNION ALL
SELECT 'constraint', t.name, 'unique', 'UNIQUE (' || group_concat(c.name, ', ' ORDER BY c.seqno) || ')'
  FROM tables t, pragma_index_list(t.name) i, pragma_index_info(i.name) c WHERE i.origin = 'u' GROUP BY t.name, i.name
UNION ALL
SELECT 'constraint', t.name, 'foreign key ' || f."from", 'REFERENCES ' || f."table" || ' (' || f."to" || ') ON DELETE ' || f.on_delete
  FROM tables t, pragma_foreign_key_list(t.name) f
UNION ALL
SELECT 'sql', name, '', sql FROM tables
UNION ALL
SELECT type, tbl_name, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL`
