package recommend

import (
	"net/netip"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/usage"
)

// turnedRound finds a need that was taken for one of the other direction, where no rule explains it, and that the rule may
// well have allowed. Its port would be the client's in the reading taken, so any port of the rule may be meant.
func (r *reviewer) turnedRound(d *draft, f *facts) *usage.Flow {
	if d.kind == Duplicate || len(r.astray) == 0 {
		return nil
	}
	rule := &r.use.Rules[d.rule]
	for _, i := range f.members {
		for _, fi := range r.astray[i.ID] {
			t := &r.use.Flows[fi]
			if t.Direction == rule.Direction || rule.Service.Proto != analyze.AllProtocols && rule.Service.Proto != analyze.Proto(t.Proto) {
				continue
			}
			if r.x.MatchPeer(*rule.Rule, i, t.Peer, time.Unix(t.First, 0).UTC(), time.Unix(t.Last, 0).UTC()) != analyze.No {
				return t
			}
		}
	}
	return nil
}

// cutsOneWay counts the addresses that a rule for less than the world would no longer let send one way.
func (r *reviewer) cutsOneWay(d *draft) int {
	rule := &r.use.Rules[d.rule]
	if d.kind == Duplicate || isWorld(rule.Peer.Prefix) {
		return 0
	}
	peers := map[netip.Addr]bool{}
	for _, fi := range rule.OneWay {
		f := &r.use.Flows[fi]
		stays := slices.ContainsFunc(d.news, func(p piece) bool {
			return p.peer == rule.Peer && p.service.MatchFlow(f.Proto, f.Port) == analyze.Yes
		})
		if !stays {
			peers[f.Peer] = true
		}
	}
	return len(peers)
}

// turnsTracking names the interfaces whose connections go untracked until the change is made: a connection is not tracked when
// the rule that allows it is open to the world, and the other direction too on all ports [aws-facts 2.4].
func (r *reviewer) turnsTracking(d *draft, rule *usage.Rule, f *facts) []string {
	switch {
	case d.kind == Duplicate:
		return nil // what is around it stays
	case openOnAllPorts(rule.RuleKey):
		return r.opposite(f, rule, openToWorld, true)
	case rule.Direction == ingress && d.kind == Redundant && openToWorld(rule.RuleKey):
		return r.opposite(f, rule, openOnAllPorts, false) // what narrower rules allow is tracked
	}
	return nil
}
