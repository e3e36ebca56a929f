package estate

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gaissmai/bart"
)

// Index answers the questions of the join: who holds an address within a subject's reach, and whether a rule matches a peer.
// It is made once from an estate, never changes, and may be used from several goroutines.
type Index struct {
	e          *Estate
	networks   map[string]*network   // by VPC id
	everywhere multi[*network]       // the CIDRs of all VPCs
	public     map[netip.Addr]string // the name of our own interface behind a public address
	awsLists   multi[*PrefixList]
	ownLists   multi[*PrefixList]    // of customers: names for networks outside
	listNames  map[string]string     // for people, by list id
	lists      map[string]*bart.Lite // entries of the lists whose entries are known
	changing   changing
	members    map[string][]*Interface
	former     map[string][]*Interface // earlier states that carried the group
	states     map[string][]*Interface // by interface: its states in order of time, where there are earlier ones
	homes      map[string][]*network   // the VPCs in which a group is known to be used; nil stands for one that is not known
	balanced   map[string]bool         // groups carried by an NLB or Global Accelerator interface [F 2.5]
	names      map[*Interface]string
	ranges     rangeNames
	routes     map[string]*routing // by subnet id
	mainRoutes map[string]*routing // by VPC id
	witnessed  map[Scope]bool      // account and region of which interfaces are in the estate
	described  map[vpcOwner]bool   // VPC and account of which groups are
	// unknownVPCs says that something in the estate is of a VPC whose CIDRs are not in the input.
	unknownVPCs bool
}

type vpcOwner struct{ vpc, owner string }

// network is one VPC with the machines in it and the ways out of it.
type network struct {
	vpc       *VPC
	known     bool // the VPC's CIDRs are in the input
	routed    bool // some route table of the VPC is
	cidrs     bart.Lite
	subnets   bart.Table[*Subnet]
	hosts     map[netip.Addr][]*Interface
	delegated multi[*Interface]
	peers     multi[way]
	peerings  []way
	transit   []*gateway
	middlebox bool // a route inside the VPC's own CIDRs leads through something [F 2.5]
}

// way leads from one VPC into another.
type way struct {
	to      *network
	peering *Peering
	transit *gateway
	// references says that a rule of the near side may reference groups of the far side: for ingress only through a
	// transit gateway [F 5].
	references bool
}

// gateway is a transit gateway with the VPCs attached to it.
type gateway struct {
	id       string
	cidrs    multi[*network]
	attached map[*network]*TransitAttachment
}

// NewIndex builds the index of e, which must not change after.
func NewIndex(e *Estate) *Index {
	x := &Index{
		e: e, networks: map[string]*network{}, public: map[netip.Addr]string{}, lists: map[string]*bart.Lite{},
		listNames: map[string]string{},
		members:   map[string][]*Interface{}, former: map[string][]*Interface{}, states: map[string][]*Interface{}, homes: map[string][]*network{}, balanced: map[string]bool{}, names: map[*Interface]string{},
		routes: map[string]*routing{}, mainRoutes: map[string]*routing{}, witnessed: map[Scope]bool{}, described: map[vpcOwner]bool{},
	}
	x.indexNetworks()
	x.indexInterfaces()
	x.indexPast()
	x.indexLists()
	x.indexChanging()
	x.indexRanges()
	x.indexRoutes()
	x.indexPeerings()
	x.indexTransit()
	x.indexGroups()
	return x
}

// indexGroups notes in which VPCs groups are. It comes last: only then all networks are there.
func (x *Index) indexGroups() {
	for id, g := range x.e.Groups {
		x.described[vpcOwner{g.VPC, g.Owner}] = true
		x.unknownVPCs = x.unknownVPCs || x.networks[g.VPC] == nil
		seen := map[string]bool{g.VPC: true}
		for _, v := range g.AssociatedVPCs {
			seen[v] = true
		}
		for _, i := range slices.Concat(x.members[id], x.former[id]) {
			seen[i.VPC] = true
		}
		for _, v := range sortedKeys(seen) {
			x.homes[id] = append(x.homes[id], x.networks[v])
		}
	}
	for _, n := range x.networks {
		x.unknownVPCs = x.unknownVPCs || !n.known
	}
}

