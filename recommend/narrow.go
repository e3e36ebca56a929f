package recommend

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/usage"
	"github.com/sgtrim/sgtrim/recommend/unseen"
)

// narrow proposes the cheapest rules inside the old one that hold what it must keep. It returns no draft, and why, when
// the rule is used as it stands.
func (r *reviewer) narrow(i int32, keep []int32) (*draft, string) {
	rule := &r.use.Rules[i]
	uses, loss := r.servicesOf(rule, keep)
	r.room = r.roomFor(rule) / max(1, len(uses))
	d := &draft{rule: i, leans: sameGroup(r.use, rule)}
	peers := r.peerPlan(rule, keep)
	d.remarks = append(d.remarks, peers.remarks...)

	whole := []cover{{peer: rule.Peer}}
	ports := pieces(uses, func([]int32) []cover { return whole })
	full := pieces(uses, peers.cover)
	if len(full) > r.opt.MaxRules {
		full = pieces(merged(uses), peers.cover)
	}
	if len(full) > r.opt.MaxRules {
		all := peers.cover(keep)
		full = pieces(uses, func([]int32) []cover { return all })
	}
	full, ports = withPathMTU(rule, full), withPathMTU(rule, ports)
	byService := func(a, b piece) int { return cmp.Or(a.service.Compare(b.service), a.peer.Compare(b.peer)) }
	slices.SortFunc(full, byService)
	slices.SortFunc(ports, byService)

	peersNarrower := narrower(rule, full) && slices.ContainsFunc(full, func(p piece) bool { return p.peer != rule.Peer })
	portsNarrower := narrower(rule, ports)
	if len(ports) > r.opt.MaxRules {
		portsNarrower = false
	}
	if peersNarrower && len(full) <= max(3*r.opt.MaxRules, r.room*len(uses)) {
		d.kind, d.news, d.reason = NarrowPeers, full, peers.reason
		d.status, d.release, d.denies = peers.status, peers.release, peers.denies
		if portsNarrower {
			d.portsOnly = r.portsDraft(i, ports, loss, d)
			r.newPorts(d, loss)
		}
		return d, ""
	}
	if portsNarrower {
		return r.portsDraft(i, ports, loss, d), ""
	}
	if peers.kept != "" {
		return nil, peers.kept
	}
	return nil, "used as it stands"
}

// newPorts leaves it to a person where ports kept coming that no range explains.
func (r *reviewer) newPorts(d *draft, loss unseen.Share) {
	if loss == 0 {
		return
	}
	d.status = Review
	d.release = fmt.Sprintf("new ports kept coming: %s of the next days' connections are expected on others, and level %s bears less than %s",
		loss, r.opt.Level, r.bound)
}

func (r *reviewer) portsDraft(i int32, ports []piece, loss unseen.Share, d *draft) *draft {
	names := make([]string, 0, len(ports))
	for _, p := range ports {
		if p.why != pathMTU {
			names = append(names, p.service.String())
		}
	}
	was := "was"
	if len(names) > 1 {
		was = "were"
	}
	out := &draft{
		rule: i, kind: NarrowPorts, news: ports, leans: d.leans, remarks: slices.Clone(d.remarks),
		reason: fmt.Sprintf("of %s only %s %s needed", r.use.Rules[i].Service, listed(names, 6), was),
	}
	r.newPorts(out, loss)
	return out
}

// sameGroup are the rules of the same group that the rule's other hits lean on.
func sameGroup(u *usage.Result, rule *usage.Rule) []int32 {
	var out []int32
	for _, l := range rule.Leans {
		if u.Rules[l].GroupID == rule.GroupID {
			out = append(out, l)
		}
	}
	return out
}

// serviceUse is a service within the old rule, with the flows it carries.
type serviceUse struct {
	service analyze.Service
	why     string
	flows   []int32
}

// servicesOf finds the narrowest services that carry the flows: exact ports, ranges where use is a range, whole protocols
// where there are no ports. A rule of one port, or of a protocol without ports, keeps its service.
func (r *reviewer) servicesOf(rule *usage.Rule, keep []int32) (out []serviceUse, loss unseen.Share) {
	byProto := map[analyze.Proto][]int32{}
	for _, fi := range keep {
		p := analyze.Proto(r.use.Flows[fi].Proto)
		byProto[p] = append(byProto[p], fi)
	}
	for p, flows := range byProto {
		if !p.HasPorts() {
			service := analyze.ProtoService(p)
			if rule.Service.Proto != analyze.AllProtocols {
				service = rule.Service
			}
			out = append(out, serviceUse{service: service, flows: flows})
			continue
		}
		ports, l := r.portUses(rule, p, flows)
		out, loss = append(out, ports...), max(loss, l)
	}
	slices.SortFunc(out, func(a, b serviceUse) int { return a.service.Compare(b.service) })
	return out, loss
}

