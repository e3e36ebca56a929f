package main

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/cmd/world"
)

// figures are the exposure of a state, ingress only, as the plan states them; here they are counted a second time.
type figures struct {
	Rules       int     `json:"rules"`
	WorldOpenV4 int     `json:"world_open_v4"`
	WorldOpenV6 int     `json:"world_open_v6"`
	AdminOpen   int     `json:"admin_open"`
	Reachable   int64   `json:"reachable"`
	Log2Space   float64 `json:"log2_space"`
}

// adminPorts are those of remote administration and databases that the worlds use or leave open.
var adminPorts = []int{22, 23, 135, 139, 445, 1433, 1521, 2049, 3306, 3389, 5432, 5439, 5900, 6379, 9042, 9092, 9200, 11211, 27017}

// measure counts the exposure of a state at the window's end.
func measure(w *world.World, rules []world.Rule) figures {
	var f figures
	byGroup := map[string][]world.Rule{}
	for _, r := range rules {
		if r.Egress {
			continue
		}
		byGroup[r.GroupID] = append(byGroup[r.GroupID], r)
		f.Rules++
		switch r.Peer {
		case "0.0.0.0/0":
			f.WorldOpenV4++
		case "::/0":
			f.WorldOpenV6++
		default:
			continue
		}
		if r.Protocol == "-1" || r.Protocol == "tcp" && slices.ContainsFunc(adminPorts, func(p int) bool { return r.From <= p && p <= r.To }) {
			f.AdminOpen++
		}
	}
	members := map[string][]netip.Prefix{}
	now := w.InterfacesAt(w.Window().End().Unix())
	for _, m := range now {
		for _, g := range m.Groups {
			for _, a := range append([]netip.Addr{m.Primary}, m.Secondary...) {
				members[g.ID] = append(members[g.ID], netip.PrefixFrom(a, 32))
			}
		}
	}
	cells := 0.0
	for _, m := range now {
		var own []world.Rule
		for _, g := range m.Groups {
			own = append(own, byGroup[g.ID]...)
		}
		if m.PublicIP.IsValid() || m.Primary6.IsValid() && len(m.Subnet.VPC.Subnets) > 0 {
			f.Reachable += reachable(m, own)
		}
		cells += space(w, own, members)
	}
	if cells > 0 {
		f.Log2Space = math.Log2(cells)
	}
	return f
}

// reachable counts the TCP and UDP ports that the world reaches.
func reachable(m *world.Interface, rules []world.Rule) int64 {
	var n int64
	for _, proto := range []string{"tcp", "udp"} {
		open := make([]bool, 65536)
		for _, r := range rules {
			if r.Peer != "0.0.0.0/0" && r.Peer != "::/0" || r.Peer == "0.0.0.0/0" && !m.PublicIP.IsValid() || r.Peer == "::/0" && !m.Primary6.IsValid() {
				continue
			}
			from, to := r.From, r.To
			switch r.Protocol {
			case "-1":
				from, to = 0, 65535
			case proto:
			default:
				continue
			}
			for p := from; p <= to; p++ {
				open[p] = true
			}
		}
		for _, o := range open {
			if o {
				n++
			}
		}
	}
	return n
}

// space counts the IPv4 cells (address, protocol, port) that rules let in: TCP and UDP port by port, other protocols one cell an
// address.
func space(w *world.World, rules []world.Rule, members map[string][]netip.Prefix) float64 {
	total := 0.0
	for _, proto := range []string{"tcp", "udp", "icmp", "50"} {
		edges := []int{0, 1}
		if proto == "tcp" || proto == "udp" {
			edges = []int{0, 65536}
			for _, r := range rules {
				if r.Protocol == proto {
					edges = append(edges, r.From, r.To+1)
				}
			}
		}
		slices.Sort(edges)
		edges = slices.Compact(edges)
		for i := 1; i < len(edges); i++ {
			var from []netip.Prefix
			for _, r := range rules {
				if r.Protocol == "-1" || r.Protocol == proto && (len(edges) == 2 && edges[1] == 1 || r.From <= edges[i-1] && edges[i]-1 <= r.To) {
					from = append(from, sources(w, r, members)...)
				}
			}
			total += float64(edges[i]-edges[i-1]) * addresses(from)
		}
	}
	return total
}

func sources(w *world.World, r world.Rule, members map[string][]netip.Prefix) []netip.Prefix {
	if p, err := netip.ParsePrefix(r.Peer); err == nil {
		if p.Addr().Is6() {
			return nil
		}
		return []netip.Prefix{p}
	}
	for _, l := range w.PrefixLists {
		if l.ID == r.Peer {
			return l.Entries
		}
	}
	return members[r.Peer]
}

// addresses counts those in some prefixes, each once.
func addresses(ps []netip.Prefix) float64 {
	slices.SortFunc(ps, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	n, last := 0.0, netip.Prefix{}
	for _, p := range ps {
		if last.IsValid() && last.Bits() <= p.Bits() && last.Contains(p.Addr()) {
			continue
		}
		n += math.Ldexp(1, 32-p.Bits())
		last = p
	}
	return n
}
