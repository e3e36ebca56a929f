package main

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

// splitKey is the key of --split-by tag:KEY.
func splitKey(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	key, ok := strings.CutPrefix(text, "tag:")
	if !ok || key == "" {
		return "", usagef("--split-by %q: want tag:KEY, as in tag:Owner", text)
	}
	return key, nil
}

// deliverParts writes the files of every team's plan into a folder of its own, below that of the whole.
func (a *app) deliverParts(plan *recommend.Plan, e *estate.Estate, to *outputFlags) error {
	taken := map[string]bool{}
	for _, part := range plan.Parts {
		dir := filepath.Join(to.dir, "teams", teamFolder(part.Team, taken))
		files := planFiles(part.Plan, e, to.terraform)
		if err := writeFiles(dir, files); err != nil {
			return err
		}
		a.oldScripts(dir, files)
		t := part.Plan.Totals
		a.say.note("%s: %d groups, %d changes proposed, %d to review, %d held", dir, t.Groups, t.Proposed, t.Review, t.Held)
	}
	return nil
}

// teamFolder is a name for the folder of a tag's value: its letters, digits, dots and dashes, and a number where two would share
// one.
func teamFolder(team string, taken map[string]bool) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, team)
	name = strings.TrimLeft(name, ".")
	if name == "" {
		name = "no-team"
	}
	unique := name
	for n := 2; taken[strings.ToLower(unique)]; n++ {
		unique = name + "-" + strconv.Itoa(n)
	}
	taken[strings.ToLower(unique)] = true // folders may not tell cases apart
	return unique
}
