package proof

import (
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
)

// Closure under subsets. Let the rules that cover a need be given, and a set C of independent changes, each applied or not:
// the state of a subset S of C holds the rules that no change of C removes, the Old rules of every change outside S, and
// the New rules of every change in S.
//
// Claim: the need is covered in the state of every S ⊆ C if and only if (1) some rule that no change of C removes covers it,
// or (2) some one change of C covers it both with an Old and with a New rule.
//
// If: (1) such a rule is in every state; (2) whether that change is in S or not, one of the two rules is there.
// Only if: suppose neither holds. Put into S exactly the changes none of whose New rules cover the need. No New rule in this
// state covers it, by choice. A change outside S has a covering New rule, so by not-(2) none of its Old rules covers. The
// rules that stay do not cover, by not-(1). So the state of this S denies the need. ∎
//
// So 2^n states are checked by one look at each covering rule. Changes are independent because register refuses a rule
// that two changes remove, and one that a change adds and any change removes.

// obligation is what must be covered in every state: the need itself where an old rule surely allows it, else each rule
// that may have allowed it.
type obligation struct {
	maybe *hit // nil: the need must be surely allowed
}

// covered reports whether h meets the obligation. A doubtful rule is met by what surely allows the need, or by a rule with
// the same peer whose service takes in the doubtful one's: then whatever the truth is, nothing is lost.
func (o obligation) covered(h hit) bool {
	if h.match() == analyze.Yes {
		return true
	}
	m := o.maybe
	if m == nil {
		return false
	}
	if h.rule == m.rule {
		return true
	}
	if h.Unsupported != "" || m.Unsupported != "" {
		return false
	}
	samePeer := h.Peer == m.Peer || h.peer == analyze.Yes
	sameService := h.service == analyze.Yes || serviceHolds(h.Service, m.Service)
	return samePeer && sameService
}

// serviceHolds reports whether s takes in all of o, for ICMP: type -1 and code -1 are all.
func serviceHolds(s, o analyze.Service) bool {
	return s.Proto == o.Proto && (s.Type == -1 || s.Type == o.Type) && (s.Code == -1 || s.Code == o.Code)
}

// always reports whether o is covered in every state of the changes that in allows (the condition claimed above).
func (o obligation) always(hits []hit, in func(change int) bool) bool {
	for _, h := range hits {
		if h.addedBy != none || !o.covered(h) {
			continue
		}
		if h.removedBy == none || !in(h.removedBy) || o.givenBy(hits, h.removedBy) {
			return true
		}
	}
	return false
}

// givenBy reports whether a New rule of the change covers o.
func (o obligation) givenBy(hits []hit, change int) bool {
	for _, h := range hits {
		if h.addedBy == change && o.covered(h) {
			return true
		}
	}
	return false
}

// after is the best match in the state where all changes that in allows are applied.
func after(hits []hit, in func(change int) bool) analyze.Match {
	best := analyze.No
	for _, h := range hits {
		if present(h, in) {
			best = max(best, h.match())
		}
	}
	return best
}

// present reports whether the rule is there when exactly the changes that in allows are applied.
func present(h hit, in func(change int) bool) bool {
	if h.addedBy != none {
		return in(h.addedBy)
	}
	return h.removedBy == none || !in(h.removedBy)
}

