package world

// unusedDefect labels a rule that nothing needs.
func (w *World) unusedDefect(r *Rule, why string) {
	w.defect(r, why, unusedWindow, true, nil, Outcome{"unused", "proposed"})
}

// server is a small used service: a fleet with a group, one client fleet that references it. It returns the group so that
// a scenario can plant a rule beside the used one.
func (w *World) server(v *VPC, name string, port int) (*Group, *fleet) {
	g := w.group(v, name, name)
	c, from := w.clients(v, name+"-client", 2)
	g.in("tcp", port, port, from, "the used rule")
	f := w.fleetOf(v, hosts{name: name, n: 2, subnets: v.data(), groups: group(g)})
	w.flow(flow{from: c.any(), to: f.any(), proto: tcp, port: uint16(port), perDay: 24, fixed: true})
	return g, f
}

// buildUnused: rules nothing uses, on interfaces that are there and logged.
func buildUnused(w *World, v *VPC) {
	g, _ := w.server(v, "legacy", 7001)
	w.unusedDefect(g.in("tcp", 7002, 7002, "10.0.0.0/8", "old admin console"), "nothing has used it")
	w.unusedDefect(g.in("udp", 161, 161, "10.20.0.0/16", "snmp of a removed system"), "nothing has used it")

	pub, pg := w.webHost(v, "status-page", 1)
	_ = pub
	w.unusedDefect(pg.in("tcp", 8888, 8888, "0.0.0.0/0", "temporary, for a demo"), "open to the world, used by nobody")

	empty := w.group(v, "retired-api", "no interface carries it")
	for _, port := range []int{80, 443} {
		r := empty.in("tcp", port, port, "0.0.0.0/0", "api")
		w.defect(r, "no interface carries the group: scaled to zero, or named by a template", 0, false, nil, Outcome{"", "held"})
	}
}

// buildStale: the group was deleted (allowed from a peered VPC) and the rule stayed; it matches nothing [F 5].
func buildStale(w *World, v *VPC) {
	g, _ := w.server(v, "catalog", 7101)
	gone := id("sg", hash(w.Seed, hashString("gone")))
	r := g.in("tcp", 7102, 7102, gone, "a partner's group")
	w.defect(r, "the referenced group is gone", 0, false, nil, Outcome{"stale", "review"})
}

// buildShadowed: an inner rule goes when the outer stays as it is. The outer is open to the world on a reachable host, and
// used from everywhere, so it does stay.
func buildShadowed(w *World, v *VPC) {
	_, g := w.webHost(v, "portal", 2)
	inner := g.in("tcp", 443, 443, "203.0.113.0/24", "partner")
	w.defect(inner, "inside tcp 443 from the world", 0, false, nil, Outcome{"duplicate", "proposed"})
	inner = g.in("tcp", 443, 443, "10.20.0.0/16", "our VPC")
	w.defect(inner, "inside tcp 443 from the world", 0, false, nil, Outcome{"duplicate", "proposed"})
	partner := fixedHosts(onInternet, Linux, "203.0.113.9", "203.0.113.77")
	f := w.fleet(v, "portal")
	w.flow(flow{from: partner, to: f.any(), proto: tcp, port: 443, perDay: 12, fixed: true})
}

// buildWidePorts: one or two services behind a rule for all of them.
func buildWidePorts(w *World, v *VPC) {
	ag := w.group(v, "gateway", "api gateway")
	c, from := w.clients(v, "gateway-client", 3)
	r := ag.in("tcp", 0, 65535, from, "all ports, to be tightened one day")
	w.defect(r, "only 443 is used", portsWindow, false, r.instead(func(n *Rule) { n.From, n.To = 443, 443 }),
		Outcome{"narrow-ports", "proposed"})
	f := w.fleetOf(v, hosts{name: "gateway", n: 2, subnets: v.app(), groups: group(ag)})
	w.flow(flow{from: c.any(), to: f.any(), proto: tcp, port: 443, perDay: 60, fixed: true})

	tg := w.group(v, "telemetry", "telemetry")
	agents, from2 := w.clients(v, "agent", 3)
	all := tg.in("-1", 0, 0, from2, "everything from the agents")
	ideal := append(all.instead(func(n *Rule) { n.Protocol, n.From, n.To = "tcp", 4317, 4317 }),
		all.instead(func(n *Rule) { n.Protocol, n.From, n.To = "udp", 8125, 8125 })...)
	w.defect(all, "tcp 4317 and udp 8125 are used", portsWindow, false, ideal, Outcome{"narrow-ports", "proposed"})
	t := w.fleetOf(v, hosts{name: "telemetry", n: 2, subnets: v.ops(), groups: group(tg)})
	w.flow(flow{from: agents.any(), to: t.any(), proto: tcp, port: 4317, perDay: 48, fixed: true})
	w.flow(flow{from: agents.any(), to: t.any(), proto: udp, port: 8125, perDay: 48, style: oneWay, fixed: true})
}

