package estate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/sgtrim/sgtrim/analyze"
)

// world makes a small estate with much overlap.
type world struct {
	rng    *rand.Rand
	e      *Estate
	blocks []netip.Prefix
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func pick[T any](w *world, list []T) T { return list[w.rng.IntN(len(list))] }

// within is an address in the block, among its first ones.
func (w *world) within(p netip.Prefix) netip.Addr {
	a := p.Addr()
	for range w.rng.IntN(24) {
		a = a.Next()
	}
	return a
}

func newWorld(seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), e: &Estate{
		Groups: map[string]*Group{}, Interfaces: map[string]*Interface{}, PrefixLists: map[string]*PrefixList{}, VPCs: map[string]*VPC{},
		Subnets: map[string]*Subnet{}, Peerings: map[string]*Peering{},
	}}
	for _, s := range []string{"10.0.0.0/24", "10.0.0.0/16", "10.0.1.0/24", "10.1.0.0/16", "192.169.0.0/24", "2600:1:1::/56", "2600:1:2::/56", "fd00:1::/56"} {
		w.blocks = append(w.blocks, netip.MustParsePrefix(s))
	}
	w.networks()
	w.groups()
	w.interfaces()
	w.connections()
	w.e.AssociationsKnown = w.chance(70)
	return w
}

var worldVPCs = []string{"vpc-1", "vpc-2", "vpc-3", "vpc-4"}

func (w *world) networks() {
	for _, id := range worldVPCs {
		if w.chance(10) {
			continue // not described
		}
		v := &VPC{ID: id, Region: "r"}
		for range 1 + w.rng.IntN(2) {
			v.CIDRs = append(v.CIDRs, pick(w, w.blocks))
		}
		v.CIDRs = sortedPrefixes(v.CIDRs)
		w.e.VPCs[id] = v
	}
	for n, id := range worldVPCs {
		if !w.chance(60) {
			continue
		}
		t := &RouteTable{ID: fmt.Sprint("rtb-", n), VPC: id, Main: w.chance(50)}
		if w.chance(70) {
			t.Subnets = []string{"subnet-" + id}
		}
		seen := map[netip.Prefix]bool{}
		for range w.rng.IntN(4) {
			r := Route{Destination: pick(w, w.blocks), Target: pick(w, []string{"pcx-0", "pcx-1", "tgw-0", "local", "igw-1", "vpce-1"}), State: pick(w, []string{"active", "active", "blackhole"})}
			if !seen[r.Destination] {
				seen[r.Destination] = true
				t.Routes = append(t.Routes, r)
			}
		}
		w.e.RouteTables = append(w.e.RouteTables, t)
	}
	w.e.PrefixLists["pl-1"] = &PrefixList{ID: "pl-1", Owner: "AWS", EntriesKnown: true, Entries: []netip.Prefix{netip.MustParsePrefix("52.0.0.0/28")}}
	w.e.PrefixLists["pl-2"] = &PrefixList{ID: "pl-2", EntriesKnown: w.chance(50), Entries: []netip.Prefix{pick(w, w.blocks)}}
}

var worldGroups = []string{"sg-1", "sg-2", "sg-3", "sg-4"}

func (w *world) groups() {
	for _, id := range worldGroups {
		if w.chance(15) {
			continue
		}
		g := &Group{ID: id, VPC: pick(w, worldVPCs), Owner: pick(w, []string{"A", "A", "B"}), Region: "r"}
		if w.chance(20) {
			g.AssociatedVPCs = []string{pick(w, worldVPCs)}
		}
		w.e.Groups[id] = g
	}
}

func (w *world) interfaces() {
	for n := range 3 + w.rng.IntN(10) {
		i := &Interface{ID: fmt.Sprintf("eni-%02d", n), VPC: pick(w, worldVPCs), Owner: "A", Region: "r", Type: "interface"}
		if w.chance(5) {
			i.VPC = ""
		}
		if w.chance(4) {
			i.Type = "network_load_balancer"
		}
		i.Subnet = "subnet-" + i.VPC
		for range 1 + w.rng.IntN(2) {
			i.Addrs = append(i.Addrs, w.within(w.blockOf(i.VPC)))
		}
		i.Addrs = sortedAddrs(i.Addrs)
		if w.chance(15) {
			p := w.within(w.blockOf(i.VPC))
			i.Prefixes = []netip.Prefix{netip.PrefixFrom(p, p.BitLen()-4).Masked()}
		}
		for _, g := range worldGroups {
			if w.chance(35) {
				i.Groups = append(i.Groups, g)
			}
		}
		if w.chance(20) {
			i.Attached = july
		} else if w.chance(50) {
			i.Attached = spring.AddDate(-1, 0, 0)
		}
		w.e.Interfaces[i.ID] = i
	}
}

func (w *world) blockOf(vpc string) netip.Prefix {
	if v := w.e.VPCs[vpc]; v != nil && w.chance(95) {
		return pick(w, v.CIDRs)
	}
	return pick(w, w.blocks)
}

func (w *world) connections() {
	side := func() PeeringSide {
		s := PeeringSide{VPC: pick(w, worldVPCs), Region: pick(w, []string{"r", "r", "s", ""})}
		if v := w.e.VPCs[s.VPC]; v != nil {
			s.CIDRs = v.CIDRs
		} else if w.chance(60) {
			s.CIDRs = []netip.Prefix{pick(w, w.blocks)}
		}
		return s
	}
	for n := range w.rng.IntN(3) {
		p := &Peering{ID: fmt.Sprint("pcx-", n), Status: pick(w, []string{"active", "active", "deleted"}), Requester: side(), Accepter: side()}
		if p.Requester.VPC != p.Accepter.VPC {
			w.e.Peerings[p.ID] = p
		}
	}
	for n, v := range worldVPCs {
		if w.chance(35) {
			w.e.Transit = append(w.e.Transit, &TransitAttachment{ID: fmt.Sprint("a-", n), TransitGateway: pick(w, []string{"tgw-0", "tgw-0", "tgw-1"}),
				VPC: v, State: pick(w, []string{"available", "available", "deleted"}), GroupReferences: w.chance(70)})
		}
	}
}

func (w *world) peer() netip.Addr {
	if w.chance(12) {
		return addr(pick(w, []string{"8.8.8.8", "52.0.0.3", "169.254.1.1", "172.16.0.1", "2a00::1", "fd99::1"}))
	}
	return w.within(pick(w, w.blocks))
}

func (w *world) rule() analyze.Rule {
	r := analyze.Rule{RuleKey: analyze.RuleKey{Direction: pick(w, []analyze.Direction{analyze.Ingress, analyze.Egress}), Service: analyze.AllTraffic}}
	switch w.rng.IntN(8) {
	case 0:
		r.Peer.Prefix = pick(w, w.blocks)
	case 1:
		r.Peer.PrefixListID = pick(w, []string{"pl-1", "pl-2", "pl-3"})
	default:
		r.Peer.GroupID = pick(w, worldGroups)
	}
	return r
}
