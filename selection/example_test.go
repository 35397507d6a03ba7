package selection_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/selection"
)

// Without the account "red" only the train that it served moves.
func ExampleRank() {
	accounts := []string{"blue", "green", "red"}
	for _, train := range []string{"atlas", "borealis", "dione"} {
		fmt.Println(train, selection.Rank(train, accounts), selection.Rank(train, accounts[:2]))
	}
	// Output:
	// atlas [blue green red] [blue green]
	// borealis [red blue green] [blue green]
	// dione [green blue red] [green blue]
}

// demoStore holds one train that may use two accounts and prefers "red".
type demoStore struct{}

func (demoStore) GetRoute(context.Context, string) (*credstore.Route, error) {
	red := credstore.AccountRef{ID: "acc_1", Name: "red", Type: credstore.APIKey, Active: true}
	blue := credstore.AccountRef{ID: "acc_2", Name: "blue", Type: credstore.APIKey, Active: true}
	return &credstore.Route{TrainID: "atlas", Active: true, Mappings: []credstore.Mapping{
		{Account: red, Priority: 10}, {Account: blue, Priority: 0},
	}}, nil
}

func (demoStore) ActiveAccounts(context.Context) ([]credstore.AccountRef, error) {
	return nil, errors.New("not asked for a train with mappings")
}

// An account that upstream refused with 429 comes last until its time is over.
func ExampleSelector() {
	ctx := context.Background()
	selector := selection.New(demoStore{}, nil) // in a gateway: a store with package cachestore in front

	show := func(wanted string) {
		accounts, err := selector.Candidates(ctx, "atlas", wanted)
		var cooling *selection.CoolingError
		switch {
		case errors.As(err, &cooling):
			fmt.Println("429, all cool until", cooling.Until.Format(time.TimeOnly))
		case errors.Is(err, selection.ErrNotAllowed):
			fmt.Println("403", err)
		case err != nil:
			fmt.Println("503", err)
		default:
			for _, account := range accounts {
				fmt.Print("try ", account.Name, "; ")
			}
			fmt.Println("then 503")
		}
	}
	show("")
	selector.CoolDown("acc_1", time.Date(2100, 1, 1, 12, 0, 0, 0, time.UTC))
	show("")
	show("blue")
	show("red")
	show("green")
	// Output:
	// try red; try blue; then 503
	// try blue; try red; then 503
	// try blue; then 503
	// 429, all cool until 12:00:00
	// 403 train "atlas": account not allowed for this train
}
