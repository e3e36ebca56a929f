package usage

import (
	"fmt"
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
	place       estate.Placement
	first, last int64 // unix seconds
	whole       bool  // not taken apart: what was rejected is evidence of nothing
}

// who tells parts of different states apart.
type who struct {
	subject           *estate.Interface
	unsure            bool
	class             estate.Class
	certain, complete bool
	holder            *estate.Interface // the one there may be
	holders           string            // of several
	lists             string
}

func (p *part) who() who {
	if p.whole {
		return who{}
	}
	w := who{subject: p.subject, unsure: p.unsure, class: p.place.Class, certain: p.place.Certain, complete: p.place.Complete, lists: p.place.Lists}
	switch all := p.place.Interfaces; {
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
		fmt.Fprintf(&b, "%s %d,", i.ID, i.When().Since.Unix())
	}
	return b.String()
}

// parts splits a conversation by the states of its two ends. The hours in which it was seen are the clock: where nothing
// changed, it is one part; else each hour is judged by itself, and an hour in which something changed, or may have, is of
// every state that there may have been, and sure of none.
func (s *summer) parts(c *orient.Conversation) []part {
	s.buffer = s.buffer[:0]
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
	from, to := time.Unix(first, 0).UTC(), time.Unix(last, 0).UTC()
	states, sure := s.index.StatesOf(c.Interface, from, to)
	if len(states) == 0 {
		s.buffer = append(s.buffer, part{first: first, last: last}) // its place is found when its network is known
		return true
	}
	steady = sure
	for _, one := range states {
		p := part{subject: one, unsure: !sure, place: s.index.Place(one, c.Peer, from, to), first: first, last: last}
		steady = steady && !p.place.Mixed
		s.buffer = append(s.buffer, p)
	}
	return steady
}
