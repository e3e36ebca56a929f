package world

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestImportsNothingItJudges: the generator must not share code with the tool. (Its tests may compare words.)
func TestImportsNothingItJudges(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no source files", err)
	}
	labelled, err := filepath.Glob("labelled/*.go")
	if err != nil || len(labelled) == 0 {
		t.Fatal("no source files of labelled", err)
	}
	files = append(files, labelled...)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if strings.Contains(i.Path.Value, "sgtrim/sgtrim") && i.Path.Value != `"github.com/sgtrim/sgtrim/cmd/world"` {
				t.Errorf("%s imports %s", name, i.Path.Value)
			}
		}
	}
}
