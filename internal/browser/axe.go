package browser

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/emulation"
)

// Violation is one rule of accessibility that a page breaks.
type Violation struct {
	Rule    string   `json:"id"`     // axe's name of the rule, such as "label"
	Impact  string   `json:"impact"` // minor, moderate, serious or critical
	Help    string   `json:"help"`   // what the rule asks for
	Targets []string `json:"targets"`
}

// String says the violation in words, with the selectors of the elements.
func (v Violation) String() string {
	return mask(fmt.Sprintf("%s (%s, %s): %s", v.Help, v.Rule, v.Impact, strings.Join(v.Targets, "; ")))
}

// axeSource is the checker, as scripts/install-assets fetches it.
var axeSource = sync.OnceValues(func() (string, error) {
	_, self, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("cannot tell where the module is")
	}
	module := filepath.Dir(filepath.Dir(filepath.Dir(self)))
	source, err := os.ReadFile(filepath.Join(module, "examples", "dashboard", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		return "", fmt.Errorf("the accessibility checker is missing, run make assets: %w", err)
	}
	return string(source), nil
})

// runAxe resolves to the violations. The element itself is left out of them, as it may
// hold secrets.
const runAxe = `axe.run(document, {resultTypes: ['violations']}).then(result => result.violations.map(v => ({
	id: v.id, impact: v.impact ?? '', help: v.help, targets: v.nodes.map(node => node.target.flat(9).join(' ')),
})))`

// Axe checks the page with axe-core, with all its default rules, and returns what it breaks.
// It comes in through the developer tools, so the page's content security policy need not
// allow it, and works with scripts off too.
func (tab *Tab) Axe() []Violation {
	tab.t.Helper()
	source, err := axeSource()
	if err != nil {
		tab.fail("%v", err)
	}
	if tab.options.NoScript {
		tab.disableScript(false)
		defer tab.disableScript(true)
	}
	violations, err := eval[[]Violation](tab, source+";"+runAxe)
	if err != nil {
		tab.fail("check accessibility: %v", err)
	}
	return violations
}

func (tab *Tab) disableScript(disabled bool) {
	err := call(tab.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: disabled})
	if err != nil {
		tab.fail("turn scripts on or off: %v", err)
	}
}

// RequireAccessible fails the test with the page's violations in words if [Tab.Axe] finds any.
func (tab *Tab) RequireAccessible() {
	tab.t.Helper()
	var found strings.Builder
	for _, violation := range tab.Axe() {
		found.WriteString("\n  " + violation.String())
	}
	if found.Len() > 0 {
		tab.fail("%s breaks rules of accessibility:%s", tab.URL(), found.String())
	}
}