// buildWidePeers: one tier behind a rule for a whole network. Where the world is narrowed on a group that sends everything
// everywhere, untracked connections would become tracked [F 2.4]: a person decides. The group with closed egress has no
// such connections.
func buildWidePeers(w *World, v *VPC) {
	narrow := func(name string, port int, source string, closed bool, expect ...Outcome) {
		g := w.closedGroup(v, name, name)
		if closed {
			g.out("tcp", 443, 443, "0.0.0.0/0", "updates")
		} else {
			g.out("-1", 0, 0, "0.0.0.0/0", "")
		}
		c, from := w.clients(v, name+"-client", 3)
		r := g.in("tcp", port, port, source, "wider than needed")
		w.defect(r, "only "+name+"-client uses it", peersWindow, false, r.instead(func(n *Rule) { n.Peer = from.ID }), expect...)
		f := w.fleetOf(v, hosts{name: name, n: 2, subnets: v.data(), groups: group(g)})
		w.flow(flow{from: c.any(), to: f.any(), proto: tcp, port: uint16(port), perDay: 60, fixed: true})
		if closed {
			w.flow(flow{from: f.any(), to: s3Addrs, proto: tcp, port: 443, perDay: 6, fixed: true, unstable: true})
		}
	}
	narrow("pricing", 8181, "10.0.0.0/8", false, Outcome{"narrow-peers", "proposed"})
	narrow("reports-db", 5432, "0.0.0.0/0", true, Outcome{"narrow-peers", "proposed"})
	narrow("tickets", 8282, "0.0.0.0/0", false, Outcome{"narrow-peers", "review"})
}

// buildBroadOverNarrow: a broad rule lies over a narrow one that carries all the traffic. The broad one is the defect; that
// it covers the narrow one is no reason to drop the narrow one.
func buildBroadOverNarrow(w *World, v *VPC) {
	g, _ := w.server(v, "inventory", 7301)
	used := g.Rules[len(g.Rules)-1]
	broad := g.in("tcp", 0, 65535, "10.0.0.0/8", "temporary: everything internal")
	w.keep(used, 3, "the narrow rule carries the traffic; the broad one is what should go")
	w.defect(broad, "all its traffic is allowed by the narrower rule", unusedWindow, true, nil,
		Outcome{"redundant", ""}, Outcome{"unused", ""}, Outcome{"narrow-ports", ""}, Outcome{"narrow-peers", ""})
}

// buildEgress: egress is reported, and always a person's decision by default [design §7.5].
func buildEgress(w *World, v *VPC) {
	g := w.closedGroup(v, "mail-relay", "mail relay")
	c, from := w.clients(v, "mail-client", 1)
	g.in("tcp", 2525, 2525, from, "submission")
	g.out("tcp", 587, 587, "0.0.0.0/0", "provider")
	r := g.out("tcp", 25, 25, "0.0.0.0/0", "direct delivery, no longer used")
	w.defect(r, "nothing has used it", unusedWindow, true, nil, Outcome{"unused", "review"})
	f := w.fleetOf(v, hosts{name: "mail-relay", n: 1, subnets: v.app(), groups: group(g)})
	w.flow(flow{from: c.any(), to: f.any(), proto: tcp, port: 2525, perDay: 24, fixed: true})
	w.flow(flow{from: f.any(), to: fixedHosts(onInternet, Linux, "185.70.40.10", "185.70.40.11"), proto: tcp, port: 587, perDay: 24, fixed: true,
		style: throughNAT, via: w.natGateway(v)})
}
