package migrate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// What wins when a file and the database differ. Times are hours; -1: not known.
func TestDecide(t *testing.T) {
	const older, newer = 1, 3 // the file's age; the row was updated at 2
	type secrets struct {
		key, access, refresh string
		expires              int
	}
	stored := secrets{"k", "a", "r", 10}
	tests := []struct {
		name         string
		file, stored secrets
		modified     int
		changed      []string
		take         [secretCount]bool
		kept         bool
	}{
		{"same", stored, stored, newer, nil, [3]bool{}, false},
		{"key, file newer", secrets{"k2", "a", "r", 10}, stored, newer, []string{"api_key"}, [3]bool{true}, false},
		{"key, file older", secrets{"k2", "a", "r", 10}, stored, older, nil, [3]bool{}, true},
		{"no key in the file", secrets{"", "a", "r", 10}, stored, newer, nil, [3]bool{}, false},
		{"no key stored", secrets{"k2", "a", "r", 10}, secrets{"", "a", "r", 10}, older, []string{"api_key"}, [3]bool{true}, false},
		{"tokens expire later, file newer", secrets{"k", "a2", "r2", 11}, stored, newer, []string{"tokens"}, [3]bool{false, true, true}, false},
		{"tokens expire later, file older", secrets{"k", "a2", "r2", 11}, stored, older, nil, [3]bool{}, true},
		{"tokens expire later, same refresh token", secrets{"k", "a2", "r", 11}, stored, newer, []string{"tokens"}, [3]bool{false, true, true}, false},
		{"tokens expire earlier, file newer", secrets{"k", "a2", "r2", 9}, stored, newer, nil, [3]bool{}, true},
		{"tokens expire at the same time, file newer", secrets{"k", "a2", "r2", 10}, stored, newer, []string{"tokens"}, [3]bool{false, true, true}, false},
		{"tokens expire at the same time, file older", secrets{"k", "a2", "r2", 10}, stored, older, nil, [3]bool{}, true},
		{"expiry not in the file, file newer", secrets{"k", "a2", "r2", -1}, stored, newer, nil, [3]bool{}, true},
		{"expiry not in the file, file older", secrets{"k", "a2", "r2", -1}, stored, older, nil, [3]bool{}, true},
		{"expiry not stored, file older", secrets{"k", "a2", "r2", 11}, secrets{"k", "a", "r", -1}, older, nil, [3]bool{}, true},
		{"no tokens stored", secrets{"k", "a2", "r2", 9}, secrets{"k", "", "", -1}, older, []string{"tokens"}, [3]bool{false, true, true}, false},
		{"no tokens in the file", secrets{"k", "", "", -1}, stored, newer, nil, [3]bool{}, false},
		{"only the expiry, file newer", secrets{"k", "a", "r", 9}, stored, newer, []string{"expires_at"}, [3]bool{}, false},
		{"only the expiry, file older", secrets{"k", "a", "r", 11}, stored, older, nil, [3]bool{}, false},
		{"expiry no longer in the file", secrets{"k", "a", "r", -1}, stored, newer, nil, [3]bool{}, false},
	}
	hour := func(h int) time.Time {
		if h < 0 {
			return time.Time{}
		}
		return time.Date(2026, 1, 1, h, 0, 0, 0, time.UTC)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			secret := credstore.NewSecret
			a := &accountImport{
				file: &filestore.AccountFile{Account: credstore.NewAccount{
					Name: "n", Type: credstore.OAuth, APIKey: secret(tt.file.key),
					Tokens: credstore.Tokens{Access: secret(tt.file.access), Refresh: secret(tt.file.refresh), ExpiresAt: hour(tt.file.expires)},
				}},
				stored: &sqlstore.AccountRow{
					ID: "acc_n", Name: "n", Type: credstore.OAuth, UpdatedAt: hour(2), ExpiresAt: hour(tt.stored.expires),
					APIKey: tt.stored.key, AccessToken: tt.stored.access, RefreshToken: tt.stored.refresh,
				},
				modified: hour(tt.modified),
			}
			take := a.decide(plainSecrets{secret(tt.stored.key), secret(tt.stored.access), secret(tt.stored.refresh)})
			require.Equal(t, tt.take, take)
			require.Equal(t, tt.changed, a.item.Changed)
			require.Equal(t, tt.kept, len(a.item.Notes) > 0, a.item.Notes)
			require.Equal(t, len(tt.changed) > 0, a.item.Outcome == OutcomeUpdated)
			if len(tt.changed) == 0 {
				require.Equal(t, *a.stored, a.row, "nothing is written")
			}
		})
	}
}

