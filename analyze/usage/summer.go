package usage

import (
	"iter"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// summer sums conversations of all days into flows.
type summer struct {
	index    *estate.Index
	timeline *timeline
	ids      numbers[string] // of interfaces
	tallies  []*tally        // by number
	subjects numbers[*estate.Interface]
	days     *dayLists
	buffer   []part
	counts   Counts
}

// Counts are totals of the join.
type Counts struct {
	Conversations int // rows, before summing over days
	Ambiguous     int // rows in two readings
	Late          int // rows without strength: late packets of closed connections, no evidence of anything
	OpenSides     int // rows whose local side neither the estate nor the interface's other rows could tell
}

func (c *Counts) add(o Counts) {
	c.Conversations += o.Conversations
	c.Ambiguous += o.Ambiguous
	c.Late += o.Late
	c.OpenSides += o.OpenSides
}

func newSummer(x *estate.Index) *summer {
	return &summer{index: x, timeline: newTimeline(x), days: newDayLists()}
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
	of := s.tally(c.Interface)
	switch {
	case c.Direction != analyze.DirectionUnknown:
		of.tell(c.Local)
		s.addReading(of, c)
	case s.index.Recorded(c.Interface):
		s.addReadings(of, Readings(s.index, c))
	default:
		of.open = append(of.open, *c)
	}
}

// settle sums the conversations that waited for what other days tell of their interfaces: nobody has recorded these, so an address
// that was its own once is its own.
func (s *summer) settle() {
	for _, of := range s.tallies {
		for i := range of.open {
			s.addReadings(of, readings(&of.open[i], of.owns))
		}
		of.open = nil
	}
}

func (s *summer) addReadings(of *tally, readings iter.Seq2[int, orient.Conversation]) {
	for n, reading := range readings {
		if n == 1 {
			s.counts.OpenSides++
		}
		s.addReading(of, &reading)
	}
}

// tally is that of an interface.
func (s *summer) tally(name string) *tally {
	i := s.ids.number(name)
	if int(i) == len(s.tallies) {
		s.tallies = append(s.tallies, &tally{})
	}
	return s.tallies[i]
}

// addReading sums a reading, part by part. Its records are counted with the first: they are of the day, not of the hour.
func (s *summer) addReading(of *tally, c *orient.Conversation) {
	to, strength := targetOf(c), c.Strength()
	for n, p := range s.parts(of, c) {
		f := s.sum(of, &to, &p)
		if n == 0 {
			t := c.Total()
			f.flows += t.Flows
			f.bytes += t.Bytes
		}
		f.first, f.last = min(f.first, p.first), max(f.last, p.last)
		f.strength = max(f.strength, strength)
		f.unlikely = f.unlikely && c.Unlikely
		if c.Orientation.Better(f.orientation) {
			f.orientation = c.Orientation
		}
		f.days = s.days.add(f.days, c.Day)
	}
}

// sum is the one that a part belongs to.
func (s *summer) sum(of *tally, to *target, p *part) *sum {
	subject := s.subjects.number(p.subject)
	f, slot := of.find(to, func(f *sum) bool {
		return p.whole || f.subject == subject && f.unsure == p.unsure && s.timeline.places[f.place].who == p.place.who
	})
	if f == nil {
		of.sums = append(of.sums, sum{target: *to, first: p.first, last: p.last, subject: subject, unsure: p.unsure, place: p.place.number, unlikely: true})
		*slot = int32(len(of.sums))
		f = &of.sums[len(of.sums)-1]
	}
	return f
}
