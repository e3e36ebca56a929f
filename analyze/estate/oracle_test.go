package estate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
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

// TestMatchIsSoundWithLess: in a full world, the holder of an address is known, and so whether a reference to a group matches
// traffic from it. Then parts of the estate are forgotten, and addresses change hands after the conversation. What is left
// may answer maybe, but never the opposite.
func TestMatchIsSoundWithLess(t *testing.T) {
	start := uint64(time.Now().UnixNano())
	answers := map[analyze.Match]int{}
	for seed := start; seed < start+6000; seed++ {
		w, truth := fullWorld(seed)
		x := NewIndex(w.forget(truth))
		for _, c := range truth.conversations {
			subject := x.Subject(c.subject.ID)
			if subject == nil {
				continue
			}
			for _, g := range worldGroups {
				r := analyze.Rule{RuleKey: analyze.RuleKey{Direction: analyze.Ingress, Service: analyze.AllTraffic, Peer: analyze.Peer{GroupID: g}}}
				got := x.MatchPeer(r, subject, c.addr, spring, spring)
				answers[got]++
				if want := yesNo(slices.Contains(c.holder.Groups, g)); got != analyze.Maybe && got != want {
					t.Fatalf("seed %d: %s at %s (%v in %s) → %s (in %s), reference to %s: got %v, the truth is %v",
						seed, c.holder.ID, c.addr, c.holder.Groups, c.holder.VPC, c.subject.ID, c.subject.VPC, g, got, want)
				}
			}
		}
	}
	if answers[analyze.Yes] < 1000 || answers[analyze.No] < 1000 || answers[analyze.Maybe] < 1000 {
		t.Errorf("seed %d: the worlds are too tame: %v", start, answers)
	}
}

type conversation struct {
	subject, holder *Interface
	addr            netip.Addr
}

type trueWorld struct{ conversations []conversation }

// fullWorld has four VPCs: 1 and 2 are peered and have CIDRs of their own, 3 hangs on a transit gateway with 1, 4 has VPC 2's
// CIDR and no way to the others.
func fullWorld(seed uint64) (*world, trueWorld) {
	w := &world{rng: rand.New(rand.NewPCG(seed, 2)), e: &Estate{
		Groups: map[string]*Group{}, Interfaces: map[string]*Interface{}, PrefixLists: map[string]*PrefixList{}, VPCs: map[string]*VPC{},
		Subnets: map[string]*Subnet{}, Peerings: map[string]*Peering{}, AssociationsKnown: true,
	}}
	for n, block := range []string{"10.0.0.0/24", "10.1.0.0/24", "10.2.0.0/24", "10.1.0.0/24"} {
		id := worldVPCs[n]
		w.e.VPCs[id] = &VPC{ID: id, Owner: "A", Region: "r", CIDRs: []netip.Prefix{netip.MustParsePrefix(block)}}
	}
	w.e.Peerings["pcx-0"] = &Peering{ID: "pcx-0", Status: "active",
		Requester: PeeringSide{VPC: "vpc-1", Region: "r", CIDRs: w.e.VPCs["vpc-1"].CIDRs}, Accepter: PeeringSide{VPC: "vpc-2", Region: "r", CIDRs: w.e.VPCs["vpc-2"].CIDRs}}
	for _, v := range []string{"vpc-1", "vpc-3"} {
		w.e.Transit = append(w.e.Transit, &TransitAttachment{ID: "a-" + v, TransitGateway: "tgw-0", VPC: v, State: "available", GroupReferences: true})
	}
	w.e.RouteTables = []*RouteTable{{ID: "rtb-1", VPC: "vpc-1", Main: true, Routes: []Route{
		{Destination: netip.MustParsePrefix("10.0.0.0/24"), Target: "local"}, {Destination: netip.MustParsePrefix("10.1.0.0/24"), Target: "pcx-0"}, {Destination: netip.MustParsePrefix("10.2.0.0/24"), Target: "tgw-0"}}}}
	for n, id := range worldGroups {
		w.e.Groups[id] = &Group{ID: id, VPC: worldVPCs[n%3], Owner: "A", Region: "r"}
		if w.chance(20) { // also used in another VPC
			w.e.Groups[id].AssociatedVPCs = []string{pick(w, worldVPCs)}
		}
	}
	taken := map[string]bool{}
	for n := range 12 {
		i := &Interface{ID: fmt.Sprintf("eni-%02d", n), VPC: pick(w, worldVPCs), Owner: "A", Region: "r", Type: "interface", Attached: spring.AddDate(-1, 0, 0)}
		a := w.within(w.e.VPCs[i.VPC].CIDRs[0])
		if taken[i.VPC+a.String()] {
			continue
		}
		taken[i.VPC+a.String()] = true
		i.Addrs = []netip.Addr{a}
		for _, id := range worldGroups {
			if g := w.e.Groups[id]; (g.VPC == i.VPC || slices.Contains(g.AssociatedVPCs, i.VPC)) && w.chance(50) {
				i.Groups = append(i.Groups, id)
			}
		}
		w.e.Interfaces[i.ID] = i
	}
	var truth trueWorld
	reach := map[string][]string{"vpc-1": {"vpc-1", "vpc-2", "vpc-3"}, "vpc-2": {"vpc-2", "vpc-1"}, "vpc-3": {"vpc-3", "vpc-1"}, "vpc-4": {"vpc-4"}}
	for _, subject := range w.e.Interfaces {
		for _, holder := range w.e.Interfaces {
			if slices.Contains(reach[subject.VPC], holder.VPC) {
				truth.conversations = append(truth.conversations, conversation{subject, holder, holder.Addrs[0]})
			}
		}
	}
	return w, truth
}

// forget is the estate as it is seen later and in part.
func (w *world) forget(trueWorld) *Estate {
	e := *w.e
	e.Interfaces = map[string]*Interface{}
	for _, id := range sortedKeys(w.e.Interfaces) {
		old := w.e.Interfaces[id]
		if w.chance(75) {
			e.Interfaces[id] = old
			continue
		}
		if w.chance(60) { // it has gone, and another has its address now
			next := *old
			next.ID, next.Attached, next.Groups = "eni-next"+strings.TrimPrefix(id, "eni-"), july, []string{pick(w, worldGroups)}
			e.Interfaces[next.ID] = &next
		}
	}
	e.Groups = maybeWithout(w, w.e.Groups, 10)
	if w.chance(15) { // the call was denied
		e.VPCs = map[string]*VPC{}
	}
	e.Peerings = maybeWithout(w, w.e.Peerings, 20)
	if w.chance(20) {
		e.Transit = nil
	}
	if w.chance(30) {
		e.RouteTables = nil
	}
	if w.chance(30) { // nobody asked for associations
		e.AssociationsKnown = false
		for id, g := range e.Groups {
			copied := *g
			copied.AssociatedVPCs = nil
			e.Groups[id] = &copied
		}
	}
	return &e
}

func maybeWithout[V any](w *world, m map[string]V, percent int) map[string]V {
	out := map[string]V{}
	for _, k := range sortedKeys(m) {
		if !w.chance(percent) {
			out[k] = m[k]
		}
	}
	return out
}
