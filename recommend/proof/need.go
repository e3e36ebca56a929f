package proof

import (
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// need is one reading of a conversation that a proposal must keep if the rules allow it.
type need struct {
	on        *subject
	direction analyze.Direction
	peer      netip.Addr
	proto     uint8
	port      uint16
	first     int64 // unix seconds
	of        *orient.Conversation
}

// readings are the readings of c that are needed (design §4.6): none, one, or two where the direction stays open.
// Interfaces without groups, or not in the estate, are no subjects. The slice is valid until the next call.
func (p *probe) readings(w *world, c orient.Conversation) []need {
	p.conv, p.needs = c, p.needs[:0]
	on := w.subjects[c.Interface]
	if on == nil || c.Action != analyze.Accept {
		return nil
	}
	local, peer := c.Local.Unmap(), c.Peer.Unmap()
	switch c.Direction {
	case analyze.Ingress, analyze.Egress:
		p.read(w, on, c.Direction, peer)
		return p.needs
	}
	// Local is the service and Peer the client here, and which of them is the interface's own is not known.
	service, client := on.owns(local), on.owns(peer)
	if service || !client {
		p.read(w, on, analyze.Ingress, peer)
	}
	if client || !service {
		p.read(w, on, analyze.Egress, local)
	}
	return p.needs
}

// read adds one reading of p.conv if it is needed.
func (p *probe) read(w *world, on *subject, d analyze.Direction, peer netip.Addr) {
	c := &p.conv
	if w.needed(c, peer) {
		p.needs = append(p.needs, need{on: on, direction: d, peer: peer, proto: c.Proto, port: c.Port, first: c.First, of: c})
	}
}

// owns reports whether a is an address of the interface.
func (s *subject) owns(a netip.Addr) bool {
	return a.IsValid() && (a == s.Primary || slices.Contains(s.Addrs, a) ||
		slices.ContainsFunc(s.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) }))
}

func (w *world) needed(c *orient.Conversation, peer netip.Addr) bool {
	switch c.Strength() {
	case analyze.Established:
		return true
	case analyze.Weak, analyze.OneWay, analyze.Attempt:
		return analyze.PrivateAddr(peer) || w.inEstate(peer) || within(w.known, peer)
	}
	return false
}

// inEstate reports whether the address belongs to a network of the estate, or an interface of it holds it, be it as its
// public address: a NAT gateway of one's own that is let in by its elastic address is no stranger.
func (w *world) inEstate(a netip.Addr) bool {
	return w.public[a] || within(w.inner, a) || len(w.holding(a)) > 0
}

// internal reports whether a belongs to private or to the estate's own address space.
func (w *world) internal(a netip.Addr) bool {
	return analyze.PrivateAddr(a) || within(w.inner, a)
}

func within(ps []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
}
