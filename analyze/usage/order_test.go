package usage

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// TestRuleOrder: the order in which a group's rules come tells nothing, and changes nothing.
func TestRuleOrder(t *testing.T) {
	for seed := range uint64(10) {
		keys := func(turn bool) (out []analyze.RuleKey) {
			e, convs := randomEstate(seed)
			for _, g := range e.Groups {
				if turn {
					slices.Reverse(g.Rules)
				}
			}
			r, err := Join(Input{Index: estate.NewIndex(e), Estate: e, Conversations: sequence(convs)})
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.Rules {
				out = append(out, r.Rules[i].RuleKey)
			}
			return out
		}
		if diff := cmp.Diff(keys(false), keys(true), cmp.Comparer(func(a, b analyze.RuleKey) bool { return a == b })); diff != "" {
			t.Fatalf("seed %d: rules of the groups turned round (-as they were +turned):\n%s", seed, diff)
		}
	}
}
