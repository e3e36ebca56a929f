package recommend

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/usage"
)

// peerUse is one peer of a rule with all its flows: an address, and who held it where that is sure.
type peerUse struct {
	addr  netip.Addr
	flows []int32
	place *estate.Placement
	first int64
	sure  bool // who held the address is sure
}

// floors covers private peers, never finer than design §7.3 allows: a group reference where the members are the peers, a
// single address only for an interface that stands still, else the subnet; for on-premises a named network, else CIDRs
// widened by the evidence. Every cover lies inside the old rule.
func (r *reviewer) floors(rule *usage.Rule, flows []int32) []cover {
	if len(flows) == 0 {
		return nil
	}
	peers := r.peersOf(flows)
	if slices.ContainsFunc(peers, func(p peerUse) bool { return !rule.Peer.Prefix.Contains(p.addr) }) {
		return []cover{{peer: rule.Peer}} // a maybe of an outside address cannot be narrowed upon
	}
	out, rest := r.references(rule, peers)
	var outside []peerUse
	for _, p := range rest {
		c, ok := r.inside(rule, p)
		if !ok {
			outside = append(outside, p)
			continue
		}
		out = append(out, c)
	}
	out = append(out, r.outside(rule, outside)...)
	for i := range out {
		out[i] = r.coarse(rule, out[i])
	}
	return tidy(out)
}

// coarse is the cover no finer than the policy's floor, inside the old rule.
func (r *reviewer) coarse(rule *usage.Rule, c cover) cover {
	floor := r.opt.Floors.IPv6
	if c.peer.Prefix.Addr().Is4() {
		floor = r.opt.Floors.IPv4
	}
	if !c.peer.IsCIDR() || floor == 0 || c.peer.Prefix.Bits() <= floor {
		return c
	}
	return clip(rule, netip.PrefixFrom(c.peer.Prefix.Addr(), floor), joinWhy(c.why, fmt.Sprintf("no finer than /%d by policy", floor)))
}

func (r *reviewer) peersOf(flows []int32) []peerUse {
	type holder struct {
		addr netip.Addr
		one  *estate.Interface // that surely held the address; nil when it is not sure
	}
	seen := map[holder]int{}
	var out []peerUse
	for _, fi := range flows {
		f := &r.use.Flows[fi]
		who := holder{addr: f.Peer}
		if f.Place.Certain && f.Place.Class == estate.Member {
			who.one = f.Place.Interfaces[0]
		}
		i, ok := seen[who]
		if !ok {
			i = len(out)
			seen[who] = i
			out = append(out, peerUse{addr: f.Peer, place: f.Place, first: f.First, sure: who.one != nil})
		}
		p := &out[i]
		p.flows = append(p.flows, fi)
		p.first = min(p.first, f.First)
	}
	slices.SortStableFunc(out, func(a, b peerUse) int { return a.addr.Compare(b.addr) })
	return out
}

// references picks groups whose members are the peers: all present members inside the old rule, in every family, and few
// that were not seen. Greedy by most peers covered, then fewest extra members.
func (r *reviewer) references(rule *usage.Rule, peers []peerUse) (out []cover, rest []peerUse) {
	rest = peers
	for {
		best, extra := r.bestReference(rule, rest)
		if best == nil {
			return out, rest
		}
		why := "group " + best.Name
		if extra > 0 {
			why += fmt.Sprintf(" (%d members not seen)", extra)
		}
		out = append(out, cover{analyze.Peer{GroupID: best.ID}, why})
		rest = slices.DeleteFunc(slices.Clone(rest), func(p peerUse) bool { return p.sure && slices.Contains(p.place.Interfaces[0].Groups, best.ID) })
	}
}

func (r *reviewer) bestReference(rule *usage.Rule, peers []peerUse) (best *estate.Group, extra int) {
	seen := map[string]map[string]bool{} // group → interfaces seen
	for _, p := range peers {
		if !p.sure {
			continue
		}
		i := p.place.Interfaces[0]
		for _, g := range i.Groups {
			if seen[g] == nil {
				seen[g] = map[string]bool{}
			}
			seen[g][i.ID] = true
		}
	}
	most := 0
	for _, id := range sortedKeys(seen) {
		g := r.e.Groups[id]
		if g == nil || !r.canReference(rule, g) {
			continue
		}
		n, more := len(seen[id]), 0 // members that are gone show who the peers are as well as those of the present
		for _, m := range r.x.Members(id) {
			if !seen[id][m.ID] {
				more++
			}
		}
		if more > max(2, n/10) {
			continue
		}
		if n > most || n == most && more < extra {
			best, most, extra = g, n, more
		}
	}
	return best, extra
}

// canReference: every interface that carries the rule has a path on which references work, and every present member's
// addresses, of both families, lie inside the old rule, and so do those of the clients that it stands for.
func (r *reviewer) canReference(rule *usage.Rule, g *estate.Group) bool {
	for _, m := range r.facts[rule.GroupID].members {
		if ok, _ := r.x.CanReference(m.VPC, g, rule.Direction); !ok {
			return false
		}
	}
	if r.x.PassesClients(g.ID) {
		return false // the reference would let in whoever comes through the load balancer [aws-facts 2.5]
	}
	return !slices.ContainsFunc(r.x.MemberAddrs(g.ID), func(p netip.Prefix) bool { return !within(p, rule.Peer.Prefix) })
}

