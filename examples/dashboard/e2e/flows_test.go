package e2e

import (
	"testing"

	"github.com/signalbox-go/signalbox/internal/browser"
)

// The ways of using the pages.
var ways = map[string]browser.Options{
	"script": {}, "no script": {NoScript: true}, "phone": {Phone: true}, "phone, no script": {Phone: true, NoScript: true},
}

var (
	oneWay    = []string{"script"}
	twoWays   = []string{"script", "no script"}
	threeWays = []string{"script", "no script", "phone"}
	fourWays  = []string{"script", "no script", "phone", "phone, no script"}
)

// flows are what operators do. They share a program, at once: each works on accounts
// and trains of its own.
var flows = []struct {
	name string
	kind string // of the store
	ways []string
	do   func(*testing.T, *world, *browser.Options)
}{
	{"log in and out", sqlite, twoWays, logInAndOut},
	{"session ends in a form", postgres, twoWays, sessionEndsInForm},
	{"theme", sqlite, oneWay, chooseTheme},
	{"create account", postgres, fourWays, createAccount},
	{"create account by keyboard", sqlite, oneWay, createAccountByKeyboard},
	{"OAuth form", postgres, oneWay, fillOAuthForm},
	{"rotate", sqlite, twoWays, rotate},
	{"reveal", postgres, oneWay, reveal},
	{"reveal without script", sqlite, []string{"no script"}, revealWithoutScript},
	{"deactivate account", sqlite, twoWays, deactivateAccount},
	{"questions start at Cancel", sqlite, oneWay, questionsStartAtCancel},
	{"edit account at once", sqlite, twoWays, editAccountAtOnce},
	{"create train", sqlite, twoWays, createTrain},
	{"client keys", postgres, twoWays, manageClientKeys},
	{"deactivate train", sqlite, twoWays, deactivateTrain},
	{"edit train at once", postgres, twoWays, editTrainAtOnce},
	{"mappings", sqlite, threeWays, manageMappings},
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
	for _, flow := range flows {
		for _, way := range flow.ways {
			t.Run(flow.name+"/"+way, func(t *testing.T) {
				t.Parallel()
				options := ways[way]
				flow.do(t, worlds[flow.kind].in(t), &options)
			})
		}
	}
}
