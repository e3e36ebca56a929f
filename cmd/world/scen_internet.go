package world

import "net/netip"

// webHost makes a reachable host in a public subnet, open to the world on 443.
func (w *World) webHost(v *VPC, name string, n int) (*fleet, *Group) {
	g := w.group(v, name, name)
	g.in("tcp", 443, 443, "0.0.0.0/0", "web")
	f := w.fleetOf(v, hosts{name: name, n: n, subnets: v.public(), groups: group(g), public: true})
	w.flow(flow{from: visitors(w.Visitors, hashString(name)&0xff), to: f.any(), proto: tcp, port: 443, perDay: 60, when: business})
	return f, g
}

// buildScanners: SYNs from the Internet to a reachable host. Allowed ports answer by RST or not at all, the others are
// rejected: a SYN in an ACCEPT record does not prove an answer [F 1.5], and none of it is need.
func buildScanners(w *World, v *VPC) {
	f, g := w.webHost(v, "www", 2)
	r := g.in("tcp", 8000, 8100, "0.0.0.0/0", "old staging ports")
	w.unusedDefect(r, "only scanners touch it: refused or unanswered")
	scan := func(population int, ports func(*rng) uint16, perDay float64, how style) {
		w.flow(flow{from: visitors(population, 0x5ca), to: f.any(), proto: tcp, ports: ports, perDay: perDay, style: how, attack: true})
	}
	staging := func(r *rng) uint16 { return uint16(r.between(8000, 8100)) }
	scan(4000, staging, 12, refused)
	scan(4000, staging, 12, silent)
	scan(40000, closedPort, 60, rejected)
}

// closedPort is a port that scanners like and no world opens.
func closedPort(r *rng) uint16 {
	return [...]uint16{23, 25, 445, 1433, 3306, 3389, 5900, 6379, 7547, 11211, 27017}[r.n(11)]
}

// buildBruteForce: SSH open to the world. Guessed passwords make established connections, so only the peers tell them
// from the administrators, who come from the office's public addresses.
func buildBruteForce(w *World, v *VPC) {
	g := w.group(v, "jumphost", "SSH gateway")
	r := g.in("tcp", 22, 22, "0.0.0.0/0", "ssh")
	ideal := r.instead(func(n *Rule) { n.Peer = officeEgress.String() })
	w.defect(r, "administrators come from the office only", peersWindow, false, ideal, Outcome{"narrow-peers", "review"})
	f := w.fleetOf(v, hosts{name: "jumphost", n: 1, subnets: v.public(), groups: group(g), public: true})
	admins := fixedHosts(onInternet, NATPort, "198.51.100.2", "198.51.100.3", "198.51.100.5")
	w.flow(flow{from: admins, to: f.any(), proto: tcp, port: 22, perDay: 8, when: workHours, style: bulk, fixed: true})
	w.flow(flow{from: guessers, to: f.any(), proto: tcp, port: 22, perDay: 40, style: login, attack: true})
	w.flow(flow{from: visitors(20000, 0x551), to: f.any(), proto: tcp, port: 22, perDay: 15, style: silent, attack: true})
}

// guessers come in campaigns: a few addresses that try for a day and are never seen again.
func guessers(r *rng, t int64) (endpoint, bool) {
	return endpoint{addr: publicAddr(hash(uint64(t/day), uint64(r.n(5)))), os: Linux, where: onInternet}, true
}

