package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/browser"
)

// The ways of using the pages.
var ways = map[string]browser.Options{
	"script": {}, "no script": {NoScript: true}, "phone": {Phone: true}, "phone, no script": {Phone: true, NoScript: true},
}

var (
	oneWay   = []string{"script"}
	twoWays  = []string{"script", "no script"}
	fourWays = []string{"script", "no script", "phone", "phone, no script"}
)

// A flow is something that operators do.
type flow struct {
	name string
	kind string // of the store
	ways []string
	do   func(*testing.T, *world, *browser.Options)
}

// flows are what operators do. Those on one kind of store share a program, and those in
// one way a tab, one after the other; each works on accounts and trains of its own.
var flows = []flow{
	{"log in and out", sqlite, twoWays, logInAndOut},
	{"session ends in a form", postgres, twoWays, sessionEndsInForm},
	{"session ends in a train's form", sqlite, twoWays, sessionEndsInTrainForms},
	{"theme", sqlite, oneWay, chooseTheme},
	{"create account", postgres, fourWays, createAccount},
	{"create account by keyboard", sqlite, oneWay, createAccountByKeyboard},
	{"OAuth form", postgres, oneWay, fillOAuthForm},
	{"rotate", sqlite, twoWays, rotate},
	{"reveal", postgres, oneWay, reveal},
	{"reveal without script", sqlite, []string{"no script"}, revealWithoutScript},
	{"deactivate account", sqlite, twoWays, deactivateAccount},
	{"rows open by any cell", sqlite, twoWays, openRowByAnyCell},
	{"questions start at Cancel", sqlite, oneWay, questionsStartAtCancel},
	{"edit account at once", sqlite, twoWays, editAccountAtOnce},
	{"create train", sqlite, twoWays, createTrain},
	{"client keys", postgres, twoWays, manageClientKeys},
	{"deactivate train", sqlite, twoWays, deactivateTrain},
	{"edit train at once", postgres, twoWays, editTrainAtOnce},
	{"mappings", sqlite, []string{"script", "no script", "phone"}, manageMappings},
	{"drag", sqlite, []string{"script", "phone"}, reorderByDrag},
	{"throw", sqlite, []string{"script", "phone"}, reorderByThrow},
	{"cancel a drag", sqlite, []string{"script", "phone"}, cancelDrag},
	{"reorder by keyboard", postgres, oneWay, reorderByKeyboard},
	{"reorder in haste", sqlite, oneWay, reorderInHaste},
	{"reorder at once", postgres, twoWays, reorderAtOnce},
	{"Slack", sqlite, twoWays, setUpSlack},
}

func TestFlows(t *testing.T) {
	t.Parallel()
	worlds := map[string]*world{postgres: startWorld(t, postgres), sqlite: startWorld(t, sqlite)}
	lanes := make(map[[2]string][]flow) // by the kind of store and the way
	for _, f := range flows {
		for _, way := range f.ways {
			lanes[[2]string{f.kind, way}] = append(lanes[[2]string{f.kind, way}], f)
		}
	}
	for lane, flows := range lanes {
		t.Run(lane[0]+"/"+lane[1], func(t *testing.T) {
			t.Parallel()
			w, options := worlds[lane[0]].in(t), ways[lane[1]]
			w.shared = w.open(&options)
			for _, f := range flows {
				t.Run(f.name, func(t *testing.T) {
					options := options
					f.do(t, w.in(t), &options)
					require.Empty(t, w.shared.Messages())
				})
			}
		})
	}
}
