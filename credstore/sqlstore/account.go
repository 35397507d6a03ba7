package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
)

// An accountRow is a row of accounts without its secrets.
type accountRow struct {
	ID           string         `db:"account_id"`
	Name         string         `db:"account_name"`
	Type         string         `db:"credential_type"`
	ExpiresAt    sql.NullInt64  `db:"oauth_expires_at"`
	Scopes       textList       `db:"oauth_scopes"`
	IsMax        bool           `db:"oauth_is_max"`
	Active       bool           `db:"is_active"`
	CreatedAt    nullTime       `db:"created_at"`
	UpdatedAt    nullTime       `db:"updated_at"`
	LastUsedAt   nullTime       `db:"last_used_at"`
	ReauthSince  nullTime       `db:"reauth_since"`
	ReauthReason sql.NullString `db:"reauth_reason"`
}

// accountColumns are the columns of an accountRow, for use with fromAccounts.
func (d Dialect) accountColumns() string {
	return `a.account_id, a.account_name, a.credential_type, a.oauth_expires_at, ` + d.list("a.oauth_scopes") + ` AS oauth_scopes,
		coalesce(a.oauth_is_max, false) AS oauth_is_max, coalesce(a.is_active, false) AS is_active,
		a.created_at, a.updated_at, a.last_used_at, r.reauth_since, r.reauth_reason`
}

// fromAccounts has the accounts as a and, as r, the re-authentication marks that
// still hold: see joinMark.
var fromAccounts = `accounts a ` + joinMark("a", "r")

// joinMark joins the account's re-authentication mark. It holds only while the
// refresh token that was refused is stored, whoever may have stored another.
func joinMark(account, mark string) string {
	return fmt.Sprintf(`LEFT JOIN account_refreshes %[2]s ON %[2]s.account_id = %[1]s.account_id
		AND %[1]s.credential_type = 'oauth' AND %[2]s.reauth_token = %[3]s`, account, mark, tokenMark(account))
}

// tokenMark recognises the stored refresh token: the first 64 characters of its
// sealed text are random.
func tokenMark(account string) string {
	return "substr(" + account + ".oauth_refresh_token_encrypted, 1, 64)"
}

func (r *accountRow) account() credstore.Account {
	return credstore.Account{
		ID: r.ID, Name: r.Name, Type: credstore.CredentialType(r.Type),
		ExpiresAt: expiry(r.ExpiresAt), Scopes: r.Scopes, IsMax: r.IsMax, Active: r.Active,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time, LastUsedAt: r.LastUsedAt.Time,
		ReauthSince: r.ReauthSince.Time, ReauthReason: r.ReauthReason.String,
	}
}

// ListAccountNames implements [credstore.AccountReader].
func (s *Store) ListAccountNames(ctx context.Context, page credstore.PageRequest) (credstore.Page[string], error) {
	order := ordering[string]{
		name: "account names", columns: []string{s.dialect.bytewise("account_name")},
		key: func(name *string) []any { return []any{*name} },
	}
	query, err := order.page(sq.Select("account_name").From("accounts"), page)
	if err != nil {
		return credstore.Page[string]{}, about(err, "list account names")
	}
	names := make([]string, 0, page.Size())
	if err := s.allBuilt(ctx, &names, query); err != nil {
		return credstore.Page[string]{}, about(err, "list account names")
	}
	return order.cut(names, page), nil
}

// ListAccounts implements [credstore.AccountReader].
func (s *Store) ListAccounts(ctx context.Context, filter credstore.AccountFilter, page credstore.PageRequest) (credstore.Page[credstore.Account], error) {
	accounts, err := s.listAccounts(ctx, filter, page)
	return accounts, about(err, "list accounts")
}

func (s *Store) listAccounts(ctx context.Context, filter credstore.AccountFilter, page credstore.PageRequest) (credstore.Page[credstore.Account], error) {
	var none credstore.Page[credstore.Account]
	order, err := s.accountOrder(filter)
	if err != nil {
		return none, err
	}
	onPage, err := s.filterAccounts(sq.Select("a.*"), filter)
	if err != nil {
		return none, err
	}
	if onPage, err = order.page(onPage, page); err != nil {
		return none, err
	}
	// Marks cost the most: they are looked up for the accounts on the page only.
	query := sq.Select(s.dialect.accountColumns()).FromSelect(onPage, "a").JoinClause(joinMark("a", "r"))
	query = order.sort(query, page)
	var rows []accountRow
	if err := s.allBuilt(ctx, &rows, query); err != nil {
		return none, err
	}
	accounts := make([]credstore.Account, len(rows))
	for i := range rows {
		accounts[i] = rows[i].account()
	}
	return order.cut(accounts, page), nil
}

