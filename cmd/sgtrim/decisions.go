package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/sgtrim/sgtrim/recommend"
)

// decisionsName is the file of an output folder that remembers decisions for the next review into that folder.
const decisionsName = "decisions.json"

// decisionsVersion of the decisions file.
const decisionsVersion = 1

// decisions are those that the output folder remembers, and those of the files given, which win, a later file over an earlier.
func (a *app) decisions(files []string, dir string) ([]recommend.Decision, error) {
	remembered := filepath.Join(dir, decisionsName)
	if dir != "" {
		switch _, err := os.Stat(remembered); {
		case err == nil:
			files = slices.Insert(slices.Clone(files), 0, remembered)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	byChange := map[string]recommend.Decision{}
	for _, path := range files {
		list, err := readDecisions(path)
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			byChange[d.ChangeID] = d
		}
		if path == remembered {
			a.say.note("%d decisions of earlier reviews are in %s", len(list), path)
		}
	}
	all := make([]recommend.Decision, 0, len(byChange))
	for _, d := range byChange {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b recommend.Decision) int { return cmp.Compare(a.ChangeID, b.ChangeID) })
	return all, nil
}

func readDecisions(path string) ([]recommend.Decision, error) {
	var d decisionsFile
	if err := readStrictFile("decisions", path, decisionsKeys(&d)); err != nil {
		return nil, err
	}
	return d.list, nil
}

// decisionsFile is a decisions file as read (docs/reference.md).
type decisionsFile struct {
	version int
	list    []recommend.Decision
}

func decisionsKeys(d *decisionsFile) keys {
	return keys{
		"schema_version": number(&d.version, decisionsVersion, decisionsVersion),
		"decisions":      each(d.read),
	}
}

func decisionKeys(d *recommend.Decision) keys {
	return keys{
		"change_id": changeID(&d.ChangeID),
		"decision": func(n *yaml.Node) error {
			var w string
			err := word(&w, words(recommend.Verdicts)...)(n)
			d.Verdict = recommend.Verdict(w)
			return err
		},
		"by":     text(&d.By),
		"reason": anyText(&d.Reason),
		"until":  date(&d.Until),
		"about":  text(&d.About),
	}
}

// read takes one decision of the list.
func (d *decisionsFile) read(n *yaml.Node) error {
	var one recommend.Decision
	if err := readMapping(n, decisionKeys(&one)); err != nil {
		return err
	}
	for _, want := range []struct{ key, value string }{
		{"change_id", one.ChangeID}, {"decision", string(one.Verdict)}, {"by", one.By},
	} {
		if want.value == "" {
			return at(n, "a decision wants change_id, decision and by; %s is missing", want.key)
		}
	}
	if one.Verdict == recommend.Except && (one.Until == "" || one.Reason == "") {
		return at(n, "an exception wants a reason, and until, its last day")
	}
	if slices.ContainsFunc(d.list, func(o recommend.Decision) bool { return o.ChangeID == one.ChangeID }) {
		return at(n, "a second decision about %s", one.ChangeID)
	}
	d.list = append(d.list, one)
	return nil
}

// anyText may be empty, as forms leave it.
func anyText(to *string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n = resolve(n); n.Kind == yaml.ScalarNode && n.Value == "" && n.Tag == "!!str" {
			return nil
		}
		return text(to)(n)
	}
}

var changeIDs = regexp.MustCompile(`^chg-[0-9a-f]{12}$`)

func changeID(to *string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n = resolve(n); n.Kind != yaml.ScalarNode || !changeIDs.MatchString(n.Value) {
			return at(n, "%q: want the id of a change, as in chg-0123456789ab", n.Value)
		}
		*to = n.Value
		return nil
	}
}

func date(to *string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		n = resolve(n)
		if _, err := time.Parse(time.DateOnly, n.Value); err != nil {
			return at(n, "%q: want a date, as in 2026-10-31", n.Value)
		}
		*to = n.Value
		return nil
	}
}

func words[S ~string](list []S) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

// writeDecisions writes a file that readDecisions reads.
func writeDecisions(w io.Writer, list []recommend.Decision) error {
	type decision struct {
		ChangeID string            `json:"change_id"`
		Verdict  recommend.Verdict `json:"decision"`
		By       string            `json:"by"`
		Reason   string            `json:"reason,omitempty"`
		Until    string            `json:"until,omitempty"`
		About    string            `json:"about,omitempty"`
	}
	all := make([]decision, 0, len(list))
	for _, d := range list {
		all = append(all, decision{d.ChangeID, d.Verdict, d.By, d.Reason, d.Until, d.About})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		SchemaVersion int        `json:"schema_version"`
		Decisions     []decision `json:"decisions"`
	}{decisionsVersion, all})
}

// strayDecisions tells of decisions that do not hold any more, or never did.
func (a *app) strayDecisions(p *recommend.Plan) {
	for i := range p.Decisions {
		if d := &p.Decisions[i]; !d.InForce() {
			a.say.note("decision about %s: %s", describedDecision(d), d.Effect)
		}
	}
}

func describedDecision(d *recommend.Decision) string {
	if d.About == "" {
		return d.ChangeID
	}
	return fmt.Sprintf("%s (%s)", d.ChangeID, d.About)
}
