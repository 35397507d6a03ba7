package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	sq "github.com/Masterminds/squirrel"

	"github.com/signalbox-go/signalbox/credstore"
)

// A trainRow is a row of trains as it is listed.
type trainRow struct {
	ID               string         `db:"train_id"`
	Name             string         `db:"train_name"`
	Description      string         `db:"description"`
	DefaultAccountID sql.NullString `db:"default_account_id"`
	ClientKeys       int            `db:"client_keys"`
	Mappings         int            `db:"mappings"`
	HasSlack         bool           `db:"has_slack"`
	Active           bool           `db:"is_active"`
	CreatedAt        nullTime       `db:"created_at"`
	UpdatedAt        nullTime       `db:"updated_at"`
}

// trainColumns are the columns of a trainRow, with the table trains as t.
func (d Dialect) trainColumns() string {
	return `t.train_id, coalesce(t.train_name, '') AS train_name, coalesce(t.description, '') AS description, t.default_account_id,
		(SELECT count(DISTINCT k) FROM ` + d.hashes("t.client_api_keys_hashed") + ` h) AS client_keys,
		(SELECT count(*) FROM train_account_mappings m WHERE m.train_id = t.train_id) AS mappings,
		coalesce(CAST(t.slack_config AS text), 'null') <> 'null' AS has_slack,
		coalesce(t.is_active, false) AS is_active, t.created_at, t.updated_at`
}

func (r *trainRow) train() credstore.Train {
	return credstore.Train{
		ID: r.ID, Name: r.Name, Description: r.Description, DefaultAccountID: r.DefaultAccountID.String,
		ClientKeys: r.ClientKeys, Mappings: r.Mappings, HasSlack: r.HasSlack, Active: r.Active,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

// ListTrains implements [credstore.TrainReader].
func (s *Store) ListTrains(ctx context.Context, filter credstore.TrainFilter, page credstore.PageRequest) (credstore.Page[credstore.Train], error) {
	trains, err := s.listTrains(ctx, filter, page)
	return trains, about(err, "list trains")
}

func (s *Store) listTrains(ctx context.Context, filter credstore.TrainFilter, page credstore.PageRequest) (credstore.Page[credstore.Train], error) {
	var none credstore.Page[credstore.Train]
	order, err := s.trainOrder(filter)
	if err != nil {
		return none, err
	}
	query, err := s.filterTrains(sq.Select(s.dialect.trainColumns()), filter)
	if err != nil {
		return none, err
	}
	if query, err = order.page(query, page); err != nil {
		return none, err
	}
	var rows []trainRow
	if err := s.allBuilt(ctx, &rows, query); err != nil {
		return none, err
	}
	trains := make([]credstore.Train, len(rows))
	for i := range rows {
		trains[i] = rows[i].train()
	}
	return order.cut(trains, page), nil
}

// CountTrains implements [credstore.TrainReader].
func (s *Store) CountTrains(ctx context.Context, filter credstore.TrainFilter) (int, error) {
	query, err := s.filterTrains(sq.Select("count(*)"), filter)
	if err != nil {
		return 0, about(err, "count trains")
	}
	var count int
	return count, about(s.getBuilt(ctx, &count, query), "count trains")
}

// filterTrains adds the table and the conditions of filter.
func (s *Store) filterTrains(query sq.SelectBuilder, filter credstore.TrainFilter) (sq.SelectBuilder, error) {
	query = query.From("trains t")
	if filter.Search != "" {
		if err := checkText("search", filter.Search); err != nil {
			return query, err
		}
		query = query.Where(sq.Or{
			sq.Expr(s.dialect.contains("t.train_id"), filter.Search),
			sq.Expr(s.dialect.contains("t.train_name"), filter.Search),
		})
	}
	if filter.Active != nil {
		query = query.Where("coalesce(t.is_active, false) = ?", *filter.Active)
	}
	if filter.AccountID != "" {
		if err := credstore.CheckID("account id", filter.AccountID); err != nil {
			return query, err
		}
		query = query.Where(`(t.default_account_id = ? OR EXISTS (SELECT 1 FROM train_account_mappings m
			WHERE m.train_id = t.train_id AND m.account_id = ?))`, filter.AccountID, filter.AccountID)
	}
	if filter.WithoutClientKeys {
		query = query.Where(s.dialect.noHashes("t.client_api_keys_hashed"))
	}
	return query, nil
}

// trainOrder is the order that filter asks for: ties are broken by id. Ids sort by
// the database's collation, for which there is an index.
func (s *Store) trainOrder(filter credstore.TrainFilter) (ordering[credstore.Train], error) {
	order := ordering[credstore.Train]{name: "trains by " + string(filter.Sort), descending: filter.Descending}
	switch filter.Sort {
	case "", credstore.SortTrainID:
		order.name = "trains by id"
		order.columns = []string{"t.train_id"}
		order.key = func(t *credstore.Train) []any { return []any{t.ID} }
	case credstore.SortTrainName:
		order.columns = []string{"coalesce(t.train_name, '')", "t.train_id"}
		order.key = func(t *credstore.Train) []any { return []any{t.Name, t.ID} }
	case credstore.SortTrainCreated:
		order.columns = []string{s.dialect.nullTimeFirst("t.created_at"), "t.train_id"}
		order.key = func(t *credstore.Train) []any { return []any{s.dialect.timeKey(t.CreatedAt), t.ID} }
	default:
		return order, fmt.Errorf("%w: unknown order of trains", credstore.ErrInvalid)
	}
	return order, nil
}

// GetTrain implements [credstore.TrainReader].
func (s *Store) GetTrain(ctx context.Context, trainID string) (*credstore.Train, error) {
	if err := credstore.CheckID("train id", trainID); err != nil {
		return nil, err
	}
	train, err := s.readTrain(ctx, trainID)
	return train, about(err, "train %q", trainID)
}

func (q querier) readTrain(ctx context.Context, trainID string) (*credstore.Train, error) {
	var row trainRow
	if err := q.get(ctx, &row, `SELECT `+q.dialect.trainColumns()+` FROM trains t WHERE t.train_id = ?`, trainID); err != nil {
		return nil, err
	}
	train := row.train()
	return &train, nil
}
