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

	Days        []int32 // days since 1970-01-01 UTC it was seen on, ascending
	First, Last int64   // unix seconds
	Flows       int64   // records
	Bytes       int64
	Strength    analyze.Strength  // the strongest
	Orientation analyze.Reason    // the best; Ambiguous when no day decided
	Need        bool              // design §4.6
	Unlikely    bool              // every sighting is an unlikely reading of a doubtful connection: see orient.Conversation
	Place       *estate.Placement // shared: not to be changed
	Credit      []int32           // rules that must keep it, as indexes into Result.Rules; sorted
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

// flowKey identifies a Flow while summing. Fixed size, comparable.
type flowKey struct {
	peer      [16]byte
	iface     int32
	port      uint16
	proto     uint8
	direction analyze.Direction
	action    analyze.Action
	v4        bool
	unsure    bool
	subject   int32 // number of the interface's state, 0 where it is not known
	who       int32 // who the peer is: see placed
}

// summer sums conversations of all days into flows.
type summer struct {
	index    *estate.Index
	timeline *timeline
	ids      numbers[string] // of interfaces
	names    []string
	locals   []netip.Addr               // by interface: an address of its own, invalid when none was told
	subjects numbers[*estate.Interface] // their states; nil is 0
	byKey    map[flowKey]int32
	buffer   []part
	flows    []Flow
	owners   []int32 // of the flows: numbers of their interfaces
	counts   Counts
}

// Counts are totals of the join.
type Counts struct {
	Conversations int // rows, before summing over days
	Ambiguous     int // rows in two readings
	Late          int // rows without strength: late packets of closed connections, no evidence of anything
	OpenSides     int // rows whose local side not even the estate could tell
}

func newSummer(x *estate.Index) *summer {
	s := &summer{index: x, timeline: newTimeline(x), byKey: map[flowKey]int32{}}
	s.subjects.number(nil)
	return s
}

// add sums one conversation, in each of its readings: doubt can only keep a permission.
func (s *summer) add(c *orient.Conversation) {
	s.counts.Conversations++
	if c.Link != 0 {
		s.counts.Ambiguous++
	}
	if c.Strength() == analyze.StrengthNone {
		s.counts.Late++
		return
	}
	if c.Direction != analyze.DirectionUnknown {
		s.locals[s.id(c.Interface)] = c.Local
	}
	for n, reading := range Readings(s.index, c) {
		if n == 1 {
			s.counts.OpenSides++
		}
		s.addReading(&reading)
	}
}

// Readings yields the conversation with its local side, as the estate tells it where the evidence left it open; where not
// even the estate can, both readings, as ambiguous ones.
func Readings(x *estate.Index, c *orient.Conversation) iter.Seq2[int, orient.Conversation] {
	return func(yield func(int, orient.Conversation) bool) {
		if c.Direction != analyze.DirectionUnknown {
			yield(0, *c)
			return
		}
		ingress, egress := *c, *c
		ingress.Direction = analyze.Ingress
		egress.Direction, egress.Local, egress.Peer = analyze.Egress, c.Peer, c.Local
		service, client := x.IsLocal(c.Interface, c.Local), x.IsLocal(c.Interface, c.Peer)
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

// addReading sums a reading, part by part. Its records are counted with the first: they are of the day, not of the hour.
func (s *summer) addReading(c *orient.Conversation) {
	for n, p := range s.parts(c) {
		f := s.flow(c, &p)
		if n == 0 {
			t := c.Total()
			f.Flows += t.Flows
			f.Bytes += t.Bytes
		}
		f.First, f.Last = min(f.First, p.first), max(f.Last, p.last)
		f.Strength = max(f.Strength, c.Strength())
		f.Unlikely = f.Unlikely && c.Unlikely
		if c.Orientation.Better(f.Orientation) {
			f.Orientation = c.Orientation
		}
		if n := len(f.Days); n == 0 || f.Days[n-1] != c.Day {
			f.Days = append(f.Days, c.Day)
		}
	}
}

// flow is the one that a part belongs to.
func (s *summer) flow(c *orient.Conversation, p *part) *Flow {
	peer := c.Peer.Unmap()
	k := flowKey{peer: peer.As16(), iface: s.id(c.Interface), port: c.Port, proto: c.Proto, direction: c.Direction, action: c.Action, v4: peer.Is4()}
	if !p.whole {
		k.subject, k.unsure, k.who = s.subjects.number(p.subject), p.unsure, p.place.who
	}
	i, ok := s.byKey[k]
	if !ok {
		i = int32(len(s.flows))
		s.byKey[k] = i
		s.owners = append(s.owners, k.iface)
		s.flows = append(s.flows, Flow{
			Interface: s.names[k.iface], Direction: c.Direction, Peer: peer, Proto: c.Proto, Port: c.Port, Action: c.Action,
			First: p.first, Last: p.last, Subject: p.subject, Unsure: p.unsure, Place: p.place.Placement, Unlikely: true,
		})
	}
	return &s.flows[i]
}

// id numbers the interfaces.
func (s *summer) id(name string) int32 {
	i := s.ids.number(name)
	if int(i) == len(s.names) {
		s.names = append(s.names, name)
		s.locals = append(s.locals, netip.Addr{})
	}
	return i
}
