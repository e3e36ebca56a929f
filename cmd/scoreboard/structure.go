package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// structures are how the advice about groups was borne out.
type structures struct {
	planted, found int
	unplanted      int // advice where nothing was planted
	cut            int // needed connections of the days after that a split, carried out as advised, would deny
}

func (s *structures) add(o *structures) {
	s.planted, s.found, s.unplanted, s.cut = s.planted+o.planted, s.found+o.found, s.unplanted+o.unplanted, s.cut+o.cut
}

// judgeStructure holds the advice against what was planted, and carries out every split. It comes last: the world is another after it.
func (t *trial) judgeStructure() {
	planted := map[string]bool{}
	for _, a := range t.seen.Advice {
		planted[wanted(a)] = true
	}
	t.structure.planted = len(planted)
	for _, a := range t.fit.Structure {
		if planted[a.String()] {
			t.structure.found++
			delete(planted, a.String())
		} else {
			t.structure.unplanted++
			t.missed = append(t.missed, fmt.Sprintf("seed %d, %d days: advice where nothing was planted: %s", t.seed, t.days, a.String()))
		}
	}
	for p := range planted {
		t.missed = append(t.missed, fmt.Sprintf("seed %d, %d days: missed advice: %s", t.seed, t.days, p))
	}
	old := t.w.Evaluator(t.before)
	var needs []world.Need
	for _, n := range t.after.Needs {
		if old.Allows(n) {
			needs = append(needs, n)
		}
	}
	for _, a := range t.fit.Structure {
		if a.Kind == "split" {
			t.structure.cut += t.split(a, needs)
		}
	}
}

// split carries out the advice and counts the needed connections that it cuts.
func (t *trial) split(a advice, needs []world.Need) (cut int) {
	at := slices.IndexFunc(t.w.Groups, func(g *world.Group) bool { return g.ID == a.GroupIDs[0] })
	var tiers, rules [][]string
	for _, p := range a.Parts {
		tiers, rules = append(tiers, p.Interfaces), append(rules, p.Rules)
	}
	now := t.w.Evaluator(t.w.Divided(t.w.Groups[at], tiers, rules))
	for _, n := range needs {
		if !now.Allows(n) {
			cut += n.Connections
			t.cuts = append(t.cuts, fmt.Sprintf("seed %d, %d days: the split of %s cuts %s %s %s %d/%d", t.seed, t.days, t.w.Groups[at].Name, n.Interface.Name, n.Direction(), n.Peer, n.Protocol, n.Port))
		}
	}
	return cut
}

// String is the advice in a form that wanted has too: kind, groups, and the interfaces of each tier or the shared rules.
func (a advice) String() string {
	var parts []string
	for _, p := range a.Parts {
		if a.Kind == "split" {
			parts = append(parts, strings.Join(p.Interfaces, " "))
		} else {
			parts = append(parts, slices.Sorted(slices.Values(p.Rules))...)
		}
	}
	slices.Sort(parts)
	return a.Kind + " " + strings.Join(slices.Sorted(slices.Values(a.GroupIDs)), " ") + ": " + strings.Join(parts, "; ")
}

func wanted(w world.Advice) string {
	a := advice{Kind: w.Kind}
	for _, g := range w.Groups {
		a.GroupIDs = append(a.GroupIDs, g.ID)
	}
	for _, tier := range w.Tiers {
		a.Parts = append(a.Parts, part{Interfaces: tier})
	}
	if len(w.Rules) > 0 {
		var shared part
		for _, r := range w.Rules {
			shared.Rules = append(shared.Rules, strings.TrimPrefix(r.String(), r.GroupID+" "))
		}
		a.Parts = append(a.Parts, shared)
	}
	return a.String()
}
