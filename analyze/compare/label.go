package compare

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// By says what parties are called by.
type By struct {
	What What
	Key  string // of ByTag
}

// What names a party.
type What uint8

const (
	ByTag       What = iota // the value of a tag of the interface, else of its groups
	ByGroupName             // the names of its groups
	BySubnet                // the Name of its subnet, else the id
	ByNetwork               // the named network of its address, else the Name or id of its VPC, else its /24 or /64
)

// NeedsEstate reports whether the logs alone cannot tell such names.
func (b By) NeedsEstate() bool { return b.What != ByNetwork }

// Network is a name for addresses.
type Network struct {
	Name  string
	CIDRs []netip.Prefix
}

// party is one end of a conversation.
type party struct {
	name    string
	among   string // as a client, one among others: its network, where it has no name but its address
	place   string // where it is: a subnet or network, for people
	outside bool   // it is nobody of ours, nor private
	unknown bool   // it was of ours, and what it was called cannot be told
}

const internet = "internet" // all addresses that nobody has named

// labeler names the parties of one side.
type labeler struct {
	opt   Options
	side  Side
	later *labeler // of the side after, for the side before
	peers map[peerKey]party
	owns  map[ownKey]party
	local map[string]netip.Addr // an own address of interfaces, as the logs tell
}

func newLabeler(opt Options, side Side, later *labeler) *labeler {
	return &labeler{opt: opt, side: side, later: later, peers: map[peerKey]party{}, owns: map[ownKey]party{}, local: map[string]netip.Addr{}}
}

type peerKey struct {
	vpc  string
	addr netip.Addr
}

type ownKey struct {
	id   string
	addr netip.Addr
}

// parties of a conversation: of the interface, and of its peer.
func (l *labeler) parties(c *orient.Conversation) (own, peer party) {
	if c.Direction != analyze.DirectionUnknown {
		l.local[c.Interface] = c.Local
	}
	vpc := l.side.Attributes[c.Interface].VPC
	subject := l.subject(c.Interface)
	if subject != nil {
		vpc = subject.VPC
	}
	k := peerKey{vpc, c.Peer.Unmap()}
	peer, ok := l.peers[k]
	if !ok {
		peer = l.renamed(l.peer(subject, c))
		if !peer.outside { // visitors are many, and come once
			l.peers[k] = peer
		}
	}
	return l.own(c.Interface, c.Local), peer
}

func (l *labeler) subject(id string) *estate.Interface {
	if l.side.Index == nil {
		return nil
	}
	return l.side.Index.Subject(id)
}

// address is an own address of an interface, as far as known.
func (l *labeler) address(id string) netip.Addr {
	if i := l.subject(id); i != nil && len(i.Addrs) > 0 {
		return i.Addrs[0]
	}
	return l.local[id]
}

// own names an interface.
func (l *labeler) own(id string, addr netip.Addr) party {
	k := ownKey{id, addr}
	p, ok := l.owns[k]
	if ok {
		return p
	}
	if i := l.subject(id); i != nil {
		p = l.member(i, addr)
	} else {
		p = l.gone(id, addr)
	}
	p = l.renamed(p)
	l.owns[k] = p
	return p
}

// renamed gives a party of the side before the name that it has after.
func (l *labeler) renamed(p party) party {
	if l.later != nil {
		p.name, p.among = l.opt.Map.name(p.name), l.opt.Map.name(p.among)
	}
	return p
}

// member names an interface of the estate.
func (l *labeler) member(i *estate.Interface, addr netip.Addr) party {
	e := l.side.Index.Estate()
	subnet, vpc := e.Subnets[i.Subnet], e.VPCs[i.VPC]
	p := party{place: placeText(subnet, vpc, addr)}
	switch l.opt.By.What {
	case ByTag:
		p.name = cmp.Or(i.Tags[l.opt.By.Key], tagOfGroups(e, i, l.opt.By.Key), "without tag: "+groupNames(e, i))
	case ByGroupName:
		p.name = groupNames(e, i)
	case BySubnet:
		p.name = cmp.Or(nameOf(subnet), i.Subnet)
	case ByNetwork:
		p.name = cmp.Or(l.network(addr), nameOfVPC(vpc), i.VPC)
	}
	return p
}

// gone names an interface that the estate does not have, by what the logs say of it.
func (l *labeler) gone(id string, addr netip.Addr) party {
	at := l.side.Attributes[id]
	p := party{place: cmp.Or(at.Subnet, aggregate(addr))}
	switch l.opt.By.What {
	case BySubnet:
		p.name = cmp.Or(l.subnetName(at.Subnet), at.Subnet)
	case ByNetwork:
		p.name = cmp.Or(l.network(addr), l.vpcName(at.VPC))
		if to, ok := l.mapped(addr); ok && p.name == "" {
			p.name = to.name
		}
		p.name = cmp.Or(p.name, aggregate(addr))
	}
	p.unknown = p.name == ""
	return p
}