// inside covers one peer that lies in a VPC of the estate: a single address where it stands still, else its subnet, else
// its VPC. ok is false when no VPC holds it.
func (r *reviewer) inside(rule *usage.Rule, p peerUse) (cover, bool) {
	if p.sure && r.standsStill(p) {
		return cover{analyze.Peer{Prefix: netip.PrefixFrom(p.addr, p.addr.BitLen())}, p.place.Name}, true
	}
	if s := p.place.Subnet; s != nil {
		for _, c := range s.CIDRs {
			if c.Contains(p.addr) {
				return clip(rule, c, "subnet "+s.ID), true
			}
		}
	}
	if v := p.place.VPC; v != nil {
		for _, c := range v.CIDRs {
			if c.Contains(p.addr) {
				return clip(rule, c, "VPC "+v.ID), true
			}
		}
	}
	return cover{}, false
}

// clip keeps a network inside the old rule: of two prefixes that meet, one holds the other.
func clip(rule *usage.Rule, c netip.Prefix, why string) cover {
	if c.Bits() < rule.Peer.Prefix.Bits() {
		return cover{peer: rule.Peer}
	}
	return cover{analyze.Peer{Prefix: c.Masked()}, why}
}

// standsStill: an interface of the present, of an instance, unmanaged, outside autoscaling, attached before the window began. Everything
// else may have another address tomorrow.
func (r *reviewer) standsStill(p peerUse) bool {
	i := p.place.Interfaces[0]
	if r.x.Subject(i.ID) != i {
		return false
	}
	if _, managed := r.x.Managed(i); managed || i.InstanceID == "" || i.Attached.IsZero() {
		return false
	}
	if _, ok := i.Tags["aws:autoscaling:groupName"]; ok {
		return false
	}
	return ceilHour(i.Attached) <= r.cover.window.from
}

// outside covers on-premises and other private peers: prefix lists and named networks first.
func (r *reviewer) outside(rule *usage.Rule, peers []peerUse) []cover {
	out, peers := r.lists(rule, peers)
	var rest []peerUse
	for _, p := range peers {
		if c, ok := r.named(rule, p.addr); ok {
			out = append(out, c)
			continue
		}
		rest = append(rest, p)
	}
	return append(out, r.widen(rule, rest)...)
}

// lists picks the customer's prefix lists that the peers come from: all entries inside the old rule, and at least half of
// them seen.
func (r *reviewer) lists(rule *usage.Rule, peers []peerUse) (out []cover, rest []peerUse) {
	rest = peers
	for _, l := range r.x.Lists() {
		if l.Owner == "AWS" || !l.EntriesKnown || len(l.Entries) == 0 || !sameRegion(l, rule) {
			continue
		}
		if slices.ContainsFunc(l.Entries, func(p netip.Prefix) bool { return !within(p, rule.Peer.Prefix) }) {
			continue
		}
		seen := 0
		for _, e := range l.Entries {
			if slices.ContainsFunc(rest, func(p peerUse) bool { return e.Contains(p.addr) }) {
				seen++
			}
		}
		if seen*2 < len(l.Entries) || seen == 0 {
			continue
		}
		out = append(out, cover{analyze.Peer{PrefixListID: l.ID}, "prefix list " + l.Name + " (its entries may change)"})
		rest = slices.DeleteFunc(slices.Clone(rest), func(p peerUse) bool {
			return slices.ContainsFunc(l.Entries, func(e netip.Prefix) bool { return e.Contains(p.addr) })
		})
	}
	return out, rest
}

// sameRegion: a rule can name the prefix lists of its own region alone. An unknown region is no obstacle.
func sameRegion(l *estate.PrefixList, rule *usage.Rule) bool {
	return l.Region == "" || rule.Group.Region == "" || l.Region == rule.Group.Region
}

func (r *reviewer) named(rule *usage.Rule, a netip.Addr) (cover, bool) {
	for _, n := range r.opt.Named {
		for _, p := range n.CIDRs {
			if p.Contains(a) {
				return clip(rule, p, n.Name), true
			}
		}
	}
	return cover{}, false
}

// tidy drops doubles and prefixes inside others.
func tidy(in []cover) []cover {
	slices.SortStableFunc(in, func(a, b cover) int {
		return cmp.Or(cmp.Compare(a.peer.Prefix.Bits(), b.peer.Prefix.Bits()), a.peer.Compare(b.peer))
	})
	var out []cover
	for _, c := range in {
		inside := slices.ContainsFunc(out, func(o cover) bool {
			return o.peer == c.peer || o.peer.IsCIDR() && c.peer.IsCIDR() && within(c.peer.Prefix, o.peer.Prefix)
		})
		if !inside {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b cover) int { return a.peer.Compare(b.peer) })
	return out
}
