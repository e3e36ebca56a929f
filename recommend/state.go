package recommend

import (
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// State is the rules of every group, by group id.
type State map[string][]analyze.Rule

// State is the rules of every group of the estate after the included changes. Rules that stay keep their order; new ones
// follow, sorted. The estate is not changed; groups without a change share its rules.
func (p *Plan) State(e *estate.Estate, include func(*Change) bool) State {
	state := make(State, len(e.Groups))
	for id, g := range e.Groups {
		state[id] = g.Rules
	}
	byGroup := map[string][]*Change{}
	for i := range p.Changes {
		if c := &p.Changes[i]; include(c) {
			byGroup[c.GroupID] = append(byGroup[c.GroupID], c)
		}
	}
	for id, list := range byGroup {
		state[id] = After(state[id], list)
	}
	return state
}

// After is the rules that the changes make of before. A rule that one change takes and another brings stays.
func After(before []analyze.Rule, changes []*Change) []analyze.Rule {
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
