package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// schema is what this package needs of the database: tables, in the order of
// their migrations, and columns.
var schema = []struct {
	table   string
	columns []string
}{
	{"accounts", []string{
		"account_id", "account_name", "credential_type", "api_key_encrypted", "oauth_access_token_encrypted",
		"oauth_refresh_token_encrypted", "oauth_expires_at", "oauth_scopes", "oauth_is_max", "is_active",
		"created_at", "updated_at", "last_used_at",
	}},
	{"trains", []string{
		"train_id", "train_name", "description", "client_api_keys_hashed", "slack_config", "default_account_id",
		"is_active", "created_at", "updated_at",
	}},
	{"train_account_mappings", []string{"train_id", "account_id", "priority", "created_at"}},
	{"audit_events", []string{
		"event_id", "occurred_at", "actor_kind", "actor_name", "actor_verified", "actor_session", "actor_address",
		"action", "object_type", "object_id", "before_state", "after_state", "hash",
	}},
	{"audit_chain", []string{"chain_id", "last_event_id", "last_hash", "head_mac", "chain_key_encrypted"}},
	{"account_refreshes", []string{
		"account_id", "lease_owner", "lease_expires_at", "reauth_since", "reauth_reason", "reauth_token",
	}},
	{"dashboard_sessions", []string{"token", "data", "expires_at"}},
}

// CheckSchema tells whether the tables and columns that this package needs are
// there. The error, [ErrSchema], names what is missing; a database without any
// of the tables is said to be empty.
func (s *Store) CheckSchema(ctx context.Context) error {
	var missing []string
	found := 0
	for _, want := range schema {
		var columns []string
		if err := s.all(ctx, &columns, s.dialect.columnsQuery(), want.table); err != nil {
			return about(err, "check schema")
		}
		if len(columns) == 0 {
			missing = append(missing, "table "+want.table)
			continue
		}
		found++
		for _, column := range want.columns {
			if !slices.Contains(columns, column) {
				missing = append(missing, "column "+want.table+"."+column)
			}
		}
	}
	switch {
	case found == 0:
		return fmt.Errorf("%w: none of its tables exist", ErrSchema)
	case len(missing) > 0:
		return fmt.Errorf("%w: missing %s", ErrSchema, strings.Join(missing, ", "))
	}
	return nil
}
