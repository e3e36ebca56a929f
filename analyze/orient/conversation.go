// Package orient decides who opened each connection: a pure function of one day's evidence (design §4.4).
package orient

import (
	"net/netip"

	"github.com/sgtrim/sgtrim/analyze"
)

// Key of a conversation: initiator to service, on one interface, on one day.
type Key struct {
	Day       int32
	Interface string
	// Direction is Ingress when the interface is the service's end, Egress when it is the client's, DirectionUnknown while
	// the local side is open; then Local and Peer stand for service and client, and the join decides.
	Direction   analyze.Direction
	Local, Peer netip.Addr
	Proto       uint8
	Port        uint16 // of the service; 0 for protocols without ports
	Action      analyze.Action
}

// Counter counts what was seen of a conversation at one strength.
type Counter struct{ Flows, Packets, Bytes int64 }

// Conversation is one row: the values are sums over flow records.
type Conversation struct {
	Key
	Counters    [analyze.NumStrengths]Counter
	Hours       uint32
	First, Last int64
	Orientation analyze.Reason // the best; Ambiguous when nothing decided
	// Link is not 0 when Orientation is Ambiguous: the two readings of one doubtful connection carry the same number. They
	// stand outside totals and estimates; they can keep a permission, never remove one or narrow past it.
	Link int64
	// Unlikely is set in the reading of a doubtful connection that goes against the ranges systems take client ports from: the
	// service's port would lie from 32768 on, the client's below. NAT makes such connections; it may keep a permission like any
	// other reading, and tells nothing of what comes next.
	Unlikely bool
}

// Strength is the strongest one seen.
func (c *Conversation) Strength() analyze.Strength {
	for s := analyze.NumStrengths - 1; s > analyze.StrengthNone; s-- {
		if c.Counters[s].Flows > 0 {
			return s
		}
	}
	return analyze.StrengthNone
}

// Total sums the counters of all strengths.
func (c *Conversation) Total() Counter {
	var t Counter
	for _, n := range c.Counters {
		t.Flows += n.Flows
		t.Packets += n.Packets
		t.Bytes += n.Bytes
	}
	return t
}

// Merge adds o, another view of the same parties and service, to c.
func (c *Conversation) Merge(o *Conversation) {
	for s := range c.Counters {
		c.Counters[s].add(o.Counters[s])
	}
	c.Hours |= o.Hours
	c.First, c.Last = min(c.First, o.First), max(c.Last, o.Last)
	if o.Orientation.Better(c.Orientation) {
		c.Orientation = o.Orientation
	}
}