// Estate is what the index was made of.
func (x *Index) Estate() *Estate { return x.e }

func (x *Index) network(vpc string) *network {
	n := x.networks[vpc]
	if n == nil {
		n = &network{vpc: &VPC{ID: vpc}, hosts: map[netip.Addr][]*Interface{}}
		x.networks[vpc] = n
	}
	return n
}

func (x *Index) indexNetworks() {
	for _, id := range sortedKeys(x.e.VPCs) {
		n := x.network(id)
		n.vpc = x.e.VPCs[id]
		n.setCIDRs(n.vpc.CIDRs)
	}
	for _, id := range sortedKeys(x.e.Peerings) { // of VPCs in other accounts, the CIDRs are known from here only
		p := x.e.Peerings[id]
		for _, side := range []PeeringSide{p.Requester, p.Accepter} {
			if side.VPC == "" || len(side.CIDRs) == 0 {
				continue
			}
			if n := x.network(side.VPC); !n.known {
				n.vpc = &VPC{ID: side.VPC, Owner: side.Owner, Region: side.Region, CIDRs: side.CIDRs}
				n.setCIDRs(side.CIDRs)
			}
		}
	}
	for _, id := range sortedKeys(x.networks) {
		for _, p := range x.networks[id].vpc.CIDRs {
			x.everywhere.add(p, x.networks[id])
		}
	}
	x.everywhere.flatten()
	for _, id := range sortedKeys(x.e.Subnets) {
		s := x.e.Subnets[id]
		for _, p := range s.CIDRs {
			x.network(s.VPC).subnets.Insert(p, s)
		}
	}
}

func (n *network) setCIDRs(list []netip.Prefix) {
	n.known = len(list) > 0
	for _, p := range list {
		n.cidrs.Insert(p)
	}
}

func (x *Index) indexInterfaces() {
	ids := sortedKeys(x.e.Interfaces)
	all := make([]*Interface, len(ids))
	for k, id := range ids {
		i := x.e.Interfaces[id]
		all[k] = i
		one := all[k : k+1 : k+1]
		if i.VPC != "" { // else nobody knows where its addresses are
			x.network(i.VPC).addHost(i, one)
		}
		for _, g := range i.Groups {
			x.members[g] = append(x.members[g], i)
			x.balanced[g] = x.balanced[g] || forwardsForeignClients(i)
		}
		x.names[i] = interfaceName(i)
		for _, a := range i.PublicAddrs {
			x.public[a] = x.names[i]
		}
		x.witnessed[Scope{Account: i.Owner, Region: i.Region}] = true
	}
}

// indexPast adds the earlier states of interfaces: they hold addresses and carry groups in their time.
func (x *Index) indexPast() {
	for k, i := range x.e.Past {
		if i.VPC != "" {
			x.network(i.VPC).addHost(i, x.e.Past[k:k+1:k+1])
		}
		for _, g := range i.Groups {
			x.former[g] = append(x.former[g], i)
			x.balanced[g] = x.balanced[g] || forwardsForeignClients(i)
		}
		x.names[i] = interfaceName(i)
		x.witnessed[Scope{Account: i.Owner, Region: i.Region}] = true
		x.states[i.ID] = append(x.states[i.ID], i)
	}
	for id := range x.states {
		if now := x.e.Interfaces[id]; now != nil {
			x.states[id] = append(x.states[id], now)
		}
	}
	for _, n := range x.networks {
		n.delegated.flatten()
	}
}

