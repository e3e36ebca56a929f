package estate

import (
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"
	"github.com/sgtrim/sgtrim/analyze"
)

// routing is one route table made ready for lookups.
type routing struct {
	table   *RouteTable
	targets bart.Table[Route]
}

func (x *Index) indexRoutes() {
	for _, t := range x.e.RouteTables {
		r := &routing{table: t}
		for _, route := range t.Routes {
			for _, p := range x.destinations(route) {
				r.targets.Insert(p, route)
			}
		}
		if t.Main {
			x.mainRoutes[t.VPC] = r
		}
		for _, s := range t.Subnets {
			x.routes[s] = r
		}
		n := x.network(t.VPC)
		n.routed = n.routed || t.Main || len(t.Subnets) > 0
		// A table that no subnet uses (of an internet gateway's ingress, say) steers no traffic between interfaces.
		if t.Main || len(t.Subnets) > 0 {
			n.middlebox = n.middlebox || x.steersInside(n, t)
		}
	}
}

// destinations are the prefixes of the route; of a prefix list, its entries as far as they are known.
func (x *Index) destinations(r Route) []netip.Prefix {
	if r.PrefixListID == "" {
		return []netip.Prefix{r.Destination}
	}
	if l := x.e.PrefixLists[r.PrefixListID]; l != nil {
		return l.Entries
	}
	return nil
}

// steersInside reports whether the table sends traffic inside the VPC's own CIDRs anywhere but straight to its place. A
// list with unknown entries counts, unless it is a gateway endpoint's.
func (x *Index) steersInside(n *network, t *RouteTable) bool {
	for _, r := range t.Routes {
		if r.Target == "local" {
			continue
		}
		if r.PrefixListID != "" && x.lists[r.PrefixListID] == nil && !strings.HasPrefix(r.Target, "vpce-") {
			return true
		}
		for _, p := range x.destinations(r) {
			if n.cidrs.LookupPrefix(p) {
				return true
			}
		}
	}
	return false
}

// routeFrom is where the interface's subnet sends packets for the address. known is false when its route table is not in the
// estate; an invalid target stands for no route.
func (x *Index) routeFrom(i *Interface, addr netip.Addr) (target string, known bool) {
	r := x.routingOf(i)
	if r == nil {
		return "", false
	}
	route, ok := r.targets.Lookup(addr)
	if !ok || route.State == "blackhole" {
		return "", true
	}
	return route.Target, true
}

func (x *Index) routingOf(i *Interface) *routing {
	if r := x.routes[i.Subnet]; r != nil {
		return r
	}
	return x.mainRoutes[i.VPC]
}

// Reachable reports, for IPv4 and IPv6 apart, whether the Internet can reach the interface: it has a public address (IPv6: a
// global one) and its subnet's route table leads out to an internet gateway, or through a firewall that may. Where the route
// table is not in the estate, a public address is enough. What stands behind a public load balancer cannot be known here.
func (x *Index) Reachable(i *Interface) (v4, v6 bool) {
	for _, a := range i.PublicAddrs {
		v4 = v4 || a.Is4()
	}
	for _, a := range i.Addrs {
		v6 = v6 || (a.Is6() && !analyze.PrivateAddr(a))
	}
	r := x.routingOf(i)
	if r == nil {
		return v4, v6
	}
	out4, out6 := false, false
	for p, route := range r.targets.All() {
		if route.State == "blackhole" || !leadsOut(route.Target) || analyze.PrivateAddr(p.Addr()) || route.PrefixListID != "" && strings.HasPrefix(route.Target, "vpce-") {
			continue
		}
		out4, out6 = out4 || p.Addr().Is4(), out6 || p.Addr().Is6()
	}
	return v4 && out4, v6 && out6
}

// leadsOut is true of internet and carrier gateways, and of firewalls and appliances in front of them. NAT and egress-only
// gateways let nothing in; transit gateways, peerings and VPN lead elsewhere.
func leadsOut(target string) bool {
	for _, prefix := range []string{"igw-", "cagw-", "vpce-", "eni-", "i-"} {
		if strings.HasPrefix(target, prefix) {
			return true
		}
	}
	return target == ""
}
