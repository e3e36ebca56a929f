package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sgtrim/sgtrim/"

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// listPackages asks the go command for every package of the module.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-pgo=off", "-json=ImportPath,Imports,Deps", "./...") // by a profile, packages have names of their own
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// ours are the packages of the module among paths, without the module's own path in front.
func ours(paths []string) []string {
	var short []string
	for _, path := range paths {
		if name, ok := strings.CutPrefix(path, module); ok {
			short = append(short, name)
		}
	}
	return short
}

// below reports whether package name is one of the trees, or inside one.
func below(name string, trees ...string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool { return name == tree || strings.HasPrefix(name, tree+"/") })
}

// importRule says what packages of a tree may import of the module, directly.
type importRule struct {
	tree string
	may  []string // trees
}

// Imports point one way (design §1): the first rule whose tree holds a package counts.
var importRules = []importRule{
	{"analyze/ledger/sum", []string{"analyze", "ingest"}}, // the sink: where Arrow ends
	{"analyze/ledger", []string{"analyze", "analyze/ledger"}},
	{"analyze/estate", []string{"analyze", "analyze/estate"}},
	{"analyze/orient", []string{"analyze", "analyze/ledger"}},
	{"analyze/usage", []string{"analyze"}},
	{"analyze/terraform", []string{"analyze"}},
	{"analyze/compare", []string{"analyze"}},
	{"analyze", nil}, // the words themselves
	{"ingest", []string{"analyze", "ingest"}},
	{"recommend/proof", []string{"analyze"}},
	{"recommend", []string{"analyze", "recommend"}},
	{"cmd/scoreboard", []string{"cmd/world", "recommend/cover"}}, // it runs the program, and compares sizes of covers
	{"cmd/world", []string{"analyze", "analyze/estate", "cmd/world"}},
	{"cmd/orientbench", []string{"analyze", "ingest", "cmd/world"}},
	{"cmd/sgtrim", []string{"analyze", "ingest", "recommend", "cmd/world"}},
}

func TestImportsPointOneWay(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		at := slices.IndexFunc(importRules, func(r importRule) bool { return below(name, r.tree) })
		if at < 0 {
			continue // testdata: tests and their servers import what they test
		}
		for _, imported := range ours(p.Imports) {
			if !below(imported, importRules[at].may...) {
				t.Errorf("%s imports %s", name, imported)
			}
		}
	}
}

// These hold however long the chain of imports is.
var neverReaches = []struct {
	tree  string
	never []string
	why   string
}{
	{"recommend", []string{module + "ingest", "github.com/apache/arrow"}, "Arrow ends at the ledger's sink"},
	{"recommend/proof", []string{module + "recommend", module + "analyze/usage"}, "the proof is independent of what it checks"},
	{"analyze/ledger", []string{module + "analyze/estate"}, "evidence never depends on an estate"},
	{"cmd/world", []string{module + "analyze/orient", module + "analyze/usage", module + "analyze/ledger", module + "recommend", module + "ingest"},
		"the generator judges them"},
}

func TestForbiddenDependencies(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, rule := range neverReaches {
			if !below(name, rule.tree) || name == "analyze/ledger/sum" && rule.tree == "analyze/ledger" {
				continue
			}
			for _, dep := range p.Deps {
				if below(dep, rule.never...) && !below(dep, module+rule.tree) {
					t.Errorf("%s depends on %s: %s", name, dep, rule.why)
				}
			}
		}
	}
}

// Libraries do not read flags, log, or start programs; only cmd does.
func TestLibrariesStaySilent(t *testing.T) {
	for _, p := range listPackages(t) {
		if !below(strings.TrimPrefix(p.ImportPath, module), "analyze", "ingest", "recommend") {
			continue
		}
		for _, imported := range p.Imports {
			if below(imported, "flag", "log", "os/exec", "github.com/spf13") {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}
