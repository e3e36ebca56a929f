// Package report writes report.html: the plan as one page that needs nothing else, no server and no network. The page holds
// the plan as data (the form that output.Document gives every JSON format), and the scripts in page/ show it. Everything that
// comes from the reviewed account reaches the page as data only: see Write and page/dom.js.
package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/output"
)

//go:embed page vendor
var files embed.FS

// scripts are the parts of the page's program, in the order in which they run, within one function.
var scripts = []string{"dom.js", "words.js", "model.js", "headline.js", "decisions.js", "change.js", "group.js", "filter.js", "tables.js",
	"talks.js", "pictures.js", "main.js"}

var (
	page   = template.Must(template.ParseFS(files, "page/page.html"))
	style  = read("page/report.css")
	script = program()
	// charts is d3, with its licence, which asks to be in every copy.
	charts = "/*\n" + read("vendor/d3.LICENSE") + "*/\n" + read("vendor/d3.min.js")
)

func read(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err) // embedded at build time
	}
	return string(text)
}

func program() string {
	var b strings.Builder
	b.WriteString("(async () => {\n\"use strict\";\n")
	for _, name := range scripts {
		b.WriteString(read("page/" + name))
	}
	b.WriteString("})();\n")
	return b.String()
}

// maxSummaryGroups is how many groups the plain summary in the page shows. It is for readers whose viewer runs no scripts.
const maxSummaryGroups = 50

// Write writes report.html. Equal plans give equal bytes.
//
// The page's own policy lets it run the script and style whose hashes it names and nothing else: no other script, no event
// handler in markup, no request of any kind. The plan stands in a data block that runs nothing, packed, because the JSON of
// a large estate takes tens of megabytes and repeats itself; the script puts it on the page as text nodes.
func Write(w io.Writer, p *recommend.Plan) error {
	plan, err := pack(p)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var summary bytes.Buffer
	if err := output.Summary(&summary, p, output.SummaryOptions{Groups: maxSummaryGroups}); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	err = page.Execute(w, map[string]any{
		"Policy":  policy(),
		"Style":   template.CSS(style),
		"Charts":  template.JS(charts),
		"Script":  template.JS(script),
		"Plan":    template.HTML(plan), // base64 alone: nothing to escape
		"Summary": summary.String(),
	})
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// pack is the plan as recommendations.json has it, through gzip, in base64.
func pack(p *recommend.Plan) (string, error) {
	var b strings.Builder
	text := base64.NewEncoder(base64.StdEncoding, &b)
	zip := gzip.NewWriter(text)
	err := errors.Join(json.NewEncoder(zip).Encode(output.Document(p)), zip.Close(), text.Close())
	return b.String(), err
}

// policy is the Content-Security-Policy of the page.
func policy() string {
	return "default-src 'none'; script-src " + hash(charts) + " " + hash(script) + "; style-src " + hash(style) +
		"; base-uri 'none'; form-action 'none'"
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
