package main

import (
	"slices"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// alone is how the risks that single changes state were borne out: each change on its own, proposed and for review.
type alone struct {
	changes, inside  int
	vague            int // of them, those with too little traffic to tell, whose intervals are not counted
	losing, caught   int // changes that cost something, and those of them whose interval holds what
	widths           []float64
	expected, actual float64 // shares, summed over changes that are not vague
}

func (a *alone) add(b *alone) {
	a.changes, a.inside, a.vague = a.changes+b.changes, a.inside+b.inside, a.vague+b.vague
	a.losing, a.caught = a.losing+b.losing, a.caught+b.caught
	a.widths = append(a.widths, b.widths...)
	a.expected, a.actual = a.expected+b.expected, a.actual+b.actual
}

// width is a quantile of the intervals' widths.
func (a *alone) width(share float64) float64 {
	if len(a.widths) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(a.widths))
	return sorted[int(share*float64(len(sorted)-1))]
}

// single is a change being replayed: the rule that goes, and all rules with what comes in its place.
type single struct {
	*change
	old, with       *world.Evaluator
	through, denied int
}

// judgeAlone replays as many days as were learned on every change alone. A loss is a relation on a day of the change's group, in its
// direction.
func (t *trial) judgeAlone() {
	byGroup := map[string][]*single{}
	var all []*single
	for i := range t.fit.Changes {
		c := &t.fit.Changes[i]
		if c.Status == "held" {
			continue
		}
		only := plan{Changes: []change{*c}}
		rules, err := only.apply(t.before, c.Status)
		if err != nil {
			continue // apply of the whole plan has told
		}
		var old []world.Rule
		for _, r := range t.before {
			if r.String() == c.key(c.Old[0]) {
				old = append(old, r)
			}
		}
		s := &single{change: c, old: t.w.Evaluator(old), with: t.w.Evaluator(rules)}
		byGroup[c.GroupID+" "+c.Direction] = append(byGroup[c.GroupID+" "+c.Direction], s)
		all = append(all, s)
	}
	for _, d := range t.w.After(t.days).EachDay() {
		for _, n := range d.Truth().Needs {
			for _, g := range n.Interface.Groups {
				for _, s := range byGroup[g.ID+" "+n.Direction()] {
					s.through++
					if s.old.Allows(n) && !s.with.Allows(n) {
						s.denied++
					}
				}
			}
		}
	}
	for _, s := range all {
		t.alone.count(s)
	}
}

func (a *alone) count(s *single) {
	a.changes++
	if s.Risk.Vague {
		a.vague++
		return
	}
	share := float64(s.denied) / float64(max(1, s.through))
	holds := s.Risk.holds(share)
	if holds {
		a.inside++
	}
	if s.denied > 0 {
		a.losing++
		if holds {
			a.caught++
		}
	}
	a.widths = append(a.widths, s.Risk.High-s.Risk.Low)
	a.expected, a.actual = a.expected+s.Risk.Expected, a.actual+share
}
