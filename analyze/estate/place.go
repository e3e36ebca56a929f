package estate

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
)

// Class says what kind of place an address is, as seen from one interface.
type Class uint8

const (
	Internet        Class = iota // public, and of nobody in the estate
	AWS                          // in an AWS-managed prefix list, or link-local, which AWS's own services use
	ExternalPrivate              // private, and in no VPC within reach: on-premises, or a network not in the estate
	Unplaced                     // in a VPC within reach, but no interface is known to have held it then
	Member                       // an interface holds it
)

var classNames = [...]string{"internet", "aws", "external-private", "unplaced", "member"}

func (c Class) String() string { return classNames[c] }

// InEstate reports whether the address belongs to a VPC of the estate.
func (c Class) InEstate() bool { return c == Unplaced || c == Member }

// Placement says who is behind an address.
type Placement struct {
	Class Class
	// Interfaces that may have held the address, by id; of a Member. More than one when several claim it, or when it went from
	// one to another about then. Shared: not to be changed.
	Interfaces []*Interface
	// Certain is true of a Member when one interface surely held the address all the time of the conversation, or is the only
	// one that can have, and the way to it is plain. Of other classes: that it is of that class and no other. Never true of Unplaced: somebody held it then.
	Certain bool
	// Complete is true of an uncertain Member when it was surely one of Interfaces: the record tells when the address went
	// from one to another to the minute.
	Complete bool
	// Lists is what each prefix list whose entries change says of the address, for MatchPlaced; for others to compare.
	Lists string
	// Same is the stretch around the time asked about of which any part has the same answer. It is empty where something changed
	// in that very time, or may have: then parts of it may be surer.
	Same   Stretch
	Subnet *Subnet // nil when unknown
	VPC    *VPC    // nil when unknown; of a VPC that is not in the estate, with what its peering tells
	Name   string  // for people: an instance, service, subnet, VPC, list …

	network *network
	ways    []way // how the subject's VPC reaches it; nil within the VPC itself
}

// nobody is the name of public addresses that nothing else names.
const nobody = "Internet"

// Stranger reports whether nothing is known of the address but that it is public.
func (p *Placement) Stranger() bool { return p.Class == Internet && p.Name == nobody }

// Place says who held the address within the subject's reach: its own VPC, peered VPCs, VPCs on the same transit gateway,
// and with less certainty a VPC elsewhere in the estate when only one has such a CIDR. The conversation lasted from first to
// last. Without a history, an interface counts as having been as it is since it was attached, and where that is not known,
// always. Public addresses of the estate's own interfaces are Internet: no rule sees the machine behind them [F 5].
func (x *Index) Place(subject *Interface, addr netip.Addr, first, last time.Time) Placement {
	addr = addr.Unmap()
	p := x.placeAddr(subject, addr, first, last)
	x.placeLists(&p, addr, first, last)
	return p
}

func (x *Index) placeAddr(subject *Interface, addr netip.Addr, first, last time.Time) Placement {
	var own *network
	if subject != nil && subject.VPC != "" {
		own = x.networks[subject.VPC]
	}
	if own != nil {
		if p, ok := x.placeIn(own, addr, first, last, true); ok {
			return p
		}
		if p, ok := x.placeNear(own, subject, addr, first, last); ok {
			return p
		}
	}
	if p, ok := x.placeElsewhere(own, addr, first, last); ok {
		return p
	}
	p := x.placeOutside(own, addr)
	p.Same = always
	return p
}

// placeIn looks into one VPC.
func (x *Index) placeIn(n *network, addr netip.Addr, first, last time.Time, certain bool) (Placement, bool) {
	p := Placement{network: n, VPC: n.vpc, Certain: certain, Same: always}
	holders := n.holders(addr)
	if len(holders) == 0 && !n.cidrs.Lookup(addr) {
		return p, false
	}
	p.Subnet, _ = n.subnets.Lookup(addr)
	x.hold(&p, holders, first, last)
	return p, true
}

// hold completes a placement by the interfaces that hold, or ever held, the address.
func (x *Index) hold(p *Placement, holders []*Interface, first, last time.Time) {
	who, sure := among(holders, first, last)
	for _, i := range holders {
		p.Same = p.Same.between(i.When(), first, last)
	}
	if len(who) == 0 {
		p.Class, p.Certain, p.Name = Unplaced, false, networkName(p.Subnet, p.VPC)
		return
	}
	p.Class, p.Interfaces, p.Name = Member, who, x.names[who[0]]
	p.Complete = p.Certain && !slices.ContainsFunc(who, func(i *Interface) bool { return i.Life == (Life{}) || !i.Life.Sharp(first, last) })
	p.Certain = p.Certain && (sure || p.Complete && len(who) == 1) // somebody held it, and there is nobody else
	if p.Subnet == nil {
		p.Subnet = x.e.Subnets[who[0].Subnet]
	}
}

// among are those of the states that may have been so from first to last. Where one surely was, the others that were so only
// before or after are ruled out, for an address of a VPC has one holder at a time.
func among(states []*Interface, first, last time.Time) (who []*Interface, sure bool) {
	var one *Interface
	touching := 0
	for _, i := range states {
		if !i.When().Touches(first, last) {
			continue
		}
		touching++
		if i.When().Covers(first, last) {
			one = i
		}
	}
	if touching == len(states) {
		who = states
	}
	if one != nil && !slices.ContainsFunc(states, func(i *Interface) bool {
		return i != one && i.When().Touches(first, last) && i.When().meets(one.When())
	}) {
		if len(states) > 1 {
			who = []*Interface{one}
		}
		return who, true
	}
	if who == nil && touching > 0 {
		who = slices.DeleteFunc(slices.Clone(states), func(i *Interface) bool { return !i.When().Touches(first, last) })
	}
	return who, false
}

