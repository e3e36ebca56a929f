package proof

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// world is the estate, laid out for the questions asked of it.
type world struct {
	estate   *estate.Estate
	known    []netip.Prefix
	subjects map[string][]*subject // in all their states
	// holders are the interfaces that hold an address, or held it; delegated those that do so through a prefix.
	holders   map[netip.Addr][]*state
	delegated map[netip.Prefix][]*state
	lengths   []int // of delegated prefixes: bits, negative for IPv4
	public    map[netip.Addr]bool
	members   map[string][]*estate.Interface // of a group, by id
	former    map[string][]*estate.Interface // that carried the group before
	steered   map[string]bool                // VPCs with a middlebox between their own addresses
	seen      map[[2]string]bool             // accounts and regions with interfaces in the estate
	lists     map[string]*prefixList
	varied    []*prefixList  // those that changed
	inner     []netip.Prefix // address space of the estate's networks
	paths     map[[2]string]path
}

// subject is an interface in one state; without groups nothing filters its traffic.
type subject struct {
	*state
	at int32 // the interface's place among all, for small keys
}

// path says how two VPCs reach each other.
type path struct {
	reach      bool // addresses of the one are found in the other
	references bool // rules may refer to groups across it, both ways
	ingress    bool // same, in ingress rules only (transit gateways [aws-facts 5])
}

// span is a stretch of addresses, both ends inside.
type span struct{ first, last netip.Addr }

func newWorld(e *estate.Estate, known []netip.Prefix) *world {
	w := &world{
		estate: e, known: known,
		subjects:  make(map[string][]*subject),
		holders:   make(map[netip.Addr][]*state),
		delegated: make(map[netip.Prefix][]*state),
		public:    make(map[netip.Addr]bool),
		members:   make(map[string][]*estate.Interface),
		former:    make(map[string][]*estate.Interface),
		seen:      make(map[[2]string]bool),
		steered:   make(map[string]bool),
		lists:     make(map[string]*prefixList),
		paths:     make(map[[2]string]path),
	}
	for _, i := range e.Past {
		w.addState(i)
		for _, g := range i.Groups {
			w.former[g] = append(w.former[g], i)
		}
	}
	for _, id := range sortedKeys(e.Interfaces) {
		i := e.Interfaces[id]
		w.addState(i)
		for _, g := range i.Groups {
			w.members[g] = append(w.members[g], i)
		}
		for _, a := range i.PublicAddrs {
			w.public[a.Unmap()] = true
		}
	}
	for id, l := range e.PrefixLists {
		if l.EntriesKnown {
			w.lists[id] = newList(l)
			if w.lists[id].versions != nil {
				w.varied = append(w.varied, w.lists[id])
			}
		}
	}
	w.addNetworks()
	w.addPaths()
	w.addMiddleboxes()
	return w
}

func (w *world) addState(i *estate.Interface) {
	one := newState(i)
	at := int32(len(w.subjects))
	if known := w.subjects[i.ID]; len(known) > 0 {
		at = known[0].at
	}
	w.subjects[i.ID] = append(w.subjects[i.ID], &subject{state: one, at: at})
	w.seen[[2]string{i.Owner, i.Region}] = true
	for _, a := range ownAddrs(i) {
		w.holders[a] = append(w.holders[a], one)
	}
	for _, p := range i.Prefixes {
		p = p.Masked()
		w.delegated[p] = append(w.delegated[p], one)
		if n := signedBits(p); !slices.Contains(w.lengths, n) {
			w.lengths = append(w.lengths, n)
		}
	}
}

// signedBits tells the families apart: the length of an IPv4 prefix is negated, less one for /0.
func signedBits(p netip.Prefix) int {
	if p.Addr().Is4() {
		return -p.Bits() - 1
	}
	return p.Bits()
}

