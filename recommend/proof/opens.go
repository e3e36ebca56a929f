package proof

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
)

// checkOpens shows that every new rule lies inside the union of the old rules of its group and direction. The service of
// the new rule is cut into cells at the borders of the old rules' services; within one cell an old rule allows all packets
// or none, so one packet stands for the cell, and what is left is a question of addresses: are the new rule's inside the
// union of those of the old rules that allow the packet? Both halves are exact.
//
// References and lists are compared by id; a new one that no old rule of the cell names counts as the set it stands for at
// the snapshot: of a group all addresses of its present members, of either family and with delegated prefixes, so that a
// reference put in the place of an IPv4 prefix opens something if a member has IPv6.
func (c *checker) checkOpens() {
	supplies := make(map[supplyKey][]netip.Prefix)
	for i, ch := range c.changes {
		b := c.rules.direction(ch.GroupID, ch.Direction)
		if b == nil {
			continue
		}
		for _, r := range b.all {
			if r.addedBy != i {
				continue
			}
			c.res.Rules++
			if gap := c.gap(r, b.all, supplies); gap != "" {
				c.refuse(Opens, i, r.RuleKey.String(), gap)
			}
		}
	}
}

// gap says what the new rule n allows that no old one does, "" if nothing.
func (c *checker) gap(n *rule, all []*rule, supplies map[supplyKey][]netip.Prefix) string {
	var old []*rule
	for _, r := range all {
		if r.addedBy == none && r.Unsupported == "" {
			old = append(old, r)
		}
	}
	for _, at := range cells(n.Service, old) {
		var sets [][]netip.Prefix
		named := false
		for _, r := range old {
			if !at.in(r.Service) {
				continue
			}
			named = named || r.Peer == n.Peer
			sets = append(sets, c.supply(r, supplies))
		}
		if named {
			continue
		}
		want, cause := c.demand(n.Peer)
		if cause != "" {
			return cause
		}
		for _, p := range want {
			if out, found := uncovered(p, slices.Concat(sets...)); found {
				return fmt.Sprintf("no old rule of the group allows %s for %s", at, out)
			}
		}
	}
	return ""
}

// demand is what a new rule's peer stands for at the snapshot, at its widest; cause says why that cannot be known.
func (c *checker) demand(p analyze.Peer) (set []netip.Prefix, cause string) {
	switch {
	case p.GroupID != "":
		members := c.world.members[p.GroupID]
		if c.world.estate.Groups[p.GroupID] == nil || len(members) == 0 {
			return nil, "no present member of " + p.GroupID + " is known, so nothing shows what it would allow"
		}
		for _, i := range members {
			for _, a := range ownAddrs(i) {
				set = append(set, netip.PrefixFrom(a, a.BitLen()))
			}
			set = append(set, i.Prefixes...)
		}
		if c.world.passesClients(p.GroupID) {
			set = append(set, worlds(set)...)
		}
		return set, ""
	case p.PrefixListID != "":
		l := c.world.estate.PrefixLists[p.PrefixListID]
		if l == nil || !l.EntriesKnown {
			return nil, "the entries of " + p.PrefixListID + " are not known, so nothing shows what it would allow"
		}
		return l.Entries, ""
	}
	return []netip.Prefix{p.Prefix}, ""
}

// worlds is 0.0.0.0/0 and ::/0, as far as set has addresses of the family.
func worlds(set []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, w := range []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)} {
		if slices.ContainsFunc(set, func(p netip.Prefix) bool { return p.Addr().BitLen() == w.Addr().BitLen() }) {
			out = append(out, w)
		}
	}
	return out
}

type supplyKey struct{ group, peer string }

// supply is what an old rule's peer surely allows at the snapshot, at its narrowest: of a referenced group only the members
// whose addresses it matches from everywhere the rule's group is carried.
func (c *checker) supply(r *rule, known map[supplyKey][]netip.Prefix) []netip.Prefix {
	switch {
	case r.Peer.PrefixListID != "":
		if l := c.world.estate.PrefixLists[r.Peer.PrefixListID]; l != nil && l.EntriesKnown {
			return l.Entries
		}
		return nil
	case r.Peer.GroupID == "":
		return []netip.Prefix{r.Peer.Prefix}
	}
	k := supplyKey{r.GroupID + " " + r.Direction.String(), r.Peer.GroupID}
	set, found := known[k]
	if !found {
		set = c.matchedMembers(r)
		known[k] = set
	}
	return set
}

func (c *checker) matchedMembers(r *rule) []netip.Prefix {
	vpcs := make(map[string]bool)
	for _, i := range c.world.members[r.GroupID] {
		vpcs[i.VPC] = true
	}
	if len(vpcs) == 0 {
		vpcs[c.world.estate.Groups[r.GroupID].VPC] = true
	}
	var set []netip.Prefix
	for _, i := range c.world.members[r.Peer.GroupID] {
		everywhere := true
		for v := range vpcs {
			way := c.world.between(v, i.VPC)
			everywhere = everywhere && (way.references || way.ingress && r.Direction == analyze.Ingress)
		}
		if !everywhere {
			continue
		}
		for _, a := range ownAddrs(i) {
			set = append(set, netip.PrefixFrom(a, a.BitLen()))
		}
		set = append(set, i.Prefixes...)
	}
	return set
}

// uncovered finds a part of p outside the union of set. Prefixes of the other family contain nothing of p (netip).
func uncovered(p netip.Prefix, set []netip.Prefix) (netip.Prefix, bool) {
	p = p.Masked()
	var parts []netip.Prefix
	for _, q := range set {
		switch {
		case q.Bits() <= p.Bits() && q.Contains(p.Addr()):
			return netip.Prefix{}, false
		case p.Contains(q.Addr()):
			parts = append(parts, q)
		}
	}
	if len(parts) == 0 {
		return p, true
	}
	low, high := halves(p)
	if out, found := uncovered(low, parts); found {
		return out, true
	}
	return uncovered(high, parts)
}

// halves of a prefix that is no single address: where a part lies inside p, p has one bit to give.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	b := p.Addr().AsSlice()
	b[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	a, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(p.Addr(), p.Bits()+1), netip.PrefixFrom(a, p.Bits()+1)
}
