package proof

import (
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
)

// pin looks at every change that takes a rule of the need away: does it name the rules of other groups that it leans on? The rules
// of a change's own group are looked at when it is applied; those of other groups only where it names them. A change that takes the
// rule of a need away, and neither gives one back nor names one, would cut it if another group had been edited since. What a review
// change denies is not kept by anyone.
func (c *checker) pin(p *probe, n need) {
	c.rules.gatherAll(p, n)
	sure := before(p.hits)
	if sure == analyze.No || !touched(p.hits) {
		return
	}
	for _, o := range obligations(p.hits, sure) {
		for i := range c.changes {
			only := func(j int) bool { return j == i }
			if slices.Contains(o.lost(p.hits, only), i) && o.always(p.hits, only) && !c.pinned(p.hits, o, i) {
				c.found.addTraffic(Violation{Kind: Unpinned, Changes: []string{c.changes[i].ID}, Detail: "left to a rule of another group that the change does not name"},
					n, sure, after(p.hits, only))
			}
		}
	}
}

// pinned reports whether a rule that covers the obligation stays in the change's own group, or is named.
func (c *checker) pinned(hits []hit, o obligation, change int) bool {
	return slices.ContainsFunc(hits, func(h hit) bool {
		return h.addedBy == none && h.removedBy != change && o.covered(h) &&
			(h.GroupID == c.changes[change].GroupID || slices.Contains(c.changes[change].Leans, h.RuleKey.String()))
	})
}

// gatherAll asks every rule of the interface's groups about the need, those that no change touches too.
func (s *ruleSet) gatherAll(p *probe, n need) {
	p.reset(s.world, n)
	for _, b := range s.on(n.on, n.direction) {
		for _, r := range b.of(n.proto) {
			if h, ok := p.ask(r); ok {
				p.hits = append(p.hits, h)
			}
		}
	}
}
