package recommend

import (
	"cmp"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/usage"
)

// draw fills the picture of the plan, whose groups and changes are there.
func (r *reviewer) draw(p *Plan) {
	p.Picture.Talks, p.Picture.TalksLeft = shortened(r.talks(), maxTalks)
	p.Picture.Coverage, p.Picture.CoverageLeft = shortened(r.coverageRows(), maxCovered)
	p.Picture.Tradeoff = r.tradeoff()
	r.drawMaps(p)
	for i := range p.Changes {
		r.measureChange(&p.Changes[i])
	}
}

func shortened[T any](list []T, most int) (kept []T, left int) {
	n := min(len(list), most)
	return list[:n], len(list) - n
}

// party names who is behind an interface: a group if it carries one.
func (r *reviewer) party(i *estate.Interface, otherwise string) (id, name string) {
	var best *estate.Group
	for _, id := range i.Groups {
		g := r.e.Groups[id]
		if g == nil {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(len(r.x.Members(g.ID)), len(r.x.Members(best.ID))), cmp.Compare(g.ID, best.ID)) < 0 {
			best = g
		}
	}
	if best == nil {
		return otherwise, ""
	}
	return best.ID, best.Name
}

// ends are the parties of a needed flow: whose interface it is, and who is at the other end.
func (r *reviewer) ends(f *usage.Flow) (own, ownName, peer, peerName string) {
	own = "interfaces that are gone"
	if f.Subject != nil {
		own, ownName = r.party(f.Subject, f.Interface)
	}
	peer = f.Place.Name
	if len(f.Place.Interfaces) > 0 {
		peer, peerName = r.party(f.Place.Interfaces[0], f.Place.Name)
	}
	if peer == "" {
		peer = f.Place.Class.String()
	}
	return own, ownName, peer, peerName
}

// talks folds the needs by who talks to whom. A connection within the estate is seen at both ends: the end that saw more
// conversations counts.
func (r *reviewer) talks() []Talk {
	type key struct{ from, to string }
	type sides struct {
		talk     Talk
		services map[analyze.Service]bool
		count    [2]int
		flows    [2]int64
	}
	pairs := map[key]*sides{}
	for i := range r.use.Flows {
		f := &r.use.Flows[i]
		if !f.Need {
			continue
		}
		own, ownName, peer, peerName := r.ends(f)
		t, side := Talk{From: peer, FromName: peerName, To: own, ToName: ownName}, 0
		if f.Direction == egress {
			t, side = Talk{From: own, FromName: ownName, To: peer, ToName: peerName}, 1
		}
		s := pairs[key{t.From, t.To}]
		if s == nil {
			s = &sides{talk: t, services: map[analyze.Service]bool{}}
			pairs[key{t.From, t.To}] = s
		}
		s.services[f.Service()] = true
		s.count[side]++
		s.flows[side] += f.Flows
	}
	out := make([]Talk, 0, len(pairs))
	for _, s := range pairs {
		s.talk.Services = firstServices(s.services, maxTalkPorts)
		s.talk.Conversations, s.talk.Flows = max(s.count[0], s.count[1]), max(s.flows[0], s.flows[1])
		out = append(out, s.talk)
	}
	slices.SortFunc(out, func(a, b Talk) int {
		return cmp.Or(cmp.Compare(b.Conversations, a.Conversations), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return out
}

// firstServices are the first of a set, as text.
func firstServices(set map[analyze.Service]bool, most int) []string {
	all := make([]analyze.Service, 0, len(set))
	for s := range set {
		all = append(all, s)
	}
	slices.SortFunc(all, analyze.Service.Compare)
	out := []string{}
	for _, s := range all[:min(most, len(all))] {
		out = append(out, s.String())
	}
	return out
}

// coverageRows are the covered hours by day, of every interface of the estate that carries groups.
func (r *reviewer) coverageRows() []CoverageRow {
	out := []CoverageRow{}
	for _, id := range sortedKeys(r.e.Interfaces) {
		if i := r.e.Interfaces[id]; len(i.Groups) > 0 {
			out = append(out, CoverageRow{Interface: id, Groups: slices.Clone(i.Groups), Share: r.cover.of(i).share, Runs: r.cover.hourRuns(id)})
		}
	}
	slices.SortStableFunc(out, func(a, b CoverageRow) int { return cmp.Compare(a.Share, b.Share) })
	return out
}

// tradeoff drafts the plan anew for other limits of rules. Egress is not in the exposure, so only ingress counts.
func (r *reviewer) tradeoff() []Tradeoff {
	out := []Tradeoff{}
	if len(r.use.Rules) > maxTradedRules {
		return out
	}
	limits := []int{1, 2, 3, 5, 10, 20, 40}
	if !slices.Contains(limits, r.opt.MaxRules) {
		limits = append(limits, r.opt.MaxRules)
		slices.Sort(limits)
	}
	for _, n := range limits {
		other := *r
		other.opt.MaxRules, other.opt.scattered = n, false
		other.draft()
		x := exposureOf(r.e, r.x, other.drafted())
		out = append(out, Tradeoff{MaxRules: n, Rules: x.Rules, Log2Space: x.Log2Space})
	}
	return out
}

// drafted is the state after the proposed and the review drafts.
func (r *reviewer) drafted() State {
	var p Plan
	for _, d := range r.drafts {
		if d == nil || d.status == Held {
			continue
		}
		rule := &r.use.Rules[d.rule]
		c := Change{GroupID: rule.GroupID, Old: []RuleText{{Rule: *rule.Rule}}}
		for _, n := range d.news {
			c.New = append(c.New, RuleText{Rule: r.newRule(d, n)})
		}
		p.Changes = append(p.Changes, c)
	}
	return p.State(r.e, func(*Change) bool { return true })
}
