package compare

import (
	"maps"
	"math/bits"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// link is a link in the making.
type link struct{ sides [2]sighting }

// sighting is what one side saw of it.
type sighting struct {
	days        []dayHours // on which it worked, ascending
	views       [2]view    // of the service's end, and of the client's
	total       tally      // of days that are over
	first, last int64
	peaks       [2]Peak // flows, bytes
	refused     [2]int64
	rejected    [2]int64
	places      [2]map[string]struct{} // of clients, of services
}

// dayHours are the hours of a day, as bits.
type dayHours struct {
	day   int32
	hours uint32
}

// view is what one end logged on the day in hand.
type view struct {
	tally
	// hours is what fell into each hour: a day's counts are spread evenly over the hours in which the conversation was seen,
	// since evidence says no more.
	hours [24][2]float64
}

type tally struct{ flows, bytes int64 }

// maxPlaces bounds the places listed of a party.
const maxPlaces = 50

func (s *sighting) add(c *orient.Conversation, strength analyze.Strength, client, service party) {
	end := 0
	if c.Direction == analyze.Egress {
		end = 1
	}
	var works tally
	for st, n := range c.Counters {
		switch st := analyze.Strength(st); {
		case c.Action == analyze.Reject && st > analyze.StrengthNone:
			s.rejected[end] = ledger.AddCounts(s.rejected[end], n.Flows)
		case st == analyze.Attempt:
			s.refused[end] = ledger.AddCounts(s.refused[end], n.Flows)
		case st > analyze.Attempt:
			works = tally{ledger.AddCounts(works.flows, n.Flows), ledger.AddCounts(works.bytes, n.Bytes)}
		}
	}
	if works.flows == 0 {
		return
	}
	if n := len(s.days); n == 0 || s.days[n-1].day != c.Day {
		s.closeDay()
		s.days = append(s.days, dayHours{day: c.Day})
	}
	s.days[len(s.days)-1].hours |= c.Hours
	if s.last == 0 || c.First < s.first {
		s.first = c.First
	}
	s.last = max(s.last, c.Last)
	s.views[end].add(works, c.Hours)
	for n, p := range []party{client, service} {
		if s.places[n] == nil {
			s.places[n] = map[string]struct{}{}
		}
		if len(s.places[n]) < maxPlaces {
			s.places[n][p.place] = struct{}{}
		}
	}
}

func (v *view) add(t tally, hours uint32) {
	v.flows, v.bytes = ledger.AddCounts(v.flows, t.flows), ledger.AddCounts(v.bytes, t.bytes)
	n := float64(bits.OnesCount32(hours))
	for h := range v.hours {
		if hours&(1<<h) != 0 {
			v.hours[h][0] += float64(t.flows) / n
			v.hours[h][1] += float64(t.bytes) / n
		}
	}
}

// closeDay adds the day in hand to the total: of what both ends logged the greater.
func (s *sighting) closeDay() {
	if len(s.days) == 0 {
		return
	}
	a, b := &s.views[0], &s.views[1]
	s.total = tally{ledger.AddCounts(s.total.flows, max(a.flows, b.flows)), ledger.AddCounts(s.total.bytes, max(a.bytes, b.bytes))}
	day := int64(s.days[len(s.days)-1].day) * 86400
	for h := range a.hours {
		for of := range s.peaks {
			if n := int64(max(a.hours[h][of], b.hours[h][of]) + 0.5); n > s.peaks[of].Count {
				s.peaks[of] = Peak{n, day + int64(h)*3600}
			}
		}
	}
	s.views = [2]view{}
}

func (s *sighting) works() bool { return len(s.days) > 0 }

// seen ends the last day, and is called once.
func (s *sighting) seen() Seen {
	s.closeDay()
	return Seen{
		Flows: s.total.flows, Bytes: s.total.bytes, Days: len(s.days), First: s.first, Last: s.last,
		PeakFlows: s.peaks[0], PeakBytes: s.peaks[1],
		Refused: max(s.refused[0], s.refused[1]), Rejected: max(s.rejected[0], s.rejected[1]),
		Clients: slices.Sorted(maps.Keys(s.places[0])), Services: slices.Sorted(maps.Keys(s.places[1])),
	}
}

// Ports from here on are given out for a while: FTP, RPC and the like use many of them, and others every time.
const (
	firstDynamic = 32768
	manyDynamic  = 8
)

// fold makes one link of a pair's dynamic ports where both sides together use many.
func (c *comparer) fold() {
	type group struct {
		pair
		proto uint8
	}
	ports := map[group][]Link{}
	for at := range c.links {
		if at.Ports.First >= firstDynamic {
			g := group{pair{at.Client, at.Service}, at.Proto}
			ports[g] = append(ports[g], at)
		}
	}
	for _, all := range ports {
		if len(all) <= manyDynamic {
			continue
		}
		slices.SortFunc(all, func(a, b Link) int { return a.compare(&b) })
		into := all[0]
		into.Ports = analyze.PortRange{First: firstDynamic, Last: 65535}
		sum := &link{}
		for _, at := range all {
			for n := range sum.sides {
				sum.sides[n].merge(&c.links[at].sides[n])
			}
			delete(c.links, at)
		}
		c.links[into] = sum
	}
}

// merge adds another port of the same pair. The peak is the greatest of the ports' own.
func (s *sighting) merge(o *sighting) {
	s.closeDay()
	o.closeDay()
	hours := map[int32]uint32{}
	for _, d := range slices.Concat(s.days, o.days) {
		hours[d.day] |= d.hours
	}
	s.days = s.days[:0]
	for _, day := range slices.Sorted(maps.Keys(hours)) {
		s.days = append(s.days, dayHours{day, hours[day]})
	}
	if s.last == 0 || o.last != 0 && o.first < s.first {
		s.first = o.first
	}
	s.last = max(s.last, o.last)
	s.total = tally{ledger.AddCounts(s.total.flows, o.total.flows), ledger.AddCounts(s.total.bytes, o.total.bytes)}
	for n := range s.peaks {
		if p := o.peaks[n]; p.Count > s.peaks[n].Count || p.Count == s.peaks[n].Count && p.Hour < s.peaks[n].Hour {
			s.peaks[n] = p
		}
		s.refused[n], s.rejected[n] = ledger.AddCounts(s.refused[n], o.refused[n]), ledger.AddCounts(s.rejected[n], o.rejected[n])
		if s.places[n] == nil {
			s.places[n] = map[string]struct{}{}
		}
		maps.Copy(s.places[n], o.places[n])
	}
}