// What goes with the tokens, and the type.
func TestDecideOtherFields(t *testing.T) {
	secret := credstore.NewSecret
	updated := time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC)
	fields := func(modified time.Time, access string, scopes ...string) *accountImport {
		return &accountImport{
			file: &filestore.AccountFile{Account: credstore.NewAccount{
				Name: "n", Type: credstore.APIKey, APIKey: secret("k"), IsMax: true,
				Tokens: credstore.Tokens{Access: secret(access), Refresh: secret("r"), Scopes: scopes},
			}},
			stored: &sqlstore.AccountRow{
				ID: "acc_n", Name: "n", Type: credstore.OAuth, UpdatedAt: updated,
				APIKey: "k", AccessToken: "a", RefreshToken: "r", Scopes: []string{"s"},
			},
			modified: modified,
		}
	}
	opened := plainSecrets{secret("k"), secret("a"), secret("r")}

	a := fields(updated.Add(time.Hour), "a", "s", "t")
	a.decide(opened)
	require.Equal(t, []string{"scopes", "is_max", "type"}, a.item.Changed)
	require.Equal(t, []string{"s", "t"}, a.row.Scopes)

	a = fields(updated.Add(-time.Hour), "a", "s", "t")
	a.decide(opened)
	require.Empty(t, a.item.Changed)
	require.Equal(t, []string{"kept the stored type, newer than the file's"}, a.item.Notes)

	a = fields(updated.Add(time.Hour), "b")
	a.decide(opened)
	require.Equal(t, []string{"tokens", "is_max", "type"}, a.item.Changed, "scopes that the file does not know stay")

	a = fields(updated.Add(-fileTick/2), "a", "t")
	a.decide(opened)
	require.Contains(t, a.item.Changed, "scopes", "a file system's clock may lag")
}

// The audit event names the fields that differ, and no secret.
func TestEvent(t *testing.T) {
	stored := sqlstore.AccountRow{ID: "acc_n", Name: "n", Type: credstore.OAuth, AccessToken: "CANARY-1", Active: true}
	a := &accountImport{stored: &stored, row: stored}
	a.row.AccessToken, a.row.APIKey, a.row.ExpiresAt = "CANARY-2", "CANARY-3", time.UnixMilli(1000).UTC()
	event := a.event()
	require.Equal(t, credstore.ActionAccountRotate, event.Action)
	require.JSONEq(t, `{"access_token": "[redacted]", "api_key": null, "expires_at": null}`, string(event.Before))
	require.JSONEq(t, `{"access_token": "[redacted]", "api_key": "[redacted]", "expires_at": "1970-01-01T00:00:01Z"}`, string(event.After))

	a.row = stored
	a.row.IsMax = true
	event = a.event()
	require.Equal(t, credstore.ActionAccountUpdate, event.Action)
	require.JSONEq(t, `{"is_max": true}`, string(event.After))

	a.stored = nil
	event = a.event()
	require.Equal(t, credstore.ActionAccountCreate, event.Action)
	require.Nil(t, event.Before)
	require.JSONEq(t, `{"name": "n", "type": "oauth", "is_max": true, "active": true, "access_token": "[redacted]"}`, string(event.After))
}
