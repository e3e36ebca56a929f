package estate

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
)

// MatchPeer says whether the rule's peer includes the address, for a conversation of the subject that lasted from first to
// last. The service is not looked at. Maybe keeps: it is the answer wherever the estate cannot tell.
func (x *Index) MatchPeer(rule analyze.Rule, subject *Interface, addr netip.Addr, first, last time.Time) analyze.Match {
	var p Placement
	if rule.Peer.GroupID != "" {
		p = x.Place(subject, addr, first, last)
	}
	return x.MatchPlaced(&rule, subject, addr, &p, first, last)
}

// MatchPlaced is MatchPeer where it is known who is behind the address; only references ask that.
func (x *Index) MatchPlaced(rule *analyze.Rule, subject *Interface, addr netip.Addr, p *Placement, first, last time.Time) analyze.Match {
	addr = addr.Unmap()
	switch {
	case rule.Unsupported != "":
		return analyze.Maybe
	case rule.Peer.GroupID != "":
		return x.matchReference(rule, subject, addr, p)
	case rule.Peer.PrefixListID != "":
		return x.matchList(rule.Peer.PrefixListID, addr, p, first, last)
	}
	return yesNo(rule.Peer.Prefix.Contains(addr)) // never across families
}

func yesNo(b bool) analyze.Match {
	if b {
		return analyze.Yes
	}
	return analyze.No
}

func maybeIf(b bool) analyze.Match {
	if b {
		return analyze.Maybe
	}
	return analyze.No
}

func (x *Index) matchReference(rule *analyze.Rule, subject *Interface, addr netip.Addr, p *Placement) analyze.Match {
	id := rule.Peer.GroupID
	if subject == nil || x.balanced[id] {
		return analyze.Maybe
	}
	if p.Class == Member && p.Certain && carries(p.Interfaces[0], id) {
		return x.matchMember(rule, subject, p)
	}
	g := x.e.Groups[id]
	if g == nil || !x.witnessed[Scope{Account: g.Owner, Region: g.Region}] {
		return analyze.Maybe // its members may be anywhere, or behind a load balancer
	}
	switch {
	case p.Class == Internet, p.Class == AWS:
		return analyze.No
	case p.Class == Member && p.Certain:
		return analyze.No
	case p.Class == Member && p.Complete:
		return maybeIf(slices.ContainsFunc(p.Interfaces, func(i *Interface) bool { return carries(i, id) }))
	case x.mayHold(g, p, addr):
		return analyze.Maybe
	}
	return analyze.No
}

func carries(i *Interface, group string) bool { return slices.Contains(i.Groups, group) }

// matchMember judges a reference to a group that the peer surely carries: whether the reference works along the way.
func (x *Index) matchMember(rule *analyze.Rule, subject *Interface, p *Placement) analyze.Match {
	own := x.networks[subject.VPC]
	if own.middlebox || p.network.middlebox {
		return analyze.Maybe
	}
	if p.network == own {
		return analyze.Yes
	}
	for _, w := range p.ways {
		if w.references && (w.peering != nil || rule.Direction == analyze.Ingress) {
			return analyze.Yes
		}
	}
	return analyze.Maybe
}

// mayHold reports whether some member of the group, now or earlier in the window, may have held an address that no interface
// surely holds: members have addresses inside the CIDRs of the VPCs where the group can be used. Where those are not all
// known, it may. While nobody asked which further VPCs groups are associated with, it may be in any VPC.
func (x *Index) mayHold(g *Group, p *Placement, addr netip.Addr) bool {
	if !x.e.AssociationsKnown && (p.Class == Unplaced || x.unknownVPCs || len(x.everywhere.lookup(addr)) > 0) {
		return true
	}
	return slices.ContainsFunc(x.homes[g.ID], func(n *network) bool { return n == nil || !n.known || n.cidrs.Lookup(addr) })
}

// CanReference reports whether a rule of a group in subjectVPC may reference the group with effect, and why not. It is for
// proposing references, so what is not known counts against it.
func (x *Index) CanReference(subjectVPC string, group *Group, direction analyze.Direction) (ok bool, why string) {
	own := x.networks[subjectVPC]
	if own == nil || !own.routed {
		return false, fmt.Sprintf("the route tables of %s are not in the estate: a middlebox in the way would break references", nameOr(subjectVPC, "the VPC"))
	}
	if own.middlebox {
		return false, fmt.Sprintf("routes inside %s lead through a middlebox, where references do not match", subjectVPC)
	}
	if group.VPC == subjectVPC {
		return true, ""
	}
	far := x.networks[group.VPC]
	if far == nil {
		return false, fmt.Sprintf("%s is not in the estate", nameOr(group.VPC, "the group's VPC"))
	}
	if !far.routed || far.middlebox {
		return false, fmt.Sprintf("a middlebox in %s cannot be ruled out", group.VPC)
	}
	return own.canReach(far, direction)
}

func nameOr(id, other string) string { return cmp.Or(id, other) }

func (n *network) canReach(far *network, direction analyze.Direction) (bool, string) {
	why := fmt.Sprintf("no active peering and no transit gateway connects %s and %s", n.vpc.ID, far.vpc.ID)
	for _, w := range n.peerings {
		if w.to == far {
			if w.references {
				return true, ""
			}
			why = fmt.Sprintf("peering %s is not known to be within one region", w.peering.ID)
		}
	}
	for _, g := range n.transit {
		if g.attached[far] == nil {
			continue
		}
		switch w := n.through(g, far); {
		case !w.references:
			why = fmt.Sprintf("transit gateway %s does not support references", g.id)
		case direction != analyze.Ingress:
			why = fmt.Sprintf("through transit gateway %s only ingress rules may reference groups", g.id)
		default:
			return true, ""
		}
	}
	return false, why
}

// StaleReference reports whether the rule references a group that is gone, or one behind a peering that is. Where the owner
// is unknown, or its groups are not in the estate, nothing is stale.
func (x *Index) StaleReference(rule analyze.Rule) (stale bool, why string) {
	id := rule.Peer.GroupID
	if id == "" || rule.Unsupported != "" {
		return false, ""
	}
	if status := strings.ToLower(rule.PeeringStatus); peeringGone(status) {
		return true, fmt.Sprintf("peering %s to group %s is %s", rule.PeeringID, id, status)
	}
	p := x.e.Peerings[rule.PeeringID]
	if p != nil && peeringGone(p.Status) {
		return true, fmt.Sprintf("peering %s to group %s is %s", p.ID, id, p.Status)
	}
	if x.e.Groups[id] != nil || rule.PeerAccount == "" {
		return false, ""
	}
	vpc := x.referencedVPC(&rule, p)
	if vpc == "" {
		return false, ""
	}
	if x.described[vpcOwner{vpc, rule.PeerAccount}] {
		return true, fmt.Sprintf("group %s is not among the groups of %s", id, vpc)
	}
	return false, ""
}

func peeringGone(status string) bool {
	switch status {
	case "deleted", "deleting", "expired", "failed", "rejected":
		return true
	}
	return false
}

// referencedVPC is the VPC that the referenced group belongs to, or "".
func (x *Index) referencedVPC(rule *analyze.Rule, p *Peering) string {
	if rule.PeerVPC != "" {
		return rule.PeerVPC
	}
	holder := x.e.Groups[rule.GroupID]
	switch {
	case holder == nil:
		return ""
	case rule.PeeringID == "":
		return holder.VPC
	case p == nil:
		return ""
	case p.Requester.VPC == holder.VPC:
		return p.Accepter.VPC
	}
	return p.Requester.VPC
}