// addHost notes the interface's addresses; one is the shared list of just it.
func (n *network) addHost(i *Interface, one []*Interface) {
	for _, a := range i.Addrs {
		if n.hosts[a] == nil {
			n.hosts[a] = one
		} else {
			n.hosts[a] = append(slices.Clip(n.hosts[a]), i)
		}
	}
	for _, p := range i.Prefixes {
		n.delegated.add(p, i)
	}
}

// forwardsForeignClients says that a reference to a group of this interface matches traffic of other addresses than its own.
func forwardsForeignClients(i *Interface) bool {
	return i.Type == "network_load_balancer" || i.Type == "global_accelerator_managed"
}

func (x *Index) indexLists() {
	for _, id := range sortedKeys(x.e.PrefixLists) {
		l := x.e.PrefixLists[id]
		if !l.EntriesKnown {
			continue
		}
		x.lists[id] = &bart.Lite{}
		x.listNames[id] = "prefix list " + cmp.Or(l.Name, l.ID)
		for _, p := range l.Entries {
			x.lists[id].Insert(p)
			if l.Owner == "AWS" {
				x.awsLists.add(p, l)
			} else if p.Bits() > 0 {
				x.ownLists.add(p, l)
			}
		}
	}
	x.awsLists.flatten()
	x.ownLists.flatten()
}

func (x *Index) indexPeerings() {
	for _, id := range sortedKeys(x.e.Peerings) {
		p := x.e.Peerings[id]
		if p.Status != "active" || p.Requester.VPC == "" || p.Accepter.VPC == "" {
			continue
		}
		a, b := x.network(p.Requester.VPC), x.network(p.Accepter.VPC)
		region := p.Requester.Region
		same := region != "" && region == p.Accepter.Region // inter-region peering carries CIDR rules only [F 5]
		a.addPeer(way{to: b, peering: p, references: same})
		b.addPeer(way{to: a, peering: p, references: same})
	}
	for _, n := range x.networks {
		n.peers.flatten()
	}
}

func (n *network) addPeer(w way) {
	n.peerings = append(n.peerings, w)
	for _, p := range w.to.vpc.CIDRs {
		n.peers.add(p, w)
	}
}

func (x *Index) indexTransit() {
	gateways := map[string]*gateway{}
	for _, t := range x.e.Transit {
		if t.VPC == "" || t.State != "available" && t.State != "modifying" {
			continue
		}
		g := gateways[t.TransitGateway]
		if g == nil {
			g = &gateway{id: t.TransitGateway, attached: map[*network]*TransitAttachment{}}
			gateways[g.id] = g
		}
		n := x.network(t.VPC)
		if g.attached[n] != nil {
			continue
		}
		g.attached[n] = t
		n.transit = append(n.transit, g)
		for _, p := range n.vpc.CIDRs {
			g.cidrs.add(p, n)
		}
	}
	for _, g := range gateways {
		g.cidrs.flatten()
	}
}

// Subject is the interface of this id, nil when the estate does not have it.
func (x *Index) Subject(id string) *Interface { return x.e.Interfaces[id] }

// Name is the interface for people: its Name tag, instance, service …
func (x *Index) Name(i *Interface) string { return x.names[i] }

// StatesOf are the states that the interface may have been in from first to last, and whether there was but that one: none
// of an interface that nobody has recorded. Of any part of the stretch, around that time, the answer is the same.
func (x *Index) StatesOf(id string, first, last time.Time) (states []*Interface, sure bool, same Stretch) {
	all, same := x.states[id], always
	if all == nil {
		if now := x.e.Interfaces[id]; now != nil {
			return []*Interface{now}, true, same
		}
		return nil, false, same
	}
	for _, i := range all {
		same = same.between(i.When(), first, last)
	}
	states, sure = among(all, first, last)
	return states, sure, same
}

// Former lists the earlier states that carried the group, by interface and time.
func (x *Index) Former(group string) []*Interface { return x.former[group] }

// Recorded reports whether the estate knows of the interface, at any time.
func (x *Index) Recorded(id string) bool { return x.e.Interfaces[id] != nil || len(x.states[id]) > 0 }

