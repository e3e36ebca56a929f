package estate

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
)

// The slow, obvious reading of Place and MatchPeer: loops over everything, no tables.

type slowPlacement struct {
	class   Class
	holders []string
	certain bool
	vpcs    []string // where it may be
	ways    []slowWay
}

type slowWay struct{ vpc, peering, gateway string }

func slowCIDRs(e *Estate, vpc string) []netip.Prefix {
	if v := e.VPCs[vpc]; v != nil && len(v.CIDRs) > 0 {
		return v.CIDRs
	}
	for _, id := range sortedKeys(e.Peerings) {
		for _, side := range []PeeringSide{e.Peerings[id].Requester, e.Peerings[id].Accepter} {
			if side.VPC == vpc && len(side.CIDRs) > 0 {
				return side.CIDRs
			}
		}
	}
	return nil
}

func slowContains(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

func slowHolders(e *Estate, vpc string, a netip.Addr) (out []string) {
	for _, id := range sortedKeys(e.Interfaces) {
		i := e.Interfaces[id]
		if i.VPC == vpc && (slices.Contains(i.Addrs, a) || slowContains(i.Prefixes, a)) {
			out = append(out, id)
		}
	}
	return out
}

func slowRoute(e *Estate, subject *Interface, a netip.Addr) (target string, known bool) {
	var table *RouteTable
	for _, t := range e.RouteTables {
		if slices.Contains(t.Subnets, subject.Subnet) {
			table = t
		}
	}
	for _, t := range e.RouteTables {
		if table == nil && t.Main && t.VPC == subject.VPC {
			table = t
		}
	}
	if table == nil {
		return "", false
	}
	best := -1
	for _, r := range table.Routes {
		if r.Destination.Contains(a) && r.Destination.Bits() > best {
			best, target = r.Destination.Bits(), r.Target
			if r.State == "blackhole" {
				target = ""
			}
		}
	}
	return target, true
}

func slowWays(e *Estate, own string, a netip.Addr) (ways []slowWay) {
	for _, id := range sortedKeys(e.Peerings) {
		p := e.Peerings[id]
		for _, pair := range [][2]string{{p.Requester.VPC, p.Accepter.VPC}, {p.Accepter.VPC, p.Requester.VPC}} {
			if p.Status == "active" && pair[0] == own && slowContains(slowCIDRs(e, pair[1]), a) {
				ways = append(ways, slowWay{vpc: pair[1], peering: id})
			}
		}
	}
	for _, near := range e.Transit {
		for _, far := range e.Transit {
			if near.VPC == own && far.VPC != own && near.TransitGateway == far.TransitGateway && near.State == "available" && far.State == "available" && slowContains(slowCIDRs(e, far.VPC), a) {
				ways = append(ways, slowWay{vpc: far.VPC, gateway: near.TransitGateway})
			}
		}
	}
	return ways
}

func slowPlace(e *Estate, subject *Interface, a netip.Addr, first time.Time) slowPlacement {
	own := ""
	if subject != nil {
		own = subject.VPC
	}
	in := func(vpcs []string, certain bool) slowPlacement {
		slices.Sort(vpcs)
		vpcs = slices.Compact(vpcs)
		p := slowPlacement{class: Unplaced, vpcs: vpcs}
		for _, v := range vpcs {
			p.holders = append(p.holders, slowHolders(e, v, a)...)
		}
		slices.Sort(p.holders)
		if len(p.holders) > 0 {
			p.class = Member
			p.certain = certain && len(vpcs) == 1 && len(p.holders) == 1 && !e.Interfaces[p.holders[0]].Attached.After(first)
		}
		return p
	}
	if own != "" && (len(slowHolders(e, own, a)) > 0 || slowContains(slowCIDRs(e, own), a)) {
		return in([]string{own}, true)
	}
	if own != "" {
		if ways := slowWays(e, own, a); len(ways) > 0 {
			certain := true
			if target, known := slowRoute(e, subject, a); known {
				kept := slices.DeleteFunc(slices.Clone(ways), func(w slowWay) bool { return target == "" || w.peering != target && w.gateway != target })
				if certain = len(kept) > 0; certain {
					for _, w := range ways {
						if !slices.ContainsFunc(kept, func(k slowWay) bool { return k.vpc == w.vpc }) && len(slowHolders(e, w.vpc, a)) > 0 {
							certain = false // the routes of another day may have led there
						}
					}
					ways = kept
				}
			}
			var vpcs []string
			for _, w := range ways {
				vpcs = append(vpcs, w.vpc)
			}
			p := in(vpcs, certain)
			p.ways = ways
			return p
		}
	}
	var elsewhere []string
	all := sortedKeys(e.VPCs)
	for _, p := range e.Peerings {
		all = append(all, p.Requester.VPC, p.Accepter.VPC)
	}
	slices.Sort(all)
	for _, v := range slices.Compact(all) {
		if v != own && slowContains(slowCIDRs(e, v), a) {
			elsewhere = append(elsewhere, v)
		}
	}
	if len(elsewhere) == 1 {
		return in(elsewhere, false)
	}
	switch {
	case netip.MustParsePrefix("169.254.0.0/16").Contains(a):
		return slowPlacement{class: AWS, certain: true}
	case analyze.PrivateAddr(a) && (own == "" || slowCIDRs(e, own) == nil):
		return slowPlacement{class: Unplaced}
	case analyze.PrivateAddr(a):
		return slowPlacement{class: ExternalPrivate, certain: true}
	}
	for _, l := range e.PrefixLists {
		if l.Owner == "AWS" && slowContains(l.Entries, a) {
			return slowPlacement{class: AWS, certain: true}
		}
	}
	return slowPlacement{class: Internet, certain: true}
}

// slowInSomeVPC is true, too, when some VPC that anything in the estate is of has unknown CIDRs.
func slowInSomeVPC(e *Estate, a netip.Addr) bool {
	named := sortedKeys(e.VPCs)
	for _, g := range e.Groups {
		named = append(named, g.VPC)
	}
	for _, i := range e.Interfaces {
		if i.VPC != "" {
			named = append(named, i.VPC)
		}
	}
	for _, p := range e.Peerings {
		if p.Status == "active" {
			named = append(named, p.Requester.VPC, p.Accepter.VPC)
		}
	}
	for _, t := range e.Transit {
		if t.State == "available" {
			named = append(named, t.VPC)
		}
	}
	for _, t := range e.RouteTables {
		named = append(named, t.VPC)
	}
	return slices.ContainsFunc(named, func(v string) bool {
		c := slowCIDRs(e, v)
		return c == nil || slowContains(c, a)
	}) || slices.ContainsFunc(sortedKeys(e.Peerings), func(id string) bool {
		p := e.Peerings[id]
		return slowContains(slowCIDRs(e, p.Requester.VPC), a) || slowContains(slowCIDRs(e, p.Accepter.VPC), a)
	})
}

func slowMiddlebox(e *Estate, vpc string) bool {
	for _, t := range e.RouteTables {
		if t.VPC != vpc || !t.Main && len(t.Subnets) == 0 {
			continue
		}
		for _, r := range t.Routes {
			for _, c := range slowCIDRs(e, vpc) {
				if r.Target != "local" && c.Overlaps(r.Destination) && r.Destination.Bits() >= c.Bits() {
					return true
				}
			}
		}
	}
	return false
}

func slowReferenceWorks(e *Estate, r analyze.Rule, own string, w slowWay) bool {
	if p := e.Peerings[w.peering]; p != nil {
		return p.Requester.Region != "" && p.Requester.Region == p.Accepter.Region
	}
	works := 0
	for _, t := range e.Transit {
		if t.TransitGateway == w.gateway && (t.VPC == own || t.VPC == w.vpc) && t.GroupReferences {
			works++
		}
	}
	return works == 2 && r.Direction == analyze.Ingress
}

func slowMatch(e *Estate, r analyze.Rule, subject *Interface, a netip.Addr, first time.Time) analyze.Match {
	switch {
	case r.Peer.Prefix.IsValid():
		return yesNo(r.Peer.Prefix.Contains(a))
	case r.Peer.PrefixListID != "":
		l := e.PrefixLists[r.Peer.PrefixListID]
		if l == nil || !l.EntriesKnown {
			return analyze.Maybe
		}
		return yesNo(slowContains(l.Entries, a))
	}
	group := r.Peer.GroupID
	if subject == nil {
		return analyze.Maybe
	}
	vpcs := map[string]bool{}
	witnessed := false
	g := e.Groups[group]
	for _, i := range e.Interfaces {
		if slices.Contains(i.Groups, group) {
			if i.Type == "network_load_balancer" || i.Type == "global_accelerator_managed" {
				return analyze.Maybe
			}
			vpcs[i.VPC] = true
		}
		witnessed = witnessed || g != nil && i.Owner == g.Owner && i.Region == g.Region
	}
	p := slowPlace(e, subject, a, first)
	if p.class == Member && p.certain && slices.Contains(e.Interfaces[p.holders[0]].Groups, group) {
		vpc := e.Interfaces[p.holders[0]].VPC
		if slowMiddlebox(e, subject.VPC) || slowMiddlebox(e, vpc) {
			return analyze.Maybe
		}
		if vpc == subject.VPC || slices.ContainsFunc(p.ways, func(w slowWay) bool { return slowReferenceWorks(e, r, subject.VPC, w) }) {
			return analyze.Yes
		}
		return analyze.Maybe
	}
	if g == nil || !witnessed {
		return analyze.Maybe
	}
	if p.class == Internet || p.class == AWS || p.class == Member && p.certain {
		return analyze.No
	}
	if !e.AssociationsKnown && (p.class == Unplaced || slowInSomeVPC(e, a)) {
		return analyze.Maybe
	}
	vpcs[g.VPC] = true
	for _, v := range g.AssociatedVPCs {
		vpcs[v] = true
	}
	for v := range vpcs {
		if c := slowCIDRs(e, v); c == nil || slowContains(c, a) {
			return analyze.Maybe
		}
	}
	return analyze.No
}

func TestPlaceAndMatchAgainstOracle(t *testing.T) {
	start := uint64(time.Now().UnixNano())
	classes, matches := map[Class]int{}, map[analyze.Match]int{}
	certain := 0
	for seed := start; seed < start+4000; seed++ {
		w := newWorld(seed)
		x := NewIndex(w.e)
		for range 40 {
			subject := w.e.Interfaces[pick(w, sortedKeys(w.e.Interfaces))]
			if w.chance(3) {
				subject = nil
			}
			a := w.peer()
			got, want := x.Place(subject, a, spring, july), slowPlace(w.e, subject, a, spring)
			holders := ids(got.Interfaces)
			slices.Sort(holders)
			if got.Class != want.class || got.Certain != want.certain || !slices.Equal(holders, want.holders) || len(want.vpcs) == 1 && got.VPC.ID != want.vpcs[0] {
				t.Fatalf("seed %d: place %s from %+v:\n got %v certain=%v %v\nwant %+v", seed, a, subject, got.Class, got.Certain, holders, want)
			}
			classes[got.Class]++
			if got.Certain {
				certain++
			}
			r := w.rule()
			gotMatch, wantMatch := x.MatchPeer(r, subject, a, spring, july), slowMatch(w.e, r, subject, a, spring)
			if gotMatch != wantMatch {
				t.Fatalf("seed %d: match %v, peer %s of %+v: got %v want %v (place %+v)", seed, r.Peer, a, subject, gotMatch, wantMatch, want)
			}
			matches[gotMatch]++
		}
	}
	for c := range Class(len(classNames)) {
		if classes[c] < 500 {
			t.Errorf("seed %d: only %d placements of class %v: the worlds are too tame", start, classes[c], c)
		}
	}
	if matches[analyze.No] < 500 || matches[analyze.Maybe] < 500 || matches[analyze.Yes] < 500 || certain < 500 {
		t.Errorf("seed %d: the worlds are too tame: %v, %d certain", start, matches, certain)
	}
}
