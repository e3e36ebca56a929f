package output

import (
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

// Include says which changes of a plan are meant.
type Include func(c *recommend.Change) bool

// Proposed includes what a patch holds unless more was asked for.
func Proposed(c *recommend.Change) bool { return c.Status == recommend.Proposed }

// WithReview includes proposed and review changes.
func WithReview(c *recommend.Change) bool {
	return c.Status == recommend.Proposed || c.Status == recommend.Review
}

// State is the rules of every group of the estate after the included changes, by group id. Rules that stay keep their order;
// new ones follow, sorted. The changes' rules must be completed (Filled). The estate is not changed; groups without a change
// share its rules.
func State(e *estate.Estate, changes []recommend.Change, include Include) map[string][]analyze.Rule {
	state := make(map[string][]analyze.Rule, len(e.Groups))
	for id, g := range e.Groups {
		state[id] = g.Rules
	}
	byGroup := map[string][]*recommend.Change{}
	for i := range changes {
		if c := &changes[i]; include(c) {
			byGroup[c.GroupID] = append(byGroup[c.GroupID], c)
		}
	}
	for id, list := range byGroup {
		state[id] = after(state[id], list)
	}
	return state
}

// after is the rules that the changes make of before. A rule that one change takes and another brings stays.
func after(before []analyze.Rule, changes []*recommend.Change) []analyze.Rule {
	gone, fresh := map[analyze.RuleKey]bool{}, map[analyze.RuleKey]analyze.Rule{}
	for _, c := range changes {
		for _, t := range c.Old {
			gone[t.Rule.RuleKey] = true
		}
	}
	for _, c := range changes {
		for _, t := range c.New {
			delete(gone, t.Rule.RuleKey)
			if _, ok := fresh[t.Rule.RuleKey]; !ok {
				fresh[t.Rule.RuleKey] = t.Rule
			}
		}
	}
	rules := []analyze.Rule{}
	for _, r := range before {
		if r.Unsupported != "" || !gone[r.RuleKey] {
			rules = append(rules, r)
		}
		if r.Unsupported == "" {
			delete(fresh, r.RuleKey)
		}
	}
	var added []analyze.Rule
	for _, r := range fresh {
		added = append(added, r)
	}
	slices.SortFunc(added, func(a, b analyze.Rule) int { return a.RuleKey.Compare(b.RuleKey) })
	return append(rules, added...)
}
