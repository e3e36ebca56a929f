package proof

import (
	"errors"
	"iter"
	"net/netip"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// StateInput asks what a whole state would deny.
type StateInput struct {
	Estate *estate.Estate
	// State is the rules of each group by id, as they would be. A group that is not named keeps the rules of the estate; one
	// with an empty list has none.
	State         map[string][]analyze.Rule
	Conversations iter.Seq2[orient.Conversation, error]
	KnownNetworks []netip.Prefix
}

// Denied lists the seen needed traffic that the rules in force allow and the state would not allow as surely, sorted. Rules
// that may have allowed it are asked for one by one, as in Check. Traffic that no rule in force explains is not listed: the
// state denies nothing anew there.
func Denied(in StateInput) ([]Traffic, error) {
	if in.Estate == nil {
		return nil, errors.New("proof: no estate")
	}
	w := newWorld(in.Estate, in.KnownNetworks)
	rules := newRuleSet(w)
	rules.replace(in.State)
	t, all := newTally(), func(int) bool { return true }
	if in.Conversations == nil {
		return t.list(), nil
	}
	var p probe
	for conv, err := range in.Conversations {
		if err != nil {
			return nil, err
		}
		for _, n := range p.readings(w, conv) {
			if rules.gather(&p, n) {
				continue
			}
			sure := before(p.hits)
			for _, o := range obligations(p.hits, sure) {
				if !o.met(p.hits) {
					t.add(n, sure, after(p.hits, all))
					break
				}
			}
		}
	}
	return t.list(), nil
}

// replace puts the state in as one change that takes all rules of the groups it names. A rule in both is left alone.
func (s *ruleSet) replace(state map[string][]analyze.Rule) {
	for _, id := range sortedKeys(state) {
		if s.groups[id] == nil {
			s.groups[id] = new([3]byProto)
		}
		kept := make(map[analyze.RuleKey]bool)
		for _, r := range state[id] {
			kept[r.RuleKey] = true
		}
		have := make(map[analyze.RuleKey]bool)
		for d := range s.groups[id] {
			for _, r := range s.groups[id][d].all {
				have[r.RuleKey] = true
				if !kept[r.RuleKey] {
					r.removedBy = 0
				}
			}
		}
		for _, r := range state[id] {
			if !have[r.RuleKey] {
				s.add(id, r, 0)
			}
		}
	}
}

// met reports whether o is covered once the state is in place.
func (o obligation) met(hits []hit) bool {
	for _, h := range hits {
		if o.covered(h) && present(h, func(int) bool { return true }) {
			return true
		}
	}
	return false
}
