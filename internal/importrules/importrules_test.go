// Package importrules_test holds the module to its rules of who imports whom. The
// packages and what they depend on, through all layers and without tests, are
// asked of go list: a new package is held to the rules from its first day.
package importrules_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/signalbox-go/signalbox"

// heavy are dependencies that an embedding program must not get from the SDK.
var heavy = []string{"github.com/gin-gonic", "github.com/prometheus", "modernc.org/sqlite"}

// heavyAllowed are the SDK packages that may depend on one of them all the same.
var heavyAllowed = map[string][]string{
	"credstore/backend": {"modernc.org/sqlite"}, // opens sqlite: URLs
}

// standardOnly may depend on the standard library and nothing else.
var standardOnly = []string{"credstore", "crypto"}

// layers lists which packages of this module a package may depend on, beside those
// under internal. One that is not listed may depend on any.
var layers = map[string][]string{
	"credstore/cachestore":    {"credstore"},
	"credstore/credstoretest": {"credstore"},
	"credstore/filestore":     {"credstore"},
	"credstore/rolloutstore":  {"credstore"},
	"credstore/sqlstore":      {"credstore"}, // crypto comes in through an interface
	"oauth":                   {"credstore"},
	"selection":               {"credstore"},                                                        // oauth satisfies the interface declared there
	"migrate":                 {"credstore", "crypto", "credstore/sqlstore", "credstore/filestore"}, // an import goes from one to the other
	"upstream":                {"credstore", "selection"},
}

// forTests may be imported by tests and by one another.
var forTests = []string{"credstore/credstoretest", "oauth/oauthtest", "internal/browser", "internal/testdb", "internal/testlog", "internal/vectors"}

// forTestsAllowed import one of them without being a test.
var forTestsAllowed = []string{"internal/tools/withpostgres"}

// goPackage is what go list says of a package. The paths are full import paths.
type goPackage struct {
	ImportPath string
	Imports    []string // directly
	Deps       []string // through all layers
}

// name is the package's path in the module, "." for the root.
func (p goPackage) name() string { return inModule(p.ImportPath) }

// inModule cuts the module's path off; it is empty for a package from elsewhere.
func inModule(path string) string {
	if path == module {
		return "."
	}
	name, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	return name
}

// under tells whether path is one of the trees or lies in one.
func under(path string, trees ...string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool {
		return path == tree || strings.HasPrefix(path, tree+"/")
	})
}

// isStandard tells whether a package is the standard library's: only those have
// no dot in the first part of their path.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// wrongDep says why p must not depend on dep through any layer; empty if it may.
func wrongDep(p goPackage, dep string) string {
	name, depName := p.name(), inModule(dep)
	sdk := !under(name, "examples", "internal")
	switch {
	case sdk && under(dep, heavy...) && !under(dep, heavyAllowed[name]...):
		return "no SDK package may"
	case slices.Contains(standardOnly, name) && !isStandard(dep):
		return "it may use the standard library only"
	case layers[name] != nil && depName != "" && !under(depName, "internal") && !slices.Contains(layers[name], depName):
		return fmt.Sprintf("of this module it may use %v", layers[name])
	}
	return ""
}

// wrongImport says why p must not import path itself; empty if it may.
func wrongImport(p goPackage, path string) string {
	name, imported := p.name(), inModule(path)
	switch {
	case under(imported, "examples") && !under(name, "examples"):
		return "nothing may"
	case under(imported, forTests...) && !under(name, forTests...) && !slices.Contains(forTestsAllowed, name):
		return "only tests may"
	}
	return ""
}

func violations(packages []goPackage) (all []string) {
	for _, p := range packages {
		for _, dep := range p.Deps {
			if why := wrongDep(p, dep); why != "" {
				all = append(all, fmt.Sprintf("%s depends on %s: %s", p.ImportPath, dep, why))
			}
		}
		for _, path := range p.Imports {
			if why := wrongImport(p, path); why != "" {
				all = append(all, fmt.Sprintf("%s imports %s: %s", p.ImportPath, path, why))
			}
		}
	}
	return all
}

func TestImports(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", module+"/...")
	list.Stderr = os.Stderr
	output, err := list.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, list.Start())
	var packages []goPackage
	for decoder := json.NewDecoder(output); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
	require.NoError(t, list.Wait())
	for _, name := range standardOnly {
		require.True(t, slices.ContainsFunc(packages, func(p goPackage) bool { return p.name() == name }), "%s is missing", name)
	}
	require.Empty(t, violations(packages))
}

// What the rules refuse is refused, and only that.
func TestRules(t *testing.T) {
	tests := []struct {
		name, dep string
		wrong     bool
	}{
		{".", "github.com/gin-gonic/gin", true},
		{"migrate", "github.com/prometheus/client_golang/prometheus", true},
		{"some/new/package", "modernc.org/sqlite", true},
		{"credstore/backend", "modernc.org/sqlite/lib", false},
		{"credstore/backend", "github.com/gin-gonic/gin", true},
		{"examples/proxy", "github.com/gin-gonic/gin", false},
		{"internal/testdb", "modernc.org/sqlite", false},
		{"crypto", "golang.org/x/crypto/hkdf", true},
		{"crypto", "vendor/golang.org/x/crypto/hkdf", false}, // the standard library's own copy
		{"credstore", module + "/internal/settings", true},
		{"oauth", module + "/selection", true},
		{"oauth", module + "/credstore", false},
		{"oauth", module + "/internal/settings", false},
		{"credstore/sqlstore", module + "/crypto", true},
		{"credstore/cachestore", module + "/credstore/sqlstore", true},
	}
	for _, tt := range tests {
		t.Run(tt.name+" on "+tt.dep, func(t *testing.T) {
			p := goPackage{ImportPath: strings.TrimSuffix(module+"/"+tt.name, "/."), Deps: []string{tt.dep}}
			require.Equal(t, tt.wrong, len(violations([]goPackage{p})) == 1)
		})
	}
	imports := []struct {
		name, path string
		wrong      bool
	}{
		{"selection", "examples/proxy", true},
		{"internal/httpserver", "examples/proxy", true},
		{"examples/quickstart", "examples/proxy", false},
		{"examples/quickstart", "oauth/oauthtest", true},
		{"credstore/sqlstore", "credstore/credstoretest", true},
		{"credstore/credstoretest", "internal/vectors", false},
		{"examples/dashboard/server", "internal/browser", true},
		{"internal/tools/withpostgres", "internal/testdb/pgserver", false},
	}
	for _, tt := range imports {
		t.Run(tt.name+" imports "+tt.path, func(t *testing.T) {
			p := goPackage{ImportPath: module + "/" + tt.name, Imports: []string{module + "/" + tt.path}}
			require.Equal(t, tt.wrong, len(violations([]goPackage{p})) == 1)
		})
	}
}
