package migrate

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/signalbox-go/signalbox/credstore"
)

func (v *verifier) checkTrains(ctx context.Context) error {
	for after := ""; ; {
		page, err := readPage(ctx, v.Migrator, v.trainPage(), after, scanTrain)
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].id
		for i := range page {
			v.checkTrain(&page[i])
		}
	}
}

func (v *verifier) checkTrain(r *trainRow) {
	find := func(severity Severity, column, problem string) {
		v.report.add(Finding{severity, "trains", rowName(r.id), column, problem})
	}
	if err := credstore.CheckID("train id", r.id); err != nil {
		find(SeverityError, "train_id", err.Error())
	}
	for _, problem := range oddHashes(r.hashes) {
		find(SeverityError, "client_api_keys_hashed", problem)
	}
	if problem := oddSlack(r.slack); problem != "" {
		find(SeverityWarning, "slack_config", problem)
	}
	if !r.active.Valid {
		find(SeverityWarning, "is_active", nullActive)
	}
}

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// oddHashes says what is strange about a list of client key hashes. What stands
// in place of a hash is not repeated: it may be a client key.
func oddHashes(list sql.NullString) (problems []string) {
	var hashes []*string
	if list.Valid && json.Unmarshal([]byte(list.String), &hashes) != nil {
		return []string{"not a list of texts"}
	}
	seen := map[string]bool{}
	for i, hash := range hashes {
		switch {
		case hash == nil || !sha256Hex.MatchString(*hash):
			problems = append(problems, fmt.Sprintf("entry %d is not a lower-case hex SHA-256: it opens nothing", i+1))
		case seen[*hash]:
			problems = append(problems, fmt.Sprintf("entry %d is there twice", i+1))
		default:
			seen[*hash] = true
		}
	}
	return problems
}

// oddSlack says what is strange about a Slack configuration; empty: nothing.
func oddSlack(config sql.NullString) string {
	if !config.Valid {
		return ""
	}
	var slack map[string]json.RawMessage
	if json.Unmarshal([]byte(config.String), &slack) != nil {
		return "not a JSON object"
	}
	var url string
	if raw, there := slack["webhook_url"]; there && json.Unmarshal(raw, &url) != nil {
		return "webhook_url is not a text"
	}
	if string(slack["enabled"]) != "false" && url == "" && len(slack) > 0 {
		return "enabled without a webhook_url"
	}
	return ""
}

// checkReferences searches for rows that name an account or train that is not
// there. The constraints forbid them; they tell what went wrong when one is missing.
func (v *verifier) checkReferences(ctx context.Context) error {
	for _, reference := range []struct{ table, key, column, target string }{
		{"trains", "train_id", "default_account_id", "accounts"},
		{"train_account_mappings", "train_id || '/' || account_id", "account_id", "accounts"},
		{"train_account_mappings", "train_id || '/' || account_id", "train_id", "trains"},
		{"account_refreshes", "account_id", "account_id", "accounts"},
	} {
		targetKey := map[string]string{"accounts": "account_id", "trains": "train_id"}[reference.target]
		query := fmt.Sprintf("SELECT %s FROM %s r WHERE %s IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %s t WHERE t.%s = r.%s) ORDER BY 1",
			reference.key, reference.table, reference.column, reference.target, targetKey, reference.column)
		err := v.eachID(ctx, query, func(id string) {
			v.report.add(Finding{SeverityError, reference.table, rowName(id), reference.column,
				"names a row of " + reference.target + " that is not there"})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkTimes searches an SQLite database for times in another form than ours,
// which would sort wrongly. PostgreSQL's columns hold nothing else than times.
func (v *verifier) checkTimes(ctx context.Context) error {
	if !v.isSQLite() {
		return nil
	}
	const form = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z"
	for _, time := range []struct{ table, key, column string }{
		{"accounts", "account_id", "created_at"},
		{"accounts", "account_id", "updated_at"},
		{"accounts", "account_id", "last_used_at"},
		{"trains", "train_id", "created_at"},
		{"trains", "train_id", "updated_at"},
		{"train_account_mappings", "train_id || '/' || account_id", "created_at"},
		{"audit_events", "CAST(event_id AS text)", "occurred_at"},
		{"account_refreshes", "account_id", "lease_expires_at"},
		{"account_refreshes", "account_id", "reauth_since"},
	} {
		query := fmt.Sprintf("SELECT %s FROM %s WHERE %s NOT GLOB '%s'", time.key, time.table, time.column, form)
		err := v.eachID(ctx, query, func(id string) {
			v.report.add(Finding{SeverityError, time.table, rowName(id), time.column,
				"is not a time of the form 2006-01-02T15:04:05.000000Z"})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachID calls handle with the only column of every row that query finds.
func (v *verifier) eachID(ctx context.Context, query string, handle func(id string)) error {
	rows, err := v.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		handle(id)
	}
	return rows.Err()
}