// ownAddrs are all private addresses of an interface, the primary included, each once.
func ownAddrs(i *estate.Interface) []netip.Addr {
	var out []netip.Addr
	for _, a := range append(slices.Clone(i.Addrs), i.Primary) {
		if a = a.Unmap(); a.IsValid() && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// holding are the interfaces that hold address a or held it, anywhere.
func (w *world) holding(a netip.Addr) []*state {
	found := w.holders[a]
	for _, n := range w.lengths {
		if (n < 0) != a.Is4() {
			continue
		}
		bits := n
		if n < 0 {
			bits = -n - 1
		}
		p, err := a.Prefix(bits)
		if err != nil {
			continue
		}
		for _, i := range w.delegated[p] {
			if !slices.Contains(found, i) {
				found = append(slices.Clip(found), i)
			}
		}
	}
	return found
}

// spans sorts prefixes and joins those that overlap.
func spans(ps []netip.Prefix) []span {
	sorted := slices.Clone(ps)
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		return cmp.Or(a.Masked().Addr().Compare(b.Masked().Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	var out []span
	for _, p := range sorted {
		s := span{p.Masked().Addr(), lastOf(p)}
		if n := len(out); n > 0 && out[n-1].first.BitLen() == s.first.BitLen() && s.first.Compare(out[n-1].last) <= 0 {
			if out[n-1].last.Less(s.last) {
				out[n-1].last = s.last
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// lastOf is the highest address of p.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func inSpans(ss []span, a netip.Addr) bool {
	i, found := slices.BinarySearchFunc(ss, a, func(s span, a netip.Addr) int { return s.first.Compare(a) })
	if found {
		return true
	}
	return i > 0 && ss[i-1].first.BitLen() == a.BitLen() && a.Compare(ss[i-1].last) <= 0
}

// addNetworks collects the address space of the estate: VPCs, subnets and both sides of peerings. A VPC may use public
// IPv4 ranges, and its IPv6 range usually is one.
func (w *world) addNetworks() {
	for _, v := range w.estate.VPCs {
		w.inner = append(w.inner, v.CIDRs...)
	}
	for _, s := range w.estate.Subnets {
		w.inner = append(w.inner, s.CIDRs...)
	}
	for _, p := range w.estate.Peerings {
		w.inner = append(w.inner, p.Requester.CIDRs...)
		w.inner = append(w.inner, p.Accepter.CIDRs...)
	}
	slices.SortFunc(w.inner, func(a, b netip.Prefix) int {
		return cmp.Or(cmp.Compare(a.Bits(), b.Bits()), a.Addr().Compare(b.Addr()))
	})
	var kept []netip.Prefix
	for _, p := range w.inner {
		if !slices.ContainsFunc(kept, func(k netip.Prefix) bool { return k.Contains(p.Addr()) }) {
			kept = append(kept, p)
		}
	}
	w.inner = kept
}

// addPaths finds which VPCs reach each other: active peerings, and attachments to one transit gateway.
func (w *world) addPaths() {
	join := func(a, b string, p path) {
		for _, k := range [2][2]string{{a, b}, {b, a}} {
			old := w.paths[k]
			w.paths[k] = path{reach: true, references: old.references || p.references, ingress: old.ingress || p.ingress}
		}
	}
	for _, p := range w.estate.Peerings {
		if p.Status == "active" {
			join(p.Requester.VPC, p.Accepter.VPC, path{references: p.Requester.Region == p.Accepter.Region})
		}
	}
	for i, a := range w.estate.Transit {
		for _, b := range w.estate.Transit[:i] {
			if a.TransitGateway == b.TransitGateway && a.VPC != b.VPC && attached(a) && attached(b) {
				join(a.VPC, b.VPC, path{ingress: a.GroupReferences && b.GroupReferences})
			}
		}
	}
}

func attached(a *estate.TransitAttachment) bool { return a.State == "available" || a.State == "" }

// addMiddleboxes finds the VPCs where a route inside the VPC's own address space leads anywhere but straight to its place:
// through an appliance or firewall, behind which references match nothing [aws-facts 2.5].
func (w *world) addMiddleboxes() {
	for _, t := range w.estate.RouteTables {
		v := w.estate.VPCs[t.VPC]
		if v == nil || !t.Main && len(t.Subnets) == 0 {
			continue
		}
		for _, r := range t.Routes {
			w.steered[t.VPC] = w.steered[t.VPC] || r.Target != "local" && w.leadsInside(r, v.CIDRs)
		}
	}
}

// leadsInside reports whether a route's destination lies in one of cidrs. A list with unknown entries may, unless it is a
// gateway endpoint's.
func (w *world) leadsInside(r estate.Route, cidrs []netip.Prefix) bool {
	to := []netip.Prefix{r.Destination}
	if r.PrefixListID != "" {
		l := w.estate.PrefixLists[r.PrefixListID]
		if l == nil || !l.EntriesKnown {
			return !strings.HasPrefix(r.Target, "vpce-")
		}
		to = l.Entries
	}
	return slices.ContainsFunc(to, func(p netip.Prefix) bool {
		return p.IsValid() && slices.ContainsFunc(cidrs, func(c netip.Prefix) bool { return c.Bits() <= p.Bits() && c.Contains(p.Addr()) })
	})
}

// between is the path from one VPC to another. Within one VPC everything works, unless a middlebox stands between.
func (w *world) between(a, b string) path {
	p := w.paths[[2]string{a, b}]
	if a == b {
		p = path{reach: true, references: true, ingress: true}
	}
	if w.steered[a] || w.steered[b] {
		p.references, p.ingress = false, false
	}
	return p
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
