package world

import (
	"fmt"
	"net/netip"
	"strconv"
)

// Group is a security group.
type Group struct {
	ID, Name, Description string
	VPC                   *VPC
	Tags                  map[string]string
	Rules                 []*Rule
	w                     *World
}

// Rule is one rule: one source or destination for one service. Comparable by its fields.
type Rule struct {
	ID          string // sgr-…
	GroupID     string
	Egress      bool
	Protocol    string // tcp, udp, icmp, icmpv6, -1, or a number
	From, To    int    // ports; ICMP type and code; 0, 0 where the protocol has none
	Peer        string // CIDR, sg-… or pl-…
	Description string
	PeeringID   string // of a reference into a peered VPC
}

// Direction is ingress or egress.
func (r Rule) Direction() string {
	if r.Egress {
		return "egress"
	}
	return "ingress"
}

// Service is protocol and ports as people write them: "tcp 443", "tcp 8000-8010", "udp *", "icmp", "icmp 3/4", "all", "50".
func (r Rule) Service() string {
	switch r.Protocol {
	case "-1":
		return "all"
	case "tcp", "udp":
		return r.Protocol + " " + portText(r.From, r.To)
	case "icmp", "icmpv6":
		if r.From == -1 {
			return r.Protocol
		}
		if r.To == -1 {
			return r.Protocol + " " + strconv.Itoa(r.From)
		}
		return fmt.Sprintf("%s %d/%d", r.Protocol, r.From, r.To)
	}
	return r.Protocol
}

func portText(from, to int) string {
	switch {
	case from == 0 && to == 65535:
		return "*"
	case from == to:
		return strconv.Itoa(from)
	}
	return fmt.Sprintf("%d-%d", from, to)
}

// String is group, direction, service and peer: "sg-1 ingress tcp 443 10.0.0.0/8".
func (r Rule) String() string {
	return r.GroupID + " " + r.Direction() + " " + r.Service() + " " + r.Peer
}

// group makes a group with EC2's default egress: all traffic to everywhere, in both families [F 5].
func (w *World) group(v *VPC, name, description string) *Group {
	g := w.closedGroup(v, name, description)
	g.out("-1", 0, 0, "0.0.0.0/0", "")
	g.out("-1", 0, 0, "::/0", "")
	return g
}

// closedGroup makes a group without any rule.
func (w *World) closedGroup(v *VPC, name, description string) *Group {
	g := &Group{ID: id("sg", hash(w.Seed, hashString(v.ID), hashString(name))), Name: name, Description: description, VPC: v, w: w}
	w.Groups = append(w.Groups, g)
	return g
}

// in adds an ingress rule. The source is a *Group, a *PrefixList, a netip.Prefix or a CIDR as text.
func (g *Group) in(proto string, from, to int, source any, description string) *Rule {
	return g.add(false, proto, from, to, source, description)
}

// out adds an egress rule.
func (g *Group) out(proto string, from, to int, destination any, description string) *Rule {
	return g.add(true, proto, from, to, destination, description)
}

func (g *Group) add(egress bool, proto string, from, to int, peer any, description string) *Rule {
	r := &Rule{GroupID: g.ID, Egress: egress, Protocol: proto, From: from, To: to, Description: description, Peer: peerText(peer)}
	if ref, ok := peer.(*Group); ok && ref.VPC != g.VPC {
		r.PeeringID = g.w.peeringBetween(g.VPC, ref.VPC)
	}
	r.ID = id("sgr", hash(g.w.Seed, hashString(r.String())))
	g.Rules = append(g.Rules, r)
	return r
}

func peerText(peer any) string {
	switch p := peer.(type) {
	case *Group:
		return p.ID
	case *PrefixList:
		return p.ID
	case netip.Prefix:
		return p.String()
	case string:
		return p
	}
	panic(fmt.Sprintf("world: %T is no peer of a rule", peer))
}

func (w *World) peeringBetween(a, b *VPC) string {
	for _, p := range w.Peerings {
		if p.Requester == a && p.Accepter == b || p.Requester == b && p.Accepter == a {
			return p.ID
		}
	}
	panic("world: a reference into a VPC without peering")
}

// Rules are all rules of all groups, in order.
func (w *World) Rules() []Rule {
	var rs []Rule
	for _, g := range w.Groups {
		for _, r := range g.Rules {
			rs = append(rs, *r)
		}
	}
	return rs
}

// IdealRules are the rules of the world's ideal state: every planted defect mended, everything else as it is.
func (w *World) IdealRules() []Rule {
	mended := map[string][]Rule{}
	for _, d := range w.defects {
		mended[d.Rule.ID] = d.Ideal
	}
	var rs []Rule
	for _, r := range w.Rules() {
		if ideal, planted := mended[r.ID]; planted {
			rs = append(rs, ideal...)
		} else {
			rs = append(rs, r)
		}
	}
	return rs
}
