package sqlstore

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"
)

// A Dialect is the SQL of one database engine. All differences between the
// engines are in this file; the queries are otherwise the same.
type Dialect int

// The dialects.
const (
	Postgres Dialect = iota + 1
	SQLite
)

// String is the engine's name, for messages.
func (d Dialect) String() string {
	switch d {
	case Postgres:
		return "PostgreSQL"
	case SQLite:
		return "SQLite"
	}
	return fmt.Sprintf("Dialect(%d)", int(d))
}

// driverName makes sqlx choose the placeholders: $1 or ?.
func (d Dialect) driverName() string {
	if d == Postgres {
		return "postgres"
	}
	return "sqlite3"
}

// lock ends a SELECT whose row nobody else may change until the transaction ends.
// SQLite needs nothing: its transactions begin with the write lock.
//
// NO KEY: an insert elsewhere that merely refers to the row need not wait.
func (d Dialect) lock(table string) string {
	if d == Postgres {
		return " FOR NO KEY UPDATE OF " + table
	}
	return ""
}

// lockFree is lock for those rows that nobody else holds; the others are left out.
func (d Dialect) lockFree(table string) string {
	if d == Postgres {
		return d.lock(table) + " SKIP LOCKED"
	}
	return ""
}

// bytewise makes text sort and compare by its bytes, whatever the database's collation.
func (d Dialect) bytewise(column string) string {
	if d == Postgres {
		return column + ` COLLATE "C"`
	}
	return column
}

// contains is the condition that column has the search string (the one
// parameter), without regard to ASCII case. There are no wildcards in it.
func (d Dialect) contains(column string) string {
	if d == Postgres {
		// Under the C collation lower() touches ASCII letters only.
		return `strpos(lower(coalesce(` + column + `, '') COLLATE "C"), lower(? COLLATE "C")) > 0`
	}
	return `instr(lower(coalesce(` + column + `, '')), lower(?)) > 0`
}

// nullTimeFirst is column with something before every time where it is NULL.
func (d Dialect) nullTimeFirst(column string) string {
	return "coalesce(" + column + ", '" + d.beforeEveryTime() + "')"
}

func (d Dialect) beforeEveryTime() string {
	if d == Postgres {
		return "-infinity"
	}
	return ""
}

// list selects a column that holds a list, as a JSON array.
func (d Dialect) list(column string) string {
	if d == Postgres {
		return "array_to_json(" + column + ")"
	}
	return column
}

// listParam is the parameter that stores a list; nil stores NULL.
func (d Dialect) listParam(list []string) any {
	switch {
	case list == nil:
		return nil
	case d == Postgres:
		return pq.Array(list)
	}
	data, _ := json.Marshal(list) // a []string always encodes
	return string(data)
}

// listed selects the entries of a list that is a parameter of listParam.
func (d Dialect) listed() string {
	if d == Postgres {
		return "(SELECT unnest(CAST(? AS text[])))"
	}
	return "(SELECT value FROM json_each(?))"
}

// hashes selects the client keys in a column: see [textList.hashes].
func (d Dialect) hashes(column string) string {
	if d == Postgres {
		return "(SELECT k FROM unnest(" + column + ") k WHERE length(k) = 64 AND k !~ '[^0-9a-f]')"
	}
	return "(SELECT value AS k FROM json_each(" + column + ") WHERE length(value) = 64 AND value NOT GLOB '*[^0-9a-f]*')"
}

// noHashes is the condition that there is no client key in a column.
func (d Dialect) noHashes(column string) string {
	condition := "NOT EXISTS " + d.hashes(column)
	if d == Postgres {
		// Nearly always the first entry is one, which costs a third to see.
		first := "(" + column + ")[1]"
		condition = "(length(" + first + ") = 64 AND " + first + " !~ '[^0-9a-f]') IS NOT TRUE AND " + condition
	}
	return condition
}

// timeCast marks a parameter as a time where the engine could not tell.
func (d Dialect) timeCast() string {
	if d == Postgres {
		return "CAST(? AS timestamptz)"
	}
	return "?"
}

// auditColumns selects auditColumns so that the driver returns what is stored, and
// not what it should be: of a boolean column SQLite's would make true of any number.
func (d Dialect) auditColumns() string {
	columns := strings.Join(auditColumns, ", ")
	if d == SQLite {
		columns = strings.Replace(columns, "actor_verified", "CASE +actor_verified WHEN 0 THEN 'false' WHEN 1 THEN 'true' END", 1)
	}
	return columns
}

// columnsQuery lists the columns of the table that its parameter names; none
// when there is no such table.
func (d Dialect) columnsQuery() string {
	if d == Postgres {
		return `SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped`
	}
	return `SELECT name FROM pragma_table_info(?)`
}

// timeLayout is how times go into both databases: UTC, microseconds, one width,
// so that SQLite's text sorts as the times do.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// timeParam is the parameter that stores a time; NULL for the zero time.
func timeParam(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(timeLayout)
}
