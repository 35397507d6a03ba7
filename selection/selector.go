package selection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// A Store tells the Selector what a train may use. A [credstore.RequestStore] is
// one; with package cachestore in front, asking costs next to nothing.
type Store interface {
	GetRoute(ctx context.Context, trainID string) (*credstore.Route, error)
	ActiveAccounts(ctx context.Context) ([]credstore.AccountRef, error)
}

// A CredentialSource turns a candidate into the credential that goes upstream:
// what a gateway asks with the account id of each candidate until one can serve.
// Package oauth's Refresher is one.
type CredentialSource interface {
	// Credential returns the account's credential, ready for use: a token in it
	// has not expired. The credential may be shared; it is not to be modified.
	Credential(ctx context.Context, accountID string) (*credstore.Credential, error)
}

// Options of a [Selector]. Nil is the same as the zero value.
type Options struct {
	// AllowUnknownTrains lets a train that is not stored use every active account,
	// in rank order: for a gateway whose client authentication is off. False, an
	// unknown train gets [credstore.ErrNotFound].
	AllowUnknownTrains bool
}

// A Selector chooses accounts for trains. It may be used concurrently.
type Selector struct {
	store        Store
	allowUnknown bool
	orders       *orderMemo
	coolDowns    coolDowns
}

// New returns a Selector that asks store what each train may use.
func New(store Store, opts *Options) *Selector {
	if opts == nil {
		opts = &Options{}
	}
	return &Selector{store: store, allowUnknown: opts.AllowUnknownTrains, orders: newOrderMemo()}
}

// Candidates returns the accounts to try for a request of the train, in order,
// and at least one unless there is an error. wanted is the name of the only
// account to use, or "". The slice is shared: do not modify it.
//
// Errors: [ErrNotAllowed]; [ErrNoAccount]; [*CoolingError];
// [credstore.ErrInactive] for a deactivated train; [credstore.ErrNotFound] for an
// unknown one, unless [Options.AllowUnknownTrains] is set; and what the store
// returns, such as [credstore.ErrUnavailable]. No error ever means that other
// accounts than the train's own may be used instead.
func (s *Selector) Candidates(ctx context.Context, trainID, wanted string) ([]credstore.AccountRef, error) {
	order, err := s.order(ctx, trainID)
	if err != nil {
		return nil, err
	}
	accounts := order.usable
	if wanted != "" {
		if accounts, err = order.only(wanted); err != nil {
			return nil, fmt.Errorf("train %q: %w", trainID, err)
		}
	}
	if len(accounts) == 0 {
		return nil, fmt.Errorf("train %q: %w", trainID, ErrNoAccount)
	}
	return s.coolDowns.order(accounts)
}

// CoolDown lets an account that is at its limit rest until then: until it is over,
// the account is tried only after all others. Of two cool-downs the longer one
// counts; a time in the past has no effect. Cool-downs are known in this process
// only; at most 1,024 at a time, the shortest are forgotten first.
func (s *Selector) CoolDown(accountID string, until time.Time) {
	s.coolDowns.add(accountID, rest{until: until})
}

// SetAside is CoolDown for an account whose credential was refused. Where nothing
// but such accounts is left, waiting does not help, and Candidates returns
// [ErrNoAccount].
func (s *Selector) SetAside(accountID string, until time.Time) {
	s.coolDowns.add(accountID, rest{until: until, refused: true})
}

// CoolingUntil returns until when the account cools down or is set aside, zero when
// it is neither.
func (s *Selector) CoolingUntil(accountID string) time.Time {
	now := time.Now()
	return s.coolDowns.load(now).at(accountID, now).until
}

// unknownRoute is the route of all trains that are not stored, where they are allowed.
var unknownRoute = &credstore.Route{Active: true}

func (s *Selector) order(ctx context.Context, trainID string) (*order, error) {
	route, err := s.store.GetRoute(ctx, trainID)
	if s.allowUnknown && errors.Is(err, credstore.ErrNotFound) {
		route, err = unknownRoute, nil
	}
	if err != nil {
		return nil, err
	}
	if !route.Active {
		return nil, fmt.Errorf("train %q: %w", trainID, credstore.ErrInactive)
	}
	var active []credstore.AccountRef
	if !route.Restricted() {
		if active, err = s.store.ActiveAccounts(ctx); err != nil {
			return nil, err
		}
	}
	return s.orders.get(trainID, route, active), nil
}