// placeNear looks into the VPCs that the subject's VPC is connected to. Where several of them have such a CIDR, the subject's
// route table decides; where it sends the address elsewhere, nothing is certain.
func (x *Index) placeNear(own *network, subject *Interface, addr netip.Addr, first, last time.Time) (Placement, bool) {
	var room [4]way
	ways := append(room[:0], own.peers.lookup(addr)...)
	for _, g := range own.transit {
		for _, n := range g.cidrs.lookup(addr) {
			if n != own {
				ways = append(ways, own.through(g, n))
			}
		}
	}
	if len(ways) == 0 {
		return Placement{}, false
	}
	certain := true
	if target, known := x.routeFrom(subject, addr); known {
		kept := keepRouted(ways, target)
		certain = len(kept) > 0 && !heldElsewhere(ways, kept, addr)
		if len(kept) > 0 {
			ways = kept
		}
	}
	p, ok := x.placeIn(ways[0].to, addr, first, last, certain)
	for k, w := range ways {
		if k == 0 || slices.ContainsFunc(ways[:k], func(o way) bool { return o.to == w.to }) {
			continue // looked into already: two ways may lead to one VPC
		}
		if other, found := x.placeIn(w.to, addr, first, last, false); found {
			p = x.either(p, other, first, last)
		}
	}
	if p.Class == Member {
		p.ways = append([]way(nil), ways...)
	}
	return p, ok
}

// heldElsewhere reports whether an interface holds the address in a VPC that the route does not lead to now. Routes change and
// the estate knows one time, so then nothing is certain.
func heldElsewhere(ways, kept []way, addr netip.Addr) bool {
	return slices.ContainsFunc(ways, func(w way) bool {
		return len(w.to.holders(addr)) > 0 && !slices.ContainsFunc(kept, func(k way) bool { return k.to == w.to })
	})
}

// through is the way over a transit gateway.
func (n *network) through(g *gateway, to *network) way {
	return way{to: to, transit: g, references: g.attached[n].GroupReferences && g.attached[to].GroupReferences}
}

// keepRouted keeps the ways that a route with this target takes.
func keepRouted(ways []way, target string) []way {
	var kept []way
	for _, w := range ways {
		if w.peering != nil && w.peering.ID == target || w.transit != nil && w.transit.id == target {
			kept = append(kept, w)
		}
	}
	return kept
}

// either joins the placements in two VPCs of which one is right.
func (x *Index) either(a, b Placement, first, last time.Time) Placement {
	holders := append(append([]*Interface(nil), a.Interfaces...), b.Interfaces...)
	if len(a.Interfaces) == 0 && len(b.Interfaces) > 0 {
		a.Subnet, a.VPC, a.network = b.Subnet, b.VPC, b.network
	}
	a.Certain, a.Same = false, a.Same.And(b.Same)
	x.hold(&a, holders, first, last)
	return a
}

// placeElsewhere looks into VPCs that nothing is known to connect to the subject's. Only a CIDR that one VPC alone has tells
// anything, and that never surely.
func (x *Index) placeElsewhere(own *network, addr netip.Addr, first, last time.Time) (Placement, bool) {
	var only *network
	for _, n := range x.everywhere.lookup(addr) {
		switch {
		case n == own:
		case only != nil:
			return Placement{}, false
		default:
			only = n
		}
	}
	if only == nil {
		return Placement{}, false
	}
	return x.placeIn(only, addr, first, last, false)
}

var linkLocal = netip.MustParsePrefix("169.254.0.0/16")

func (x *Index) placeOutside(own *network, addr netip.Addr) Placement {
	switch {
	case linkLocal.Contains(addr):
		return Placement{Class: AWS, Certain: true, Name: "AWS link-local services"}
	case analyze.PrivateAddr(addr):
		if own == nil || !own.known { // it may well be in the subject's own VPC
			p := Placement{Class: Unplaced, Name: "private address"}
			if own != nil {
				p.VPC, p.network = own.vpc, own
				p.Subnet, _ = own.subnets.Lookup(addr)
				p.Name = networkName(p.Subnet, p.VPC)
			}
			return p
		}
		return Placement{Class: ExternalPrivate, Certain: true, Name: x.listName(addr, "private network outside the estate")}
	}
	if lists := x.awsLists.lookup(addr); len(lists) > 0 {
		return Placement{Class: AWS, Certain: true, Name: lists[0].Name}
	}
	if name, ok := x.public[addr]; ok {
		return Placement{Class: Internet, Certain: true, Name: "public address of " + name}
	}
	return Placement{Class: Internet, Certain: true, Name: x.listName(addr, cmp.Or(x.ranges.lookup(addr), nobody))}
}

// listName is the name of the narrowest prefix list that has the address, or other.
func (x *Index) listName(addr netip.Addr, other string) string {
	if lists := x.ownLists.lookup(addr); len(lists) > 0 {
		return x.listNames[lists[0].ID]
	}
	return other
}
