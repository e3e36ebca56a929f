package usage

import (
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
	place       placed
	first, last int64 // unix seconds
	whole       bool  // not taken apart: what was rejected is evidence of nothing
}

// placed is a placement with a number for who is there: equal numbers, equal holders, as surely known. It is 0 where nothing
// was looked up.
type placed struct {
	*estate.Placement
	who     int32
	passing bool // something changed in the time asked about, so that a part of it may have another answer
}

var nowhere = placed{Placement: &estate.Placement{}}

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

// timeline asks the estate who was where at a time. Most of it stays as it is all day, and the conversations of a day ask the
// same over and over: what nothing changes of on a whole day, or in an hour of it, is looked up once. For where nothing changes
// in a stretch of time, any part of it has the same answer.
type timeline struct {
	index  *estate.Index
	whos   numbers[who]
	scopes numbers[scope]
	// Of the day that is being summed:
	day         int32
	first, last int64 // the time that a whole day stands for
	steady      steadyState
	calm        map[seat]placed
}

// steadyState is the one state that an interface was in all day, nil where there may have been others. The conversations of a
// day come interface by interface, so the last is enough.
type steadyState struct {
	id  string
	one *estate.Interface
}

// scope is from where an address is seen: what is within reach depends on the VPC and on the subnet's routes.
type scope struct{ vpc, subnet string }

// seat is an address as seen from a scope, in an hour of the day or, with wholeDay, all day.
type seat struct {
	addr netip.Addr
	from int32
	hour int8
}

const wholeDay = -1

func newTimeline(x *estate.Index) *timeline {
	t := &timeline{index: x, calm: map[seat]placed{}, day: -1}
	t.whos.number(who{}) // 0: nowhere
	return t
}

// turn forgets a day for another. A record that ends on a day may have begun on the one before, so a day is an hour longer.
func (t *timeline) turn(day int32) {
	if day == t.day {
		return
	}
	t.day, t.first = day, int64(day)*86400-3600
	t.last = int64(day)*86400 + 86399
	t.steady = steadyState{}
	clear(t.calm)
}

// within reports whether a stretch lies in the day.
func (t *timeline) within(first, last int64) bool { return t.first <= first && last <= t.last }

// states are the states of the interface, and whether there was but that one; see estate.Index.StatesOf. Room is for one.
func (t *timeline) states(id string, first, last int64, room []*estate.Interface) (states []*estate.Interface, sure bool) {
	if !t.within(first, last) {
		return t.index.StatesOf(id, unix(first), unix(last))
	}
	if t.steady.id != id || id == "" {
		t.steady = steadyState{id: id}
		if all, sure := t.index.StatesOf(id, unix(t.first), unix(t.last)); sure {
			t.steady.one = all[0]
		}
	}
	if t.steady.one == nil {
		return t.index.StatesOf(id, unix(first), unix(last))
	}
	return append(room[:0], t.steady.one), true
}

// place is who had the address, as seen from the subject; see estate.Index.Place.
func (t *timeline) place(subject *estate.Interface, addr netip.Addr, first, last int64) placed {
	if !t.within(first, last) {
		return t.look(subject, addr, first, last)
	}
	number := t.scopes.number(scope{subject.VPC, subject.Subnet})
	if p := t.kept(seat{addr, number, wholeDay}, subject, t.first, t.last); !p.passing {
		return p
	}
	hour := first / 3600
	if last/3600 == hour {
		if p := t.kept(seat{addr, number, int8(hour % 24)}, subject, hour*3600, hour*3600+3599); !p.passing {
			return p
		}
	}
	return t.look(subject, addr, first, last)
}

// kept looks a seat up once a day.
func (t *timeline) kept(at seat, subject *estate.Interface, first, last int64) placed {
	p, known := t.calm[at]
	if !known {
		p = t.look(subject, at.addr, first, last)
		p.passing = p.Mixed || t.index.ListsTurn(unix(first), unix(last))
		t.calm[at] = p
	}
	return p
}

// look asks the index.
func (t *timeline) look(subject *estate.Interface, addr netip.Addr, first, last int64) placed {
	p := t.index.Place(subject, addr, unix(first), unix(last))
	return placed{Placement: &p, who: t.whos.number(whoOf(&p))}
}

func unix(t int64) time.Time { return time.Unix(t, 0).UTC() }

// parts splits a conversation by the states of its two ends. The hours in which it was seen are the clock: where nothing
// changed, it is one part; else each hour is judged by itself, and an hour in which something changed, or may have, is of
// every state that there may have been, and sure of none.
func (s *summer) parts(c *orient.Conversation) []part {
	s.buffer = s.buffer[:0]
	s.timeline.turn(c.Day)
	steady := s.at(c, c.First, c.Last)
	if c.Action != analyze.Accept {
		s.buffer[0].whole = true
		return s.buffer[:1]
	}
	if steady {
		return s.buffer
	}
	s.buffer = s.buffer[:0]
	day := int64(c.Day) * 86400
	for h := range int64(24) {
		if c.Hours>>h&1 == 0 {
			continue
		}
		first, last := max(c.First, day+h*3600), min(c.Last, day+h*3600+3599)
		if h == 0 {
			first = min(first, c.First) // a span may begin on the day before
		}
		if first <= last {
			s.at(c, first, last)
		}
	}
	if len(s.buffer) == 0 { // a mask that does not fit the times
		s.at(c, c.First, c.Last)
	}
	return s.buffer
}

// at adds the parts for a stretch of time, and reports whether nothing changed in it.
func (s *summer) at(c *orient.Conversation, first, last int64) (steady bool) {
	var room [1]*estate.Interface
	states, sure := s.timeline.states(c.Interface, first, last, room[:])
	if len(states) == 0 {
		s.buffer = append(s.buffer, part{first: first, last: last, place: nowhere}) // its place is found when its network is known
		return true
	}
	steady = sure
	for _, one := range states {
		p := part{subject: one, unsure: !sure, place: s.timeline.place(one, c.Peer, first, last), first: first, last: last}
		steady = steady && !p.place.Mixed
		s.buffer = append(s.buffer, p)
	}
	return steady
}
