package recommend

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// Part is the plan of one team: the groups that carry one value of a tag.
type Part struct {
	Team string // the tag's value; "" for groups without the tag
	Plan *Plan
}

// split makes a plan of each team's groups, proved on its own. The evidence is the whole estate's; what a change leans on in
// another team's groups is named with the team.
func (r *reviewer) split(p *Plan, ev Evidence, named []netip.Prefix) ([]Part, error) {
	teams := map[string]string{} // by group
	for id, g := range r.e.Groups {
		teams[id] = g.Tags[r.opt.SplitBy]
	}
	var names []string
	for _, g := range p.Groups {
		if !slices.Contains(names, teams[g.ID]) {
			names = append(names, teams[g.ID])
		}
	}
	slices.Sort(names)
	var parts []Part
	for _, name := range names {
		q := r.part(p, name, teams)
		if err := r.prove(q, part(ev, q), named); err != nil {
			return nil, fmt.Errorf("part of %s: %w", r.teamName(name), err)
		}
		q.ID = q.hash()
		parts = append(parts, Part{name, q})
	}
	return parts, nil
}

// part is the plan's share of one team, not yet proved.
func (r *reviewer) part(p *Plan, name string, teams map[string]string) *Plan {
	q := *p
	q.Groups, q.Changes, q.Decisions, q.Proof, q.Parts = []Group{}, []Change{}, []Decision{}, Proof{}, nil
	q.Notes, q.Totals.Rules = slices.Clone(p.Notes), 0
	mine := map[string]bool{}
	for _, g := range p.Groups {
		if teams[g.ID] != name {
			continue
		}
		q.Groups = append(q.Groups, g)
		q.Totals.Rules += len(g.Rules)
		for _, i := range g.Interfaces {
			mine[i] = true
		}
	}
	q.Totals.Groups, q.Totals.Interfaces = len(q.Groups), len(mine)
	q.Totals.Proposed, q.Totals.Review, q.Totals.Held = 0, 0, 0
	for _, c := range p.Changes {
		if teams[c.GroupID] == name {
			c.Denies = []Traffic{} // the proof of the part lists them again
			c.DependsOn = r.ownersOf(c.DependsOn, name, teams)
			q.Changes = append(q.Changes, c)
			q.Totals.add(c.Status)
		}
	}
	q.Totals.Kept = q.Totals.Rules - len(q.Changes)
	for _, d := range p.Decisions {
		if group, _, _ := strings.Cut(d.About, " "); group != "" && teams[group] == name && r.e.Groups[group] != nil {
			q.Decisions = append(q.Decisions, d)
		}
	}
	q.Structure = slices.DeleteFunc(slices.Clone(p.Structure), func(s Structure) bool {
		return slices.ContainsFunc(s.GroupIDs, func(id string) bool { return teams[id] != name })
	})
	q.Unexplained, q.Rejected = onInterfaces(p.Unexplained, mine), onInterfaces(p.Rejected, mine)
	q.Risk = r.risk(r.expectedOf(&q), r.exposed.all)
	q.Exposure = r.exposureOfPart(&q, mine)
	q.Notes = append(q.Notes, fmt.Sprintf("This is the part of %s: %d of %d groups. Evidence and input are those of the whole estate; exposure is what these groups let in.",
		r.teamName(name), len(q.Groups), len(p.Groups)))
	if note := leaningNote(q.Changes); note != "" {
		q.Notes = append(q.Notes, note)
	}
	return &q
}

func (r *reviewer) teamName(name string) string {
	if name == "" {
		return "groups without the tag " + r.opt.SplitBy
	}
	return r.opt.SplitBy + "=" + name
}

// ownersOf names the teams of what a change leans on in the groups of others.
func (r *reviewer) ownersOf(list []Dependency, name string, teams map[string]string) []Dependency {
	out := slices.Clone(list)
	for i := range out {
		if team := teams[out[i].GroupID]; team != name {
			out[i].Owner = r.teamName(team)
		}
	}
	return out
}

// leaningNote says on whose rules the changes lean.
func leaningNote(cs []Change) string {
	n := map[string]int{}
	for i := range cs {
		seen := map[string]bool{}
		for _, d := range cs[i].DependsOn {
			if d.Owner != "" && !seen[d.Owner] {
				seen[d.Owner] = true
				n[d.Owner]++
			}
		}
	}
	if len(n) == 0 {
		return ""
	}
	var words []string
	for _, owner := range sortedKeys(n) {
		words = append(words, fmt.Sprintf("%s (%d changes)", owner, n[owner]))
	}
	return "Changes lean on rules of other teams, which must stay as they are, or as their own plan makes them: " + strings.Join(words, ", ") + "."
}

func onInterfaces(list []Traffic, mine map[string]bool) []Traffic {
	return slices.DeleteFunc(slices.Clone(list), func(t Traffic) bool { return !mine[t.Interface] })
}

// exposureOfPart is what the part's groups let in, on the interfaces that carry them.
func (r *reviewer) exposureOfPart(q *Plan, mine map[string]bool) Exposure {
	e := *r.e
	e.Groups, e.Interfaces = map[string]*estate.Group{}, map[string]*estate.Interface{}
	for _, g := range q.Groups {
		e.Groups[g.ID] = r.e.Groups[g.ID]
	}
	for id := range mine {
		e.Interfaces[id] = r.e.Interfaces[id]
	}
	return r.exposureIn(&e, q)
}

// part is the evidence of the interfaces that carry a part's groups: no other's rules change.
func part(ev Evidence, q *Plan) Evidence {
	mine := map[string]bool{}
	for _, g := range q.Groups {
		for _, i := range g.Interfaces {
			mine[i] = true
		}
	}
	all := ev.Conversations
	ev.Conversations = func() iter.Seq2[orient.Conversation, error] {
		return func(yield func(orient.Conversation, error) bool) {
			for c, err := range all() {
				if err == nil && !mine[c.Interface] {
					continue
				}
				if !yield(c, err) {
					return
				}
			}
		}
	}
	return ev
}
