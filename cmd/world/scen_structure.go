package world

import (
	"fmt"
	"slices"
)

// buildStructure: one group on two tiers that have nothing in common but an agent's port; the same tier twice, which is no case for
// a split; and four groups that hold the same three rules beside their own.
func buildStructure(w *World, v *VPC) {
	w.mixedGroup(v)
	w.sameRules(v)
}

// mixedGroup: whoever carries the group can be asked for either service, and each member is asked for one.
func (w *World) mixedGroup(v *VPC) {
	g := w.closedGroup(v, "backoffice", "web and batch hosts of the back office")
	g.out("tcp", 443, 443, "0.0.0.0/0", "updates")
	staff, fromStaff := w.clients(v, "staff-proxy", 2)
	queue, fromQueue := w.clients(v, "job-queue", 2)
	agent, fromAgent := w.clients(v, "fleet-agent", 1)
	g.in("tcp", 8686, 8686, fromStaff, "web")
	g.in("tcp", 7878, 7878, fromQueue, "batch")
	g.in("tcp", 9105, 9105, fromAgent, "agent on all of them")
	tier := func(name string, from *fleet, port uint16) []string {
		f := w.fleetOf(v, hosts{name: name, n: 3, subnets: v.app(), groups: group(g)})
		w.flow(flow{from: from.any(), to: f.any(), proto: tcp, port: port, perDay: 60, fixed: true})
		w.flow(flow{from: agent.any(), to: f.any(), proto: tcp, port: 9105, perDay: 24, fixed: true})
		w.flow(flow{from: f.any(), to: s3Addrs, proto: tcp, port: 443, perDay: 6, fixed: true, unstable: true})
		return f.ids()
	}
	tiers := [][]string{tier("backoffice-web", staff, 8686), tier("backoffice-batch", queue, 7878)}
	w.advise(Advice{Kind: "split", Groups: group(g), Tiers: tiers, WindowDays: peersWindow, Why: "web and batch hosts share a group and no service"})

	even := w.group(v, "renderer", "hosts that all serve the same two ports")
	clients, from := w.clients(v, "render-client", 2)
	even.in("tcp", 8787, 8788, from, "render")
	f := w.fleetOf(v, hosts{name: "renderer", n: 4, subnets: v.app(), groups: group(even)})
	w.flow(flow{from: clients.any(), to: f.any(), proto: tcp, port: 8787, perDay: 60, fixed: true})
	w.flow(flow{from: clients.any(), to: f.any(), proto: tcp, port: 8788, perDay: 60, fixed: true})
}

// sameRules: administration, metrics and snmp, written into each of four groups by hand.
func (w *World) sameRules(v *VPC) {
	ops, from := w.clients(v, "site-ops", 1)
	var groups []*Group
	var common []Rule
	for i, name := range []string{"invoices", "shipping", "returns", "stock"} {
		g := w.group(v, name, name)
		port := 8900 + i
		g.in("tcp", port, port, from, "own port")
		same := []*Rule{g.in("tcp", 22, 22, from, "administration"), g.in("tcp", 9106, 9106, from, "metrics"), g.in("udp", 161, 161, from, "snmp")}
		f := w.fleetOf(v, hosts{name: name, n: 2, subnets: v.app(), groups: group(g)})
		w.flow(flow{from: ops.any(), to: f.any(), proto: tcp, port: uint16(port), perDay: 24, fixed: true})
		w.flow(flow{from: ops.any(), to: f.any(), proto: tcp, port: 22, perDay: 12, fixed: true})
		w.flow(flow{from: ops.any(), to: f.any(), proto: tcp, port: 9106, perDay: 24, fixed: true})
		w.flow(flow{from: ops.any(), to: f.any(), proto: udp, port: 161, perDay: 48, style: datagram, fixed: true})
		groups = append(groups, g)
		if i == 0 {
			for _, r := range same {
				common = append(common, *r)
			}
		}
	}
	w.advise(Advice{Kind: "share", Groups: groups, Rules: common, Why: "administration, metrics and snmp are written four times"})
}

// advise plants a label.
func (w *World) advise(a Advice) { w.advice = append(w.advice, a) }

// ids of all members of a fleet, sorted.
func (f *fleet) ids() []string {
	var out []string
	for _, s := range f.slots {
		for _, m := range s {
			out = append(out, m.ID)
		}
	}
	slices.Sort(out)
	return out
}

// Divided carries out a split: of the group g, each tier gets a group of its own with those rules of g that it is given, and whoever
// let g in lets in all of them. It returns all rules; the interfaces of the world carry the new groups from then on.
func (w *World) Divided(g *Group, tiers [][]string, rules [][]string) []Rule {
	var out []Rule
	parts := make([]*Group, len(tiers))
	for i := range tiers {
		parts[i] = &Group{ID: fmt.Sprintf("%s-part-%d", g.ID, i+1), Name: fmt.Sprintf("%s-%d", g.Name, i+1), VPC: g.VPC, w: w}
	}
	for _, r := range w.Rules() {
		holders := group(nil)
		if r.GroupID == g.ID {
			holders = nil
			for i, p := range parts {
				if r.Egress || slices.Contains(rules[i], r.String()) {
					holders = append(holders, p)
				}
			}
		}
		for _, h := range holders {
			n := r
			if h != nil {
				n.GroupID = h.ID
			}
			if n.Peer != g.ID {
				out = append(out, n)
				continue
			}
			for _, p := range parts {
				n.Peer = p.ID
				out = append(out, n)
			}
		}
	}
	for _, m := range w.Interfaces {
		for i, tier := range tiers {
			if at := slices.Index(m.Groups, g); at >= 0 && slices.Contains(tier, m.ID) {
				m.Groups = slices.Clone(m.Groups)
				m.Groups[at] = parts[i]
			}
		}
	}
	return out
}
