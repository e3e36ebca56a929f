// Package usage joins conversations with the estate: which rules allow what was seen, surely or maybe, and which rule is
// credited with it (design §6, §7.1).
package usage

import (
	"iter"
	"net/netip"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// Flow is one distinct conversation over the whole window: what the days saw, summed.
type Flow struct {
	Interface string
	// Subject is the interface as it was then; nil when nobody has recorded it. Of such a gone interface only account and VPC
	// are known, so it may have carried any group of its VPC.
	Subject *estate.Interface
	// Unsure says that the interface may have been in another state: what its rules allow is at best maybe.
	Unsure    bool
	Direction analyze.Direction
	Peer      netip.Addr
	Proto     uint8
	Port      uint16
	Action    analyze.Action

	Days        []int32 // days since 1970-01-01 UTC it was seen on, ascending; shared: not to be changed
	First, Last int64   // unix seconds
	Flows       int64   // records
	Bytes       int64
	Strength    analyze.Strength  // the strongest
	Orientation analyze.Reason    // the best; Ambiguous when no day decided
	Need        bool              // design §4.6
	Unlikely    bool              // every sighting is an unlikely reading of a doubtful connection: see orient.Conversation
	Place       *estate.Placement // shared: not to be changed
	Credit      []int32           // rules that must keep it, as indexes into Result.Rules; sorted; shared: not to be changed
}

// Placed reports whether both ends are surely known: the interface as it was then, and, of a peer in a network of the estate,
// who held its address.
func (f *Flow) Placed() bool {
	return f.Subject != nil && !f.Unsure && (!f.Place.Class.InEstate() || f.Place.Certain)
}

// Service is the flow's protocol and port as the narrowest service that allows it. Flow logs carry no ICMP type, so of
// ICMP it is all types.
func (f *Flow) Service() analyze.Service {
	p := analyze.Proto(f.Proto)
	if p.HasPorts() {
		return analyze.PortService(p, analyze.PortRange{First: f.Port, Last: f.Port})
	}
	return analyze.ProtoService(p)
}

// Readings yields the conversation with its local side, as the estate tells it where the evidence left it open; where not
// even the estate can, both readings, as ambiguous ones.
func Readings(x *estate.Index, c *orient.Conversation) iter.Seq2[int, orient.Conversation] {
	return readings(c, func(a netip.Addr) bool { return x.IsLocal(c.Interface, a) })
}

// readings are Readings, of an interface that owns addresses as told.
func readings(c *orient.Conversation, owns func(netip.Addr) bool) iter.Seq2[int, orient.Conversation] {
	return func(yield func(int, orient.Conversation) bool) {
		if c.Direction != analyze.DirectionUnknown {
			yield(0, *c)
			return
		}
		ingress, egress := *c, *c
		ingress.Direction = analyze.Ingress
		egress.Direction, egress.Local, egress.Peer = analyze.Egress, c.Peer, c.Local
		service, client := owns(c.Local), owns(c.Peer)
		switch {
		case service && !client:
			yield(0, ingress)
		case client && !service:
			yield(0, egress)
		default:
			ingress.Orientation, egress.Orientation = analyze.Ambiguous, analyze.Ambiguous
			_ = yield(0, ingress) && yield(1, egress)
		}
	}
}
