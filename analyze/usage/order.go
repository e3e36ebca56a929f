package usage

import (
	"slices"
	"strings"
	"sync"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// finish returns the flows in a fixed order: by interface, direction, service and peer, and last by who the ends were.
func finish(summers []*summer) []Flow {
	type owner struct {
		id string
		*tally
	}
	var all []owner
	for _, s := range summers {
		for i, of := range s.tallies {
			all = append(all, owner{s.ids.all[i], of})
		}
	}
	slices.SortFunc(all, func(a, b owner) int { return strings.Compare(a.id, b.id) })
	n := 0
	for _, of := range all {
		of.at = n
		n += len(of.sums)
	}
	flows := make([]Flow, n)
	var working sync.WaitGroup
	for _, s := range summers {
		working.Go(func() {
			for i, of := range s.tallies {
				s.flowsOf(s.ids.all[i], of, flows[of.at:])
			}
		})
	}
	working.Wait()
	return flows
}

// flowsOf writes the flows of an interface, and lets go of what they were made of.
func (s *summer) flowsOf(id string, of *tally, to []Flow) {
	slices.SortFunc(of.sums, func(a, b sum) int {
		if c := a.compare(&b.target); c != 0 {
			return c
		}
		return s.compareStates(&a, &b)
	})
	for i := range of.sums {
		f := &of.sums[i]
		to[i] = Flow{
			Interface: id, Subject: s.subjects.all[f.subject], Unsure: f.unsure, Direction: f.direction(), Peer: f.peer(),
			Proto: f.proto(), Port: f.port(), Action: f.action(), Days: s.days.days(f.days), First: f.first, Last: f.last,
			Flows: f.flows, Bytes: f.bytes, Strength: f.strength, Orientation: f.orientation, Unlikely: f.unlikely, Place: &s.timeline.places[f.place].Placement,
		}
	}
	of.sums, of.slots = nil, nil
}

// compareStates orders sums of one target by who the ends were: first by the interface's own state.
func (s *summer) compareStates(a, b *sum) int {
	if a.subject != b.subject {
		x, y := s.subjects.all[a.subject], s.subjects.all[b.subject]
		if x == nil || y == nil {
			return falseFirst(x == nil, y == nil)
		}
		return strings.Compare(holderText([]*estate.Interface{x}), holderText([]*estate.Interface{y}))
	}
	if a.unsure != b.unsure {
		return falseFirst(a.unsure, b.unsure)
	}
	return strings.Compare(s.timeline.places[a.place].text(), s.timeline.places[b.place].text())
}

// falseFirst puts what is not so first.
func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