// lost are the changes that take a covering rule and give none back, in the order of the plan.
func (o obligation) lost(hits []hit, in func(change int) bool) []int {
	var out []int
	for _, h := range hits {
		if h.addedBy == none && h.removedBy != none && in(h.removedBy) && o.covered(h) && !o.givenBy(hits, h.removedBy) {
			out = append(out, h.removedBy)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// gather asks every rule of the interface's groups about the need. kept is true, and the rest is not asked, when a rule that
// no change touches surely allows it: then it is allowed in every state.
func (s *ruleSet) gather(p *probe, n need) (kept bool) {
	p.reset(s.world, n)
	for _, b := range s.on(n.on, n.direction) {
		for _, r := range b.of(n.proto) {
			h, ok := p.ask(r)
			if !ok {
				continue
			}
			if r.removedBy == none && r.addedBy == none && h.match() == analyze.Yes {
				return true
			}
			p.hits = append(p.hits, h)
		}
	}
	return false
}

// before is the best match of the old rules.
func before(hits []hit) analyze.Match {
	return after(hits, func(int) bool { return false })
}

// obligations of a need whose old rules match at best as sure says.
func obligations(hits []hit, sure analyze.Match) []obligation {
	if sure == analyze.Yes {
		return []obligation{{}}
	}
	var out []obligation
	for i, h := range hits {
		if h.addedBy == none {
			out = append(out, obligation{maybe: &hits[i]})
		}
	}
	return out
}

// judge checks one need against the closure, and notes what the review changes deny.
func (c *checker) judge(p *probe, n need) {
	if c.rules.gather(p, n) {
		c.res.Needs++
		return
	}
	sure := before(p.hits)
	switch sure {
	case analyze.No:
		c.res.Unexplained++
		return
	case analyze.Maybe:
		c.res.Doubtful++
	}
	c.res.Needs++
	if !touched(p.hits) {
		return
	}
	reviews := c.reviewsIn(p.hits)
	denying := make([]int, 0, len(reviews))
	for _, o := range obligations(p.hits, sure) {
		denying = append(denying, c.judgeObligation(p, o, sure, reviews)...)
	}
	slices.Sort(denying)
	for _, i := range slices.Compact(denying) {
		with := func(j int) bool { return j == i || !c.changes[j].Review }
		c.denied[i].add(n, sure, after(p.hits, with))
	}
}

func touched(hits []hit) bool {
	for _, h := range hits {
		if h.removedBy != none {
			return true
		}
	}
	return false
}

// judgeObligation returns the review changes that do not keep o.
func (c *checker) judgeObligation(p *probe, o obligation, sure analyze.Match, reviews []int) []int {
	proposed := func(i int) bool { return !c.changes[i].Review }
	if !o.always(p.hits, proposed) {
		c.cut(p, o, sure, proposed)
		return nil
	}
	var denying []int
	for _, i := range reviews {
		if !o.always(p.hits, func(j int) bool { return j == i || proposed(j) }) {
			denying = append(denying, i)
		}
	}
	// Two review changes may deny together what neither denies alone; then neither says so, and that is refused.
	silent := func(i int) bool { return !slices.Contains(denying, i) }
	if len(reviews) > 1 && !o.always(p.hits, silent) {
		c.cut(p, o, sure, silent)
	}
	return denying
}

// reviewsIn are the review changes that remove one of the rules, in the order of the plan.
func (c *checker) reviewsIn(hits []hit) []int {
	var out []int
	for _, h := range hits {
		if h.addedBy == none && h.removedBy != none && c.changes[h.removedBy].Review {
			out = append(out, h.removedBy)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// cut notes a violation: traffic that is lost when the changes that in allows are applied, all or some of them.
func (c *checker) cut(p *probe, o obligation, sure analyze.Match, in func(int) bool) {
	kind, detail := CutsSubset, "denied when only some of the changes are applied"
	applied := after(p.hits, in)
	switch {
	case o.maybe != nil:
		kind, detail = CutsMaybe, "may be allowed by "+o.maybe.RuleKey.String()+" alone, which is not kept in every state"
	case applied != analyze.Yes:
		kind, detail = Cuts, "surely allowed before, not surely after"
	}
	ids := make([]string, 0, 2)
	for _, i := range o.lost(p.hits, in) {
		ids = append(ids, c.changes[i].ID)
	}
	c.found.addTraffic(Violation{Kind: kind, Changes: ids, Detail: detail}, p.need, sure, applied)
}
