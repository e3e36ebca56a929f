package proof

import (
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// need is one reading of a conversation, or of the hours of it in which its two ends were in one state, that a proposal must
// keep if the rules allow it.
type need struct {
	on        *subject
	direction analyze.Direction
	peer      netip.Addr
	proto     uint8
	port      uint16
	at        stretch
	again     bool // another need of the same conversation came before
	of        *orient.Conversation
}

// readings are the readings of c that are needed (design §4.6): none, one, or two where the direction stays open, and of each
// as many as there were states of its ends. Interfaces without groups, or not in the estate, are no subjects. The slice is
// valid until the next call.
func (p *probe) readings(w *world, c orient.Conversation) []need {
	p.conv, p.needs = c, p.needs[:0]
	states := w.subjects[c.Interface]
	if len(states) == 0 || c.Action != analyze.Accept {
		return nil
	}
	local, peer := c.Local.Unmap(), c.Peer.Unmap()
	switch c.Direction {
	case analyze.Ingress, analyze.Egress:
		p.read(w, states, c.Direction, peer)
		return p.needs
	}
	// Local is the service and Peer the client here, and which of them is the interface's own is not known.
	service, client := owned(states, local), owned(states, peer)
	if service || !client {
		p.read(w, states, analyze.Ingress, peer)
	}
	if client || !service {
		p.read(w, states, analyze.Egress, local)
	}
	return p.needs
}

// read adds one reading of p.conv if it is needed.
func (p *probe) read(w *world, states []*subject, d analyze.Direction, peer netip.Addr) {
	c := &p.conv
	if !w.needed(c, peer) {
		return
	}
	whole := stretch{c.First, c.Last}
	if !p.changes(w, states, peer, whole) {
		p.readAt(states, d, peer, whole)
		return
	}
	some := false
	for h := range int64(24) {
		if c.Hours>>h&1 == 0 {
			continue
		}
		from := int64(c.Day)*86400 + 3600*h
		at := stretch{max(c.First, from), min(c.Last, from+3599)}
		if h == 0 { // a record that ends on this day may have begun on the one before
			at.first = min(at.first, c.First)
		}
		if at.first <= at.last {
			p.readAt(states, d, peer, at)
			some = true
		}
	}
	if !some {
		p.readAt(states, d, peer, whole)
	}
}

// changes reports whether the interface, who holds the peer's address, or what lists say of it changed in the stretch or may have.
func (p *probe) changes(w *world, states []*subject, peer netip.Addr, at stretch) bool {
	if len(states) > 1 && slices.ContainsFunc(states, func(s *subject) bool { return s.changing(at) }) {
		return true
	}
	return slices.ContainsFunc(w.holding(peer), func(s *state) bool { return s.changing(at) }) ||
		slices.ContainsFunc(w.varied, func(l *prefixList) bool { return l.changes(peer, at) })
}

// readAt adds the needs of a stretch: one for each state that the interface may have been in. An interface of one state was
// in it, for its records say that it was there.
func (p *probe) readAt(states []*subject, d analyze.Direction, peer netip.Addr, at stretch) {
	c := &p.conv
	add := func(on *subject) {
		if len(on.Groups) == 0 {
			return
		}
		p.needs = append(p.needs, need{on: on, direction: d, peer: peer, proto: c.Proto, port: c.Port, at: at, again: len(p.needs) > 0, of: c})
	}
	if len(states) == 1 {
		add(states[0])
		return
	}
	all := make([]*state, len(states))
	for k, s := range states {
		all[k] = s.state
	}
	found, _ := in(all, at)
	for _, s := range states {
		if slices.Contains(found, s.state) {
			add(s)
		}
	}
}

func owned(states []*subject, a netip.Addr) bool {
	return slices.ContainsFunc(states, func(s *subject) bool { return s.owns(a) })
}

// owns reports whether a is an address of the interface.
func (s *state) owns(a netip.Addr) bool {
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