// CountAccounts implements [credstore.AccountReader].
func (s *Store) CountAccounts(ctx context.Context, filter credstore.AccountFilter) (int, error) {
	query, err := s.filterAccounts(sq.Select("count(*)"), filter)
	if err != nil {
		return 0, about(err, "count accounts")
	}
	var count int
	return count, about(s.getBuilt(ctx, &count, query), "count accounts")
}

// filterAccounts adds the tables and the conditions of filter.
func (s *Store) filterAccounts(query sq.SelectBuilder, filter credstore.AccountFilter) (sq.SelectBuilder, error) {
	query = query.From(fromAccounts)
	if filter.Search != "" {
		if err := checkText("search", filter.Search); err != nil {
			return query, err
		}
		query = query.Where(sq.Or{
			sq.Expr(s.dialect.contains("a.account_name"), filter.Search),
			sq.Expr(s.dialect.contains("a.account_id"), filter.Search),
		})
	}
	if filter.Type != "" {
		if err := credstore.CheckCredentialType(filter.Type); err != nil {
			return query, err
		}
		query = query.Where("a.credential_type = ?", string(filter.Type))
	}
	if filter.Active != nil {
		query = query.Where("coalesce(a.is_active, false) = ?", *filter.Active)
	}
	if filter.Reauth != nil {
		query = query.Where("(r.account_id IS NOT NULL) = ?", *filter.Reauth)
	}
	if !filter.ExpiresBefore.IsZero() {
		// A stored millisecond is before a time within it.
		before := filter.ExpiresBefore.Add(time.Millisecond - time.Nanosecond).UnixMilli()
		query = query.Where("a.credential_type = 'oauth' AND a.oauth_expires_at <> 0 AND a.oauth_expires_at < ?", before)
	}
	if !filter.UnusedSince.IsZero() {
		since := timeParam(filter.UnusedSince)
		query = query.Where("(a.last_used_at IS NULL OR a.last_used_at < ?) AND (a.created_at IS NULL OR a.created_at < ?)", since, since)
	}
	return query, nil
}

// accountOrder is the order that filter asks for: ties are broken by name. Names
// sort by the database's collation, for which there is an index.
func (s *Store) accountOrder(filter credstore.AccountFilter) (ordering[credstore.Account], error) {
	order := ordering[credstore.Account]{name: "accounts by " + string(filter.Sort), descending: filter.Descending}
	var first string
	var value func(*credstore.Account) string
	switch filter.Sort {
	case "", credstore.SortAccountName:
		order.name = "accounts by name"
		order.columns = []string{"a.account_name"}
		order.key = func(a *credstore.Account) []any { return []any{a.Name} }
		return order, nil
	case credstore.SortAccountCreated:
		first = s.dialect.nullTimeFirst("a.created_at")
		value = func(a *credstore.Account) string { return s.dialect.timeKey(a.CreatedAt) }
	case credstore.SortAccountLastUsed:
		first = s.dialect.nullTimeFirst("a.last_used_at")
		value = func(a *credstore.Account) string { return s.dialect.timeKey(a.LastUsedAt) }
	case credstore.SortAccountType:
		first = "a.credential_type"
		value = func(a *credstore.Account) string { return string(a.Type) }
	default:
		return order, fmt.Errorf("%w: unknown order of accounts", credstore.ErrInvalid)
	}
	order.columns = []string{first, "a.account_name"}
	order.key = func(a *credstore.Account) []any { return []any{value(a), a.Name} }
	return order, nil
}

// timeKey is a time in a cursor.
func (d Dialect) timeKey(t time.Time) string {
	if t.IsZero() {
		return d.beforeEveryTime()
	}
	return t.UTC().Format(timeLayout)
}

// GetAccount implements [credstore.AccountReader].
func (s *Store) GetAccount(ctx context.Context, accountID string) (*credstore.Account, error) {
	if err := credstore.CheckID("account id", accountID); err != nil {
		return nil, err
	}
	account, err := s.readAccount(ctx, "a.account_id", accountID)
	return account, about(err, "account %q", accountID)
}

// GetAccountByName implements [credstore.AccountReader].
func (s *Store) GetAccountByName(ctx context.Context, name string) (*credstore.Account, error) {
	if err := credstore.CheckID("account name", name); err != nil {
		return nil, err
	}
	account, err := s.readAccount(ctx, "a.account_name", name)
	return account, about(err, "account named %q", name)
}

func (q querier) readAccount(ctx context.Context, column, value string) (*credstore.Account, error) {
	var row accountRow
	if err := q.get(ctx, &row, `SELECT `+q.dialect.accountColumns()+` FROM `+fromAccounts+` WHERE `+column+` = ?`, value); err != nil {
		return nil, err
	}
	account := row.account()
	return &account, nil
}