// buildIPv6: the world reaches a dual-stack load balancer over ::/0, which no IPv4 rule covers [F 4.4]; hosts talk IPv6 to
// a prefix of the VPC.
func buildIPv6(w *World, v *VPC) {
	lb := w.group(v, "v6-front", "dual-stack load balancer")
	lb.in("tcp", 443, 443, "0.0.0.0/0", "https")
	lb.in("tcp", 443, 443, "::/0", "https, IPv6")
	back := w.group(v, "v6-back", "service behind it")
	r := back.in("tcp", 9443, 9443, v.CIDR6, "whole VPC")
	lbs := w.fleetOf(v, hosts{name: "v6-front", n: 2, subnets: v.public(), groups: group(lb), kind: ALB, public: true, v6: true})
	backs := w.fleetOf(v, hosts{name: "v6-back", n: 3, subnets: v.app(), groups: group(back), v6: true})
	// Not a reference: that would let the load balancer's IPv4 addresses in too, which this rule never did.
	subnet := func(i int) Rule { return r.instead(func(n *Rule) { n.Peer = v.public()[i].CIDR6.String() })[0] }
	w.defect(r, "only the load balancer uses it", peersWindow, false, []Rule{subnet(0), subnet(1)}, Outcome{"narrow-peers", "proposed"})
	w.flow(flow{from: visitors(w.Visitors, 0x4), to: lbs.any(), proto: tcp, port: 443, perDay: 30, when: business})
	w.flow(flow{from: visitors6(w.Visitors, 0x6), to: lbs.v6(), proto: tcp, port: 443, perDay: 60, when: business})
	w.flow(flow{from: lbs.v6(), to: backs.v6(), proto: tcp, port: 9443, perDay: 90, when: business, fixed: true})
	w.flow(flow{from: visitors6(9000, 0x5ca), to: lbs.v6(), proto: tcp, ports: closedPort, perDay: 6, style: rejected, attack: true})
}

// buildNAT: the gateway's interface has no groups [F 6] and its srcaddr/dstaddr differ from pkt-* [F 1.4].
func buildNAT(w *World, v *VPC) {
	gw := w.natGateway(v)
	workers, g := w.clients(v, "crawler", 3)
	m, from := w.clients(v, "crawler-metrics", 1)
	r := g.in("tcp", 9100, 9100, v.CIDR, "metrics")
	w.defect(r, "one host uses it", peersWindow, false, r.instead(func(n *Rule) { n.Peer = from.ID }), Outcome{"narrow-peers", "proposed"})
	w.flow(flow{from: m.any(), to: workers.any(), proto: tcp, port: 9100, perDay: 48, fixed: true})
	w.flow(flow{from: workers.any(), to: visitors(400, 0xca11), proto: tcp, port: 443, perDay: 90, style: throughNAT, via: gw})
}

// natGateway is the VPC's, made once, with its default route.
func (w *World) natGateway(v *VPC) *Interface {
	if v.natInterface == nil {
		f := w.hosts(hosts{name: "nat", n: 1, subnets: v.public(), kind: NAT, public: true, os: NATPort})
		v.natInterface = f.slots[0][0]
		v.Private.Routes = append(v.Private.Routes, Route{"0.0.0.0/0", v.natInterface.Description[len("Interface for NAT Gateway "):]})
	}
	return v.natInterface
}

// buildNLB: targets see the clients' addresses, and their rule references the balancer's group: by addresses alone it
// looks unused, and it must never go [F 2.5]. Health checks come from the balancer's own addresses on another port.
func buildNLB(w *World, v *VPC) {
	lb := w.group(v, "edge-nlb", "network load balancer")
	lb.in("tcp", 443, 443, "0.0.0.0/0", "clients")
	target := w.group(v, "edge-target", "behind the network load balancer")
	r := target.in("tcp", 8443, 8443, lb, "traffic of the load balancer, client addresses kept")
	target.in("tcp", 8081, 8081, lb, "health checks")
	w.keep(r, 0, "an NLB that keeps client addresses forwards through it: logs show clients, not the NLB")
	lbs := w.fleetOf(v, hosts{name: "edge-nlb", n: 1, subnets: v.public(), groups: group(lb), kind: NLB, public: true})
	targets := w.fleetOf(v, hosts{name: "edge-target", n: 3, subnets: v.app(), groups: group(target)})
	w.flow(flow{from: visitors(w.Visitors, 0xed6), to: targets.any(), proto: tcp, port: 8443, perDay: 90, when: business, style: throughNLB,
		via: lbs.slots[0][0], listen: 443})
	w.flow(flow{from: lbs.any(), to: targets.any(), proto: tcp, port: 8081, perDay: 48, fixed: true})
}

// world4 is all of IPv4.
var world4 = netip.MustParsePrefix("0.0.0.0/0")