// peer names the other end.
func (l *labeler) peer(subject *estate.Interface, c *orient.Conversation) party {
	addr := c.Peer.Unmap()
	if l.side.Index == nil {
		return l.stranger(addr)
	}
	at := l.side.Index.Place(subject, addr, time.Unix(c.First, 0).UTC(), time.Unix(c.Last, 0).UTC())
	switch at.Class {
	case estate.Member:
		return l.holders(at, addr)
	case estate.Unplaced:
		return l.unplaced(at, addr)
	case estate.AWS:
		return party{name: at.Name, place: at.Name}
	}
	return l.stranger(addr)
}

// holders names the interfaces that hold an address, where they have one name.
func (l *labeler) holders(at estate.Placement, addr netip.Addr) party {
	p := l.member(at.Interfaces[0], addr)
	for _, i := range at.Interfaces[1:] {
		if l.member(i, addr).name != p.name {
			p.unknown = true
		}
	}
	return p
}

// unplaced names an address of ours that nobody holds now.
func (l *labeler) unplaced(at estate.Placement, addr netip.Addr) party {
	if p, ok := l.mapped(addr); ok {
		return p
	}
	p := party{place: placeText(at.Subnet, at.VPC, addr)}
	switch l.opt.By.What {
	case BySubnet:
		p.name = nameOf(at.Subnet)
	case ByNetwork:
		p.name = cmp.Or(l.network(addr), nameOfVPC(at.VPC))
	}
	p.unknown = p.name == ""
	return p
}

// stranger names an address that is none of ours: by the map, by a named network, by itself when private, else all alike.
func (l *labeler) stranger(addr netip.Addr) party {
	if p, ok := l.mapped(addr); ok {
		return p
	}
	if name := l.network(addr); name != "" {
		return party{name: name, place: name}
	}
	if analyze.PrivateAddr(addr) {
		return party{name: l.addressName(addr), among: aggregate(addr), place: aggregate(addr)}
	}
	return party{name: internet, place: internet, outside: true}
}

// mapped names an address before by what stands in its place after.
func (l *labeler) mapped(addr netip.Addr) (party, bool) {
	if l.later == nil {
		return party{}, false
	}
	to, ok := l.opt.Map.addr(addr)
	if !ok {
		return party{}, false
	}
	p := party{name: l.network(to)}
	if p.name == "" {
		p.name, p.among = l.addressName(to), aggregate(to)
	}
	if x := l.later.side.Index; x != nil {
		if at := x.Place(nil, to, time.Unix(0, 0), time.Unix(0, 0)); at.Class == estate.Member {
			p = l.later.holders(at, to)
		}
	}
	p.place = cmp.Or(l.network(addr), aggregate(addr))
	return p, true
}

// addressName stands for an address that nobody has named.
func (l *labeler) addressName(addr netip.Addr) string {
	if l.opt.By.What == ByNetwork {
		return aggregate(addr)
	}
	return addr.String()
}

// network is the name of the narrowest named network of an address, or "".
func (l *labeler) network(addr netip.Addr) string {
	name, most := "", -1
	for _, n := range l.opt.Networks {
		for _, p := range n.CIDRs {
			if p.Contains(addr) && p.Bits() > most {
				name, most = n.Name, p.Bits()
			}
		}
	}
	return name
}

func (l *labeler) subnetName(id string) string {
	if l.side.Index == nil {
		return ""
	}
	return nameOf(l.side.Index.Estate().Subnets[id])
}

func (l *labeler) vpcName(id string) string {
	if l.side.Index == nil {
		return ""
	}
	return nameOfVPC(l.side.Index.Estate().VPCs[id])
}

// groupNames are the names of an interface's groups in one, or what it is where it has none.
func groupNames(e *estate.Estate, i *estate.Interface) string {
	var names []string
	for _, id := range i.Groups {
		name := id
		if g := e.Groups[id]; g != nil {
			name = cmp.Or(g.Name, id)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return cmp.Or(strings.Join(names, "+"), "without group: "+cmp.Or(i.Type, "interface"))
}

// tagOfGroups is a tag's value where all groups that have the tag agree.
func tagOfGroups(e *estate.Estate, i *estate.Interface, key string) (value string) {
	for _, id := range i.Groups {
		g := e.Groups[id]
		if g == nil || g.Tags[key] == "" {
			continue
		}
		if value != "" && value != g.Tags[key] {
			return ""
		}
		value = g.Tags[key]
	}
	return value
}

func nameOf(s *estate.Subnet) string {
	if s == nil {
		return ""
	}
	return cmp.Or(s.Tags["Name"], s.ID)
}

func nameOfVPC(v *estate.VPC) string {
	if v == nil {
		return ""
	}
	return cmp.Or(v.Tags["Name"], v.ID)
}

// placeText is the CIDR of the subnet or VPC that an address is in.
func placeText(s *estate.Subnet, v *estate.VPC, addr netip.Addr) string {
	var all []netip.Prefix
	if s != nil {
		all = append(all, s.CIDRs...)
	}
	if v != nil {
		all = append(all, v.CIDRs...)
	}
	for _, p := range all {
		if p.Contains(addr) {
			return p.String()
		}
	}
	return aggregate(addr)
}

// aggregate is the /24 or /64 of an address, "" of none.
func aggregate(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	bits := 64
	if addr.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(addr, bits).Masked().String()
}
