package proof

import (
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// none stands for no change: a rule that is not taken out, or not put in.
const none = -1

// rule is a rule of a group as it is, or as a change would add it.
type rule struct {
	analyze.Rule
	removedBy int // the change that has it in Old
	addedBy   int // the change that has it in New; none for rules of the estate
	// Of the peer, looked up once.
	list         *prefixList // nil: its entries are not known
	membersKnown bool
	clients      bool // see passesClients
}

// ruleSet holds the rules of every group by direction and protocol, old and new ones together.
type ruleSet struct {
	world  *world
	groups map[string]*[3]byProto     // index: Direction
	of     map[*subject][3][]*byProto // of the groups of an interface
}

// byProto is the rules of one direction that can match a protocol. A rule for all protocols stands in all three.
type byProto struct {
	all            []*rule
	tcp, udp, rest []*rule
}

// newRuleSet takes the rules of the estate.
func newRuleSet(w *world) *ruleSet {
	s := &ruleSet{world: w, groups: make(map[string]*[3]byProto), of: make(map[*subject][3][]*byProto)}
	for _, id := range sortedKeys(w.estate.Groups) {
		s.groups[id] = new([3]byProto)
		for _, r := range w.estate.Groups[id].Rules {
			s.add(id, r, none)
		}
	}
	return s
}

func (s *ruleSet) add(group string, r analyze.Rule, change int) {
	n := &rule{Rule: r, removedBy: none, addedBy: change}
	if id := r.Peer.PrefixListID; id != "" {
		n.list = s.world.lists[id]
	}
	if id := r.Peer.GroupID; id != "" {
		n.membersKnown, n.clients = s.world.membersKnown(id), s.world.passesClients(id)
	}
	if r.Direction > analyze.Egress {
		return
	}
	b := &s.groups[group][r.Direction]
	b.all = append(b.all, n)
	p := r.Service.Proto
	any := p == analyze.AllProtocols || r.Unsupported != ""
	if any || p == analyze.TCP {
		b.tcp = append(b.tcp, n)
	}
	if any || p == analyze.UDP {
		b.udp = append(b.udp, n)
	}
	if any || p != analyze.TCP && p != analyze.UDP {
		b.rest = append(b.rest, n)
	}
}

// direction is the rules of a group in a direction; nil for a group that the estate does not know.
func (s *ruleSet) direction(group string, d analyze.Direction) *byProto {
	g := s.groups[group]
	if g == nil {
		return nil
	}
	return &g[d]
}

func (b *byProto) of(proto uint8) []*rule {
	switch analyze.Proto(proto) {
	case analyze.TCP:
		return b.tcp
	case analyze.UDP:
		return b.udp
	}
	return b.rest
}

// on is the rules of all groups of an interface, by direction; groups that the estate does not know have none.
func (s *ruleSet) on(i *subject, d analyze.Direction) []*byProto {
	all, found := s.of[i]
	if !found {
		for _, g := range i.Groups {
			for d := range all {
				if b := s.direction(g, analyze.Direction(d)); b != nil {
					all[d] = append(all[d], b)
				}
			}
		}
		s.of[i] = all
	}
	return all[d]
}

// probe asks rules about one need. What it learns of the peer is kept for the next rule.
type probe struct {
	conv   orient.Conversation // the one asked about, kept here so that none is allocated
	needs  []need
	world  *world
	need   need
	placed bool // place was called
	// Of who held the peer's address then: unsure that nobody is known to have held it all the time, and sharp that it was
	// nonetheless one of those in at.
	unsure, sharp bool
	at            []*state
	hits          []hit
}

// hit is a rule that allows, or may allow, a need.
type hit struct {
	*rule
	service, peer analyze.Match
}

// match is as sure as the less sure half.
func (h hit) match() analyze.Match { return min(h.service, h.peer) }

func (p *probe) reset(w *world, n need) {
	p.world, p.need, p.placed, p.unsure, p.sharp, p.at, p.hits = w, n, false, false, false, nil, p.hits[:0]
}

// ask matches one rule; ok is false where it surely does not allow the need.
func (p *probe) ask(r *rule) (hit, bool) {
	if r.Unsupported != "" {
		return hit{r, analyze.Maybe, analyze.Maybe}, true
	}
	h := hit{rule: r, service: serviceAllows(r.Service, p.need.proto, p.need.port)}
	if h.service == analyze.No {
		return h, false
	}
	h.peer = p.peerAllows(r)
	return h, h.peer != analyze.No
}

// serviceAllows matches protocol and port. Flow logs carry no ICMP type: a rule for one type is Maybe.
func serviceAllows(s analyze.Service, proto uint8, port uint16) analyze.Match {
	if s.Proto == analyze.AllProtocols {
		return analyze.Yes
	}
	if int(s.Proto) != int(proto) {
		return analyze.No
	}
	switch s.Proto {
	case analyze.TCP, analyze.UDP:
		if port < s.Ports.First || port > s.Ports.Last {
			return analyze.No
		}
	case analyze.ICMP, analyze.ICMPv6:
		if s.Type != -1 {
			return analyze.Maybe
		}
	}
	return analyze.Yes
}

// peerAllows matches the other side. A prefix matches its own family only [aws-facts 4.4].
func (p *probe) peerAllows(r *rule) analyze.Match {
	switch {
	case r.Peer.GroupID != "":
		return p.reference(r)
	case r.Peer.PrefixListID != "":
		switch {
		case r.list == nil:
			return analyze.Maybe
		case r.addedBy != none: // it allows from now on
			return yesIf(inSpans(r.list.now, p.need.peer))
		}
		return r.list.then(p.need.peer, p.need.at)
	}
	return yesIf(r.Peer.Prefix.Contains(p.need.peer))
}

func yesIf(b bool) analyze.Match {
	if b {
		return analyze.Yes
	}
	return analyze.No
}

// reference matches a rule that names a group: all private addresses of the interfaces that carry it, at the time of the
// traffic, where references work on the path [aws-facts 5]. What is not known of the group's members is Maybe.
func (p *probe) reference(r *rule) analyze.Match {
	m := p.member(r)
	if m == analyze.No && (!r.membersKnown || r.clients) {
		return analyze.Maybe
	}
	return m
}

// passesClients reports whether a reference to the group matches traffic that keeps the address of a client behind a network
// load balancer or accelerator, so that the peer can be anyone [aws-facts 2.5].
func (w *world) passesClients(group string) bool {
	for _, i := range slices.Concat(w.members[group], w.former[group]) {
		if i.Type == "network_load_balancer" || i.Type == "global_accelerator_managed" {
			return true
		}
	}
	return false
}

func (p *probe) member(r *rule) analyze.Match {
	p.place()
	if len(p.at) == 0 || p.unsure { // whoever held the address then is not known
		if p.sharp {
			if slices.ContainsFunc(p.at, func(s *state) bool { return carries(s.Interface, r.Peer.GroupID) }) {
				return analyze.Maybe
			}
			return analyze.No
		}
		if p.world.internal(p.need.peer) && p.world.mayLive(r.Peer.GroupID, p.need.peer) {
			return analyze.Maybe
		}
		return analyze.No
	}
	yes, no := false, false
	for _, i := range p.at {
		switch {
		case !carries(i.Interface, r.Peer.GroupID):
			no = true
		case p.worksFrom(i.Interface):
			yes = true
		default: // a path on which references may not work
			yes, no = true, true
		}
	}
	switch {
	case yes && no:
		return analyze.Maybe
	case yes:
		return analyze.Yes
	}
	return analyze.No
}

// membersKnown reports whether the estate tells who carries the group: it has the group, and interfaces of the group's
// account and region. A group that is not there is deleted, or another account's.
func (w *world) membersKnown(group string) bool {
	g := w.estate.Groups[group]
	return g != nil && w.seen[[2]string{g.Owner, g.Region}]
}

// mayLive reports whether an interface that carried the group may have held the address: it lies in a CIDR of one of the
// group's VPCs, or one of these is not known. On-premises addresses are in none.
func (w *world) mayLive(group string, a netip.Addr) bool {
	g := w.estate.Groups[group]
	if g == nil || !w.estate.AssociationsKnown && within(w.inner, a) {
		return true
	}
	vpcs := append([]string{g.VPC}, g.AssociatedVPCs...)
	for _, i := range slices.Concat(w.members[group], w.former[group]) {
		vpcs = append(vpcs, i.VPC)
	}
	for _, id := range vpcs {
		v := w.estate.VPCs[id]
		if v == nil || len(v.CIDRs) == 0 || within(v.CIDRs, a) {
			return true
		}
	}
	return false
}

// worksFrom reports whether references to the groups of i work on this path and in this direction.
func (p *probe) worksFrom(i *estate.Interface) bool {
	way := p.world.between(p.need.on.VPC, i.VPC)
	return way.references || way.ingress && p.need.direction == analyze.Ingress
}

func carries(i *estate.Interface, group string) bool {
	for _, g := range i.Groups {
		if g == group {
			return true
		}
	}
	return false
}

// place finds who holds the peer's address: in the interface's own VPC, else in one it reaches. The same address elsewhere
// is another machine.
func (p *probe) place() {
	if p.placed {
		return
	}
	p.placed = true
	var near, far []*state
	for _, i := range p.world.holding(p.need.peer) {
		switch {
		case i.VPC == p.need.on.VPC:
			near = append(near, i)
		case p.world.between(p.need.on.VPC, i.VPC).reach:
			far = append(far, i)
		}
	}
	all := near
	if len(near) == 0 {
		all = far
	}
	found, sure := in(all, p.need.at)
	p.at = found
	p.unsure = !sure && slices.ContainsFunc(found, func(s *state) bool { return !s.surely(p.need.at) })
	p.sharp = len(found) > 0 && !slices.ContainsFunc(found, func(s *state) bool { return !s.sharply(p.need.at) })
	if p.sharp && len(found) == 1 { // somebody held it, and there is nobody else
		p.unsure = false
	}
}
