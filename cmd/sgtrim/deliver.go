package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/output"
	"github.com/sgtrim/sgtrim/recommend/output/report"
)

// formats are what --format takes.
var formats = []string{"summary", "table", "markdown", "csv", "html", "json", "proposed", "terraform", "asff"}

// outputFlags say where a plan goes: into the files of a folder, or in one format to stdout.
type outputFlags struct {
	dir, format string
	findings    string // file of the last run's
	terraform   bool   // what Terraform manages is known
	splitBy     string // tag:KEY
}

func (f *outputFlags) register(fs *pflag.FlagSet) {
	fs.StringVarP(&f.dir, "output", "o", "", "`folder` for the files (default: only the summary is printed)")
	fs.StringVar(&f.findings, "findings", "", "with --format asff: `file` of the last run's findings, or what aws securityhub get-findings prints")
	fs.StringVar(&f.splitBy, "split-by", "", "with -o: a plan for each value of a tag of the groups too, as in `tag:Owner`")
	fs.StringVar(&f.format, "format", "", "print `"+strings.Join(formats, "|")+"` to standard output")
}

func (f *outputFlags) check(p *policyFile) error {
	f.terraform = p.terraform != nil
	var err error
	if p.splitBy, err = splitKey(f.splitBy); err != nil {
		return err
	}
	if f.splitBy != "" && f.dir == "" {
		return withHint(usagef("--split-by wants -o DIR"), "each team gets the files of a plan of its own, in DIR/teams")
	}
	if f.format != "" && f.dir != "" {
		return usagef("--format prints one format, -o writes all: give one of the two")
	}
	if f.format != "" && !slices.Contains(formats, f.format) {
		return usagef("--format %q: want %s", f.format, strings.Join(formats, ", "))
	}
	if f.findings != "" && f.format != "asff" {
		return usagef("--findings has a meaning with --format asff only")
	}
	if f.format == "terraform" && !f.terraform {
		return withHint(usagef("--format terraform wants --tfstate FILE, to tell whose the rules are"), "terraform show -json > state.json, in each workspace that may manage them")
	}
	return nil
}

// deliver writes the files, if a folder is asked for, and prints the summary, or the format asked for instead.
func (a *app) deliver(plan *recommend.Plan, e *estate.Estate, to *outputFlags) error {
	if to.dir == "" {
		return a.print(plan, e, to)
	}
	files := planFiles(plan, e, to.terraform)
	if err := writeFiles(to.dir, files); err != nil {
		return err
	}
	a.oldScripts(to.dir, files)
	if err := a.print(plan, e, to); err != nil {
		return err
	}
	a.say.note("the plan and its scripts are in %s", to.dir)
	return a.deliverParts(plan, e, to)
}

// print writes one format to stdout, the summary where none is asked for.
func (a *app) print(plan *recommend.Plan, e *estate.Estate, to *outputFlags) error {
	switch to.format {
	case "asff":
		previous, err := readFindings(to.findings)
		if err != nil {
			return err
		}
		return output.ASFF(a.out, plan, e, previous)
	case "json":
		return output.JSON(a.out, plan)
	case "proposed":
		return output.ProposedJSON(a.out, plan, e, selected)
	case "csv":
		return output.CSV(a.out, plan)
	case "html":
		return report.Write(a.out, plan)
	case "markdown":
		return output.Markdown(a.out, plan)
	case "table":
		return output.Table(a.out, plan)
	case "terraform":
		for _, f := range output.Terraform(plan, e, chosen) {
			if _, err := fmt.Fprintf(a.out, "# ==== %s ====\n%s", f.Name, f.Body); err != nil {
				return err
			}
		}
		return nil
	}
	return output.Summary(a.out, plan, a.summaryOptions())
}

// readFindings reads the findings of the last run; nil without a file.
func readFindings(path string) ([]output.Finding, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--findings: %w", err)
	}
	defer f.Close()
	list, err := output.ReadFindings(f)
	if err != nil {
		return nil, fmt.Errorf("--findings %s: %w", path, err)
	}
	return list, nil
}

// summaryOptions suit the summary to where it goes: a terminal has a width and shows colour, unless NO_COLOR is set.
func (a *app) summaryOptions() output.SummaryOptions {
	width := terminalWidth(a.out.w)
	return output.SummaryOptions{Width: width, Color: width > 0 && os.Getenv("NO_COLOR") == ""}
}

func planFiles(plan *recommend.Plan, e *estate.Estate, terraform bool) []outputFile {
	whole := func(f output.File, mode fs.FileMode) outputFile {
		return outputFile{f.Name, mode, func(w io.Writer) error { _, err := w.Write(f.Body); return err }}
	}
	files := []outputFile{
		{"recommendations.json", 0o666, func(w io.Writer) error { return output.JSON(w, plan) }},
		{"proposed.json", 0o666, func(w io.Writer) error { return output.ProposedJSON(w, plan, e, selected) }},
		{"report.html", 0o666, func(w io.Writer) error { return report.Write(w, plan) }},
		{"summary.md", 0o666, func(w io.Writer) error { return output.Summary(w, plan, output.SummaryOptions{Markdown: true}) }},
	}
	if len(plan.Decisions) > 0 {
		files = append(files, outputFile{decisionsName, 0o666, func(w io.Writer) error { return writeDecisions(w, plan.Decisions) }})
	}
	for _, f := range output.Scripts(plan, e, selected) {
		files = append(files, whole(f, 0o777))
	}
	if terraform {
		for _, f := range output.Terraform(plan, e, chosen) {
			files = append(files, whole(f, 0o666))
		}
	}
	return files
}

// selected are the changes that the policy puts into the scripts.
func selected(c *recommend.Change) bool { return c.Selected }

// chosen are the selected changes and those that are left to Terraform.
func chosen(c *recommend.Change) bool { return c.Selected || c.InTerraform }

// oldScripts warns of scripts of a former review, for accounts or regions that this one did not see: they are not removed,
// because they may be someone's, and not to be run, because their plan is not this one. The same goes for Terraform's files.
func (a *app) oldScripts(dir string, written []outputFile) {
	now := map[string]bool{}
	for _, f := range written {
		now[f.name] = true
	}
	for _, pattern := range []string{"apply*.sh", "rollback*.sh", "sgtrim*.tf"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is right, and dir has just been written to
		for _, path := range found {
			if !now[filepath.Base(path)] {
				a.say.note("%s is not of this review", path)
			}
		}
	}
}