func (r *reviewer) portUses(rule *usage.Rule, p analyze.Proto, flows []int32) ([]serviceUse, unseen.Share) {
	within := analyze.AllPorts
	if rule.Service.Proto == p {
		within = rule.Service.Ports
	}
	ranges, loss := r.portRanges(flows, within)
	out := make([]serviceUse, len(ranges))
	for i, pr := range ranges {
		out[i].service = analyze.PortService(p, pr)
		if pr.Len() > portsSeen(r.use.Flows, flows, pr) {
			out[i].why = "used as a range: new ports kept coming"
		}
	}
	for _, fi := range flows {
		port := r.use.Flows[fi].Port
		at, _ := slices.BinarySearchFunc(ranges, port, func(pr analyze.PortRange, port uint16) int {
			switch {
			case pr.Last < port:
				return -1
			case pr.First > port:
				return 1
			}
			return 0
		})
		out[at].flows = append(out[at].flows, fi)
	}
	return out, loss
}

func portsSeen(all []usage.Flow, flows []int32, pr analyze.PortRange) int {
	seen := map[uint16]bool{}
	for _, fi := range flows {
		if p := all[fi].Port; pr.Contains(p) {
			seen[p] = true
		}
	}
	return len(seen)
}

// merged joins the services of one protocol that lie next to each other or carry the same peers: fewer rules, the same
// protocol. Here it keeps services apart but gives all of one protocol the same peers, so that covers coincide.
func merged(uses []serviceUse) []serviceUse {
	byProto := map[analyze.Proto][]int32{}
	for _, u := range uses {
		byProto[u.service.Proto] = append(byProto[u.service.Proto], u.flows...)
	}
	out := slices.Clone(uses)
	for i := range out {
		out[i].flows = byProto[out[i].service.Proto]
	}
	return out
}

// pieces makes the rules: each service with the cover of its peers; services that touch and have the same peers become one.
func pieces(uses []serviceUse, coverOf func([]int32) []cover) []piece {
	var out []piece
	for _, u := range uses {
		for _, c := range coverOf(u.flows) {
			out = append(out, piece{service: u.service, peer: c.peer, why: joinWhy(u.why, c.why)})
		}
	}
	slices.SortFunc(out, func(a, b piece) int { return cmp.Or(a.peer.Compare(b.peer), a.service.Compare(b.service)) })
	out = slices.CompactFunc(out, func(a, b piece) bool { return a.peer == b.peer && a.service == b.service })
	joined := out[:0]
	for _, p := range out {
		if n := len(joined); n > 0 && touches(joined[n-1], p) {
			joined[n-1].service.Ports.Last = p.service.Ports.Last
			continue
		}
		joined = append(joined, p)
	}
	return joined
}

func touches(a, b piece) bool {
	return a.peer == b.peer && a.service.Proto == b.service.Proto && a.service.Proto.HasPorts() &&
		int(a.service.Ports.Last)+1 == int(b.service.Ports.First)
}

func joinWhy(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// pathMTU is why a rule that no record shows a use of is there.
const pathMTU = "path MTU discovery"

// withPathMTU adds "fragmentation needed" (ICMP 3/4; ICMPv6 2) from the same peers, where a rule for all protocols is
// narrowed: without it connections hang, and flow logs cannot show it (design §7.2).
func withPathMTU(rule *usage.Rule, in []piece) []piece {
	if rule.Service.Proto != analyze.AllProtocols {
		return in
	}
	out := slices.Clone(in)
	seen := map[analyze.Peer]bool{}
	for _, p := range in {
		if seen[p.peer] {
			continue
		}
		seen[p.peer] = true
		v4, v6 := true, true
		for _, q := range []analyze.Peer{rule.Peer, p.peer} { // a reference in the place of a network has the network's family
			if q.IsCIDR() {
				is4 := q.Prefix.Addr().Is4()
				v4, v6 = v4 && is4, v6 && !is4
			}
		}
		if v4 && !allows(in, p.peer, analyze.ICMP) {
			out = append(out, piece{analyze.ICMPService(analyze.ICMP, 3, 4), p.peer, pathMTU})
		}
		if v6 && !allows(in, p.peer, analyze.ICMPv6) {
			out = append(out, piece{analyze.ICMPService(analyze.ICMPv6, 2, -1), p.peer, pathMTU})
		}
	}
	return out
}

func allows(in []piece, peer analyze.Peer, p analyze.Proto) bool {
	return slices.ContainsFunc(in, func(q piece) bool { return q.peer == peer && q.service == analyze.ProtoService(p) })
}

// narrower reports whether the pieces are something else than the rule itself.
func narrower(rule *usage.Rule, in []piece) bool {
	return len(in) > 0 && !(len(in) == 1 && in[0].service == rule.Service && in[0].peer == rule.Peer) &&
		!slices.ContainsFunc(in, func(p piece) bool { return p.service.Covers(rule.Service) && p.peer == rule.Peer })
}
