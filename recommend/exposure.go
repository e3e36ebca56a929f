package recommend

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// exposureOf counts what a state lets in. log2 figures are of the sum over interfaces of allowed (address, protocol,
// port) cells, IPv4 and IPv6 apart; protocols without ports are one cell an address.
func exposureOf(e *estate.Estate, x *estate.Index, state State) ExposureFigures {
	var f ExposureFigures
	for _, rules := range state {
		for i := range rules {
			f.countRule(&rules[i])
		}
	}
	var v4, v6 float64
	bySet := map[string]space{}
	for _, id := range sortedKeys(e.Interfaces) {
		i := e.Interfaces[id]
		if len(i.Groups) == 0 {
			continue
		}
		key := strings.Join(i.Groups, " ")
		s, ok := bySet[key]
		if !ok {
			s = measure(x, state, i.Groups)
			bySet[key] = s
		}
		r4, r6 := x.Reachable(i)
		f.Reachable += s.open(r4, r6)
		v4 += s.cells4
		v6 += s.cells6
	}
	f.Log2Space, f.Log2SpaceV6 = log2(v4), log2(v6)
	return f
}

func (f *ExposureFigures) countRule(r *analyze.Rule) {
	if r.Direction != ingress {
		return
	}
	f.Rules++
	if r.Unsupported != "" || !isWorld(r.Peer.Prefix) {
		return
	}
	if r.Peer.Prefix.Addr().Is4() {
		f.WorldOpenV4++
	} else {
		f.WorldOpenV6++
	}
	if some, _ := allowsAdmin(r.Service); some {
		f.AdminOpen++
	}
}

func log2(x float64) float64 {
	if x <= 0 {
		return 0
	}
	return math.Round(math.Log2(x)*100) / 100
}

// space is what one set of groups lets in.
type space struct {
	cells4, cells6 float64
	open4, open6   []analyze.PortRange // TCP and UDP ports open to the world
}

// open counts ports open to the world over the families that reach the interface; a port open in both counts once.
func (s *space) open(r4, r6 bool) int64 {
	var all []analyze.PortRange
	if r4 {
		all = append(all, s.open4...)
	}
	if r6 {
		all = append(all, s.open6...)
	}
	slices.SortFunc(all, analyze.PortRange.Compare)
	var n int64
	next := 0
	for _, p := range all {
		first := max(int(p.First), next)
		if int(p.Last) >= first {
			n += int64(int(p.Last) - first + 1)
			next = int(p.Last) + 1
		}
	}
	return n
}

// measure adds up, over the elementary port ranges of each protocol, the union of the addresses allowed there.
func measure(x *estate.Index, state State, groups []string) space {
	var rules []analyze.Rule
	for _, g := range groups {
		for _, r := range state[g] {
			if r.Direction == ingress && r.Unsupported == "" {
				rules = append(rules, r)
			}
		}
	}
	var s space
	for _, p := range protocolsOf(rules) {
		for _, pr := range elementary(rules, p) {
			var v4, v6 []netip.Prefix
			world4, world6 := false, false
			for i := range rules {
				r := &rules[i]
				if r.Service.Proto != analyze.AllProtocols && (r.Service.Proto != p || p.HasPorts() && !r.Service.Ports.Covers(pr)) {
					continue
				}
				for _, a := range addresses(x, r.Peer) {
					switch {
					case a.Addr().Is4() && p == analyze.ICMPv6, a.Addr().Is6() && p == analyze.ICMP: // no such packets
					case a.Addr().Is4():
						v4, world4 = append(v4, a), world4 || isWorld(a)
					default:
						v6, world6 = append(v6, a), world6 || isWorld(a)
					}
				}
			}
			s.cells4 += union(v4) * float64(pr.Len())
			s.cells6 += union(v6) * float64(pr.Len())
			if p == analyze.TCP || p == analyze.UDP {
				// ports of TCP and UDP are counted apart, as an attacker would
				if world4 {
					s.open4 = append(s.open4, pr)
				}
				if world6 {
					s.open6 = append(s.open6, pr)
				}
			}
		}
	}
	return s
}

// protocolsOf lists the protocols that any rule names, and TCP, UDP and ICMP, which stand in a rule for all protocols.
func protocolsOf(rules []analyze.Rule) []analyze.Proto {
	out := []analyze.Proto{analyze.ICMP, analyze.TCP, analyze.UDP, analyze.ICMPv6}
	for i := range rules {
		if p := rules[i].Service.Proto; p != analyze.AllProtocols && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// elementary cuts the ports of a protocol at every rule's edges; protocols without ports are one cell.
func elementary(rules []analyze.Rule, p analyze.Proto) []analyze.PortRange {
	if !p.HasPorts() {
		return []analyze.PortRange{{First: 0, Last: 0}}
	}
	cuts := []int{0, 65536}
	for i := range rules {
		if s := rules[i].Service; s.Proto == p {
			cuts = append(cuts, int(s.Ports.First), int(s.Ports.Last)+1)
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	out := make([]analyze.PortRange, 0, len(cuts)-1)
	for i := 1; i < len(cuts); i++ {
		out = append(out, analyze.PortRange{First: uint16(cuts[i-1]), Last: uint16(cuts[i] - 1)})
	}
	return out
}

// addresses are what a peer stands for at the snapshot.
func addresses(x *estate.Index, p analyze.Peer) []netip.Prefix {
	switch {
	case p.IsCIDR():
		return []netip.Prefix{p.Prefix}
	case p.GroupID != "":
		return x.MemberAddrs(p.GroupID)
	}
	if l := x.List(p.PrefixListID); l != nil {
		return l.Entries
	}
	return nil
}

// union counts the addresses in some prefixes of one family, each once.
func union(ps []netip.Prefix) float64 {
	slices.SortFunc(ps, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	var n float64
	var last netip.Prefix
	for _, p := range ps {
		if last.IsValid() && within(p, last) {
			continue
		}
		n += math.Ldexp(1, p.Addr().BitLen()-p.Bits())
		last = p
	}
	return n
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// OpenToWorld reports whether a rule lets the world in, and whether to an admin or database port, as the figures count it.
func OpenToWorld(r *analyze.Rule) (open, admin bool) {
	var f ExposureFigures
	f.countRule(r)
	return f.WorldOpenV4+f.WorldOpenV6 > 0, f.AdminOpen > 0
}