// IsLocal reports whether the address is, or was, one of the interface's own: an address of it, or one in a prefix delegated
// to it.
func (x *Index) IsLocal(id string, addr netip.Addr) bool {
	addr = addr.Unmap()
	if now := x.e.Interfaces[id]; now != nil && now.holds(addr) {
		return true
	}
	return slices.ContainsFunc(x.states[id], func(i *Interface) bool { return i.holds(addr) })
}

func (i *Interface) holds(addr netip.Addr) bool {
	if _, ok := slices.BinarySearchFunc(i.Addrs, addr, netip.Addr.Compare); ok {
		return true
	}
	return slices.ContainsFunc(i.Prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// Members lists the interfaces that carry the group, by id.
func (x *Index) Members(group string) []*Interface { return x.members[group] }

// PassesClients reports whether a reference to the group matches traffic that keeps the address of a client behind a network
// load balancer or accelerator, whoever that is [F 2.5].
func (x *Index) PassesClients(group string) bool { return x.balanced[group] }

// MemberAddrs lists what a reference to the group stands for now: private IPv4 and IPv6 addresses and delegated prefixes of
// its members, sorted. Public addresses never match a reference [F 5].
func (x *Index) MemberAddrs(group string) []netip.Prefix {
	var list []netip.Prefix
	for _, i := range x.members[group] {
		for _, a := range i.Addrs {
			list = append(list, netip.PrefixFrom(a, a.BitLen()))
		}
		list = append(list, i.Prefixes...)
	}
	return sortedPrefixes(list)
}

// holders lists the interfaces of the VPC that hold the address.
func (n *network) holders(addr netip.Addr) []*Interface {
	direct, pods := n.hosts[addr], n.delegated.lookup(addr)
	if len(pods) == 0 {
		return direct
	}
	if len(direct) == 0 {
		return pods
	}
	all := slices.Concat(direct, pods)
	slices.SortFunc(all, func(a, b *Interface) int { return strings.Compare(a.ID, b.ID) })
	return slices.Compact(all)
}

// multi finds every value whose prefix contains an address; a plain longest-prefix table would hide the shorter ones.
type multi[V comparable] struct{ table *bart.Table[[]V] } // nil when empty

// add notes a value; flatten must follow before lookup.
func (m *multi[V]) add(p netip.Prefix, v V) {
	if m.table == nil {
		m.table = new(bart.Table[[]V])
	}
	m.table.Modify(p, func(old []V, _ bool) ([]V, bool) {
		if slices.Contains(old, v) {
			return old, false
		}
		return append(old, v), false
	})
}

// flatten gives every prefix the values of the prefixes around it too.
func (m *multi[V]) flatten() {
	if m.table == nil {
		return
	}
	flat := new(bart.Table[[]V])
	for p := range m.table.All() {
		var all []V
		for _, values := range m.table.Supernets(p) {
			for _, v := range values {
				if !slices.Contains(all, v) {
					all = append(all, v)
				}
			}
		}
		flat.Insert(p, all)
	}
	m.table = flat
}

func (m *multi[V]) lookup(addr netip.Addr) []V {
	if m.table == nil {
		return nil
	}
	v, _ := m.table.Lookup(addr)
	return v
}

// List returns a prefix list of the estate, nil when it is not there.
func (x *Index) List(id string) *PrefixList { return x.e.PrefixLists[id] }

// Lists returns the prefix lists of the estate by id.
func (x *Index) Lists() []*PrefixList {
	out := make([]*PrefixList, 0, len(x.e.PrefixLists))
	for _, id := range sortedKeys(x.e.PrefixLists) {
		out = append(out, x.e.PrefixLists[id])
	}
	return out
}

// Public reports whether an interface of the estate has the public address.
func (x *Index) Public(addr netip.Addr) bool {
	_, ok := x.public[addr.Unmap()]
	return ok
}
