package usage

import (
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// part is the time of a conversation in which its interface and its peer were in one state, as far as the estate tells.
type part struct {
	subject     *estate.Interface // nil: nobody has recorded the interface at that time
	unsure      bool              // the interface may have been in another state
	place       *placed
	first, last int64 // unix seconds
	whole       bool  // not taken apart: what was rejected is evidence of nothing
}

// placed is a placement with a number for who is there: equal numbers, equal holders, as surely known. It is 0 where nothing
// was looked up.
type placed struct {
	estate.Placement
	number int32 // among all of a timeline
	who    int32
	label  string // see text
}

// text tells the placement apart from others of an address.
func (p *placed) text() string {
	if p.label == "" {
		p.label = fmt.Sprint(p.Class, p.Certain, p.Complete, holderText(p.Interfaces), p.Lists)
	}
	return p.label
}

// who tells placements of different holders apart.
type who struct {
	class             estate.Class
	certain, complete bool
	holder            *estate.Interface // the one there may be
	holders           string            // of several
	lists             string
}

func whoOf(p *estate.Placement) who {
	w := who{class: p.Class, certain: p.Certain, complete: p.Complete, lists: p.Lists}
	switch all := p.Interfaces; {
	case len(all) == 1:
		w.holder = all[0]
	case len(all) > 1:
		w.holders = holderText(all)
	}
	return w
}

// holderText names states of interfaces, in their order.
func holderText(all []*estate.Interface) string {
	var b strings.Builder
	for _, i := range all {
		b.WriteString(i.ID)
		b.WriteByte(' ')
		b.WriteString(strconv.FormatInt(i.When().Since.Unix(), 10))
		b.WriteByte(',')
	}
	return b.String()
}

// timeline asks the estate who was where at a time. Most of it stays as it is for long, and conversations ask the same over and
// over: an answer holds for the stretch of time in which nothing changes.
type timeline struct {
	index  *estate.Index
	whos   numbers[who]
	scopes numbers[scope]
	places []*placed // by number; 0 is nowhere
	seats  map[seat][]answer[*placed]
	away   map[outside]*placed
}

// scope is from where an address is seen: what is within reach depends on the VPC and on the subnet's routes.
type scope struct{ vpc, subnet string }

// seat is an address as seen from a scope.
type seat struct {
	addr [16]byte
	from int32
}

// outside is all there is to a placement outside the estate.
type outside struct {
	who  int32
	name string
	same estate.Stretch
}

// mostSeats are remembered; then they are forgotten, for a window may have met the whole Internet.
const mostSeats = 1 << 16

func newTimeline(x *estate.Index) *timeline {
	t := &timeline{index: x, seats: map[seat][]answer[*placed]{}, away: map[outside]*placed{}, places: []*placed{{}}}
	t.whos.number(who{}) // 0: nowhere
	return t
}

// states are the states that the interface may have been in; see estate.Index.StatesOf.
func (t *timeline) states(of *tally, id string, first, last int64) states {
	then, ok := recall(of.then, first, last)
	if !ok {
		then.all, then.sure, then.same = t.index.StatesOf(id, unix(first), unix(last))
		of.then = remember(of.then, then, then.same, first, last)
	}
	return then
}

// place is who had the address, as seen from the subject; see estate.Index.Place.
func (t *timeline) place(subject *estate.Interface, addr netip.Addr, first, last int64) *placed {
	at := seat{addr.As16(), t.scopes.number(scope{subject.VPC, subject.Subnet})}
	known := t.seats[at]
	p, ok := recall(known, first, last)
	if !ok {
		p = t.look(subject, addr, first, last)
		if len(t.seats) == mostSeats {
			clear(t.seats)
		}
		t.seats[at] = remember(known, p, p.Same, first, last)
	}
	return p
}

// look asks the index.
func (t *timeline) look(subject *estate.Interface, addr netip.Addr, first, last int64) *placed {
	p := &placed{Placement: t.index.Place(subject, addr, unix(first), unix(last)), number: int32(len(t.places))}
	p.who = t.whos.number(whoOf(&p.Placement))
	if !p.Class.InEstate() {
		key := outside{p.who, p.Name, p.Same}
		if one := t.away[key]; one != nil {
			return one
		}
		t.away[key] = p
	}
	t.places = append(t.places, p)
	return p
}

func unix(t int64) time.Time { return time.Unix(t, 0).UTC() }

// parts splits a conversation by the states of its two ends. The hours in which it was seen are the clock: where nothing
// changed, it is one part; else each hour is judged by itself, and an hour in which something changed, or may have, is of
// every state that there may have been, and sure of none.
func (s *summer) parts(of *tally, c *orient.Conversation) []part {
	s.buffer = s.buffer[:0]
	if c.Action != analyze.Accept {
		s.at(of, c, c.First, c.Last)
		s.buffer[0].whole = true
		return s.buffer[:1]
	}
	last := 0               // the parts that came last begin here,
	var same estate.Stretch // and hold for this time
	for hours := c.Hours; hours != 0; hours &= hours - 1 {
		from, to := hourOf(c, bits.TrailingZeros32(hours))
		switch {
		case from > to:
		case len(s.buffer) > 0 && same.Holds(from, to):
			for i := range s.buffer[last:] {
				s.buffer[last+i].last = to
			}
		default:
			last = len(s.buffer)
			same = s.at(of, c, from, to)
			if last == 0 && same.Holds(c.First, c.Last) {
				for i := range s.buffer {
					s.buffer[i].first, s.buffer[i].last = c.First, c.Last
				}
				return s.buffer
			}
		}
	}
	if len(s.buffer) == 0 { // a mask that does not fit the times
		s.at(of, c, c.First, c.Last)
	}
	return s.buffer
}

// hourOf is the time of the conversation in an hour of its day. That of the first may begin on the day before.
func hourOf(c *orient.Conversation, hour int) (first, last int64) {
	begin := int64(c.Day)*86400 + int64(hour)*3600
	if hour > 0 {
		first = begin
	}
	return max(first, c.First), min(begin+3599, c.Last)
}

// at adds the parts for a time, and returns the stretch around it of which any part has the same.
func (s *summer) at(of *tally, c *orient.Conversation, first, last int64) (same estate.Stretch) {
	then := s.timeline.states(of, c.Interface, first, last)
	if len(then.all) == 0 {
		s.buffer = append(s.buffer, part{first: first, last: last, place: s.timeline.places[0]}) // its place is found when its network is known
	}
	same = then.same
	for _, one := range then.all {
		p := s.timeline.place(one, c.Peer, first, last)
		s.buffer = append(s.buffer, part{subject: one, unsure: !then.sure, place: p, first: first, last: last})
		same = same.And(p.Same)
	}
	return same
}
