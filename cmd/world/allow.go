package world

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
)

// Allows reports whether rules let a relation through at its first time in the period: the naive evaluator. It walks
// every rule of every group of the interface; there is no order and no deny [F 2.3].
func (w *World) Allows(rules []Rule, n Need) bool {
	for _, r := range rules {
		if w.RuleAllows(r, n) {
			return true
		}
	}
	return false
}

// RuleAllows reports whether one rule lets a relation through: it belongs to a group of the interface, and direction,
// protocol, port and peer fit.
func (w *World) RuleAllows(r Rule, n Need) bool {
	return n.Interface.carries(r.GroupID) && r.Egress == n.Egress && serviceFits(r, n) && w.peerFits(r, n)
}

// serviceFits: an ICMP rule of one type fits, as logs carry no type and the worlds ping with whatever the rule allows.
func serviceFits(r Rule, n Need) bool {
	switch r.Protocol {
	case "-1":
		return true
	case "tcp", "udp":
		proto := map[string]uint8{"tcp": 6, "udp": 17}[r.Protocol]
		return n.Protocol == proto && r.From <= int(n.Port) && int(n.Port) <= r.To
	case "icmp":
		return n.Protocol == 1
	case "icmpv6":
		return n.Protocol == 58
	}
	return r.Protocol == strconv.Itoa(int(n.Protocol))
}

func (w *World) peerFits(r Rule, n Need) bool {
	if p, err := netip.ParsePrefix(r.Peer); err == nil {
		return p.Contains(n.Peer)
	}
	for _, l := range w.PrefixLists {
		if l.ID == r.Peer {
			return slices.ContainsFunc(l.Entries, func(p netip.Prefix) bool { return p.Contains(n.Peer) })
		}
	}
	return w.isMember(r.Peer, n)
}

// isMember: a reference matches the private addresses of all interfaces that carry the group [F 5], and whatever an NLB
// that carries it forwards [F 2.5].
func (w *World) isMember(group string, n Need) bool {
	if n.Via != nil && n.Via.carries(group) {
		return true
	}
	for _, m := range w.Interfaces {
		if m.Alive(n.First) && m.carries(group) && (m.Primary == n.Peer || m.Primary6 == n.Peer || slices.Contains(m.Secondary, n.Peer)) {
			return true
		}
	}
	return false
}

// ReadState reads rules from JSON as `aws ec2 describe-security-groups` prints it (proposed.json has this shape too).
func ReadState(r io.Reader) ([]Rule, error) {
	type peer struct{ CidrIp, CidrIpv6, PrefixListId, GroupId, Description, VpcPeeringConnectionId string }
	type permission struct {
		IpProtocol                                            string
		FromPort, ToPort                                      *int
		IpRanges, Ipv6Ranges, PrefixListIds, UserIdGroupPairs []peer
	}
	var state struct {
		SecurityGroups []struct {
			GroupId                            string
			IpPermissions, IpPermissionsEgress []permission
		}
	}
	if err := json.NewDecoder(r).Decode(&state); err != nil {
		return nil, fmt.Errorf("world: state: %w", err)
	}
	var rules []Rule
	for _, g := range state.SecurityGroups {
		for egress, ps := range map[bool][]permission{false: g.IpPermissions, true: g.IpPermissionsEgress} {
			for _, p := range ps {
				for _, s := range slices.Concat(p.IpRanges, p.Ipv6Ranges, p.PrefixListIds, p.UserIdGroupPairs) {
					rule := Rule{GroupID: g.GroupId, Egress: egress, Protocol: p.IpProtocol, Description: s.Description,
						Peer: s.CidrIp + s.CidrIpv6 + s.PrefixListId + s.GroupId, PeeringID: s.VpcPeeringConnectionId}
					rule.From, rule.To = portsOf(p.IpProtocol, p.FromPort, p.ToPort)
					rules = append(rules, rule)
				}
			}
		}
	}
	slices.SortFunc(rules, func(a, b Rule) int { return compareText(a.String(), b.String()) })
	return rules, nil
}

// portsOf reads absent ports and -1 as all [F 4.1].
func portsOf(proto string, from, to *int) (int, int) {
	switch proto {
	case "tcp", "udp":
		if from == nil || to == nil || *from == -1 {
			return 0, 65535
		}
		return *from, *to
	case "icmp", "icmpv6":
		if from == nil || to == nil {
			return -1, -1
		}
		return *from, *to
	}
	return 0, 0
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
