package recommend

import (
	"net/netip"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// Packet is what an interface's rules are asked about: one that opens a connection, sent between First and Last.
type Packet struct {
	Direction   analyze.Direction
	Proto       analyze.Proto
	Port        uint16
	Peer        netip.Addr
	First, Last time.Time
}

// MatchRule says how surely a rule allows the packet on an interface, as the join does (package usage).
func (p Packet) MatchRule(x *estate.Index, r *analyze.Rule, on *estate.Interface) analyze.Match {
	if r.Direction != p.Direction {
		return analyze.No
	}
	if r.Unsupported != "" {
		return analyze.Maybe
	}
	m := r.Service.MatchFlow(uint8(p.Proto), p.Port)
	if m == analyze.No {
		return m
	}
	return min(m, x.MatchPeer(*r, on, p.Peer, p.First, p.Last))
}

// Allows asks the rules of all groups of the interface, and returns those that allow the packet most surely, sorted.
func (s State) Allows(x *estate.Index, on *estate.Interface, p Packet) (best analyze.Match, by []*analyze.Rule) {
	for _, g := range on.Groups {
		rules := s[g]
		for i := range rules {
			m := p.MatchRule(x, &rules[i], on)
			if m == analyze.No || m < best {
				continue
			}
			if m > best {
				best, by = m, nil
			}
			by = append(by, &rules[i])
		}
	}
	slices.SortFunc(by, func(a, b *analyze.Rule) int { return a.Compare(b.RuleKey) })
	return best, by
}
