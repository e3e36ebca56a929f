package usage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// finish returns the flows in a fixed order: by interface, direction, service and peer, and last by who the ends were.
func (s *summer) finish() []Flow {
	for i := range s.flows {
		f := &s.flows[i]
		slices.Sort(f.Days)
		f.Days = slices.Compact(f.Days)
	}
	ranks := s.ranks()
	order := make([]int32, len(s.flows))
	for i := range order {
		order[i] = int32(i)
	}
	compare := func(a, b int32) int {
		f, o := &s.flows[a], &s.flows[b]
		return cmp.Or(cmp.Compare(ranks[s.owners[a]], ranks[s.owners[b]]), f.compare(o))
	}
	slices.SortFunc(order, compare)
	for from, to := 0, 0; from < len(order); from = to {
		for to = from + 1; to < len(order) && compare(order[from], order[to]) == 0; {
			to++
		}
		s.sortStates(order[from:to])
	}
	permute(s.flows, order)
	return s.flows
}

// ranks are the places of the interfaces' names among all, by number.
func (s *summer) ranks() []int32 {
	byName := make([]int32, len(s.names))
	for i := range byName {
		byName[i] = int32(i)
	}
	slices.SortFunc(byName, func(a, b int32) int { return strings.Compare(s.names[a], s.names[b]) })
	ranks := make([]int32, len(s.names))
	for rank, i := range byName {
		ranks[i] = int32(rank)
	}
	return ranks
}

// compare orders the flows of one interface, but for who their ends were.
func (f *Flow) compare(o *Flow) int {
	return cmp.Or(
		cmp.Compare(f.Direction, o.Direction), cmp.Compare(f.Proto, o.Proto), cmp.Compare(f.Port, o.Port),
		f.Peer.Compare(o.Peer), cmp.Compare(f.Action, o.Action))
}

// sortStates orders flows that differ by who their ends were at the time alone.
func (s *summer) sortStates(flows []int32) {
	if len(flows) < 2 {
		return
	}
	texts := make(map[int32]string, len(flows))
	for _, i := range flows {
		texts[i] = s.flows[i].states()
	}
	slices.SortFunc(flows, func(a, b int32) int { return cmp.Compare(texts[a], texts[b]) })
}

// states names who the ends of a flow were.
func (f *Flow) states() string {
	s := fmt.Sprint(f.Unsure, f.Place.Class, f.Place.Certain, f.Place.Complete, holderText(f.Place.Interfaces), f.Place.Lists)
	if f.Subject != nil {
		s = holderText([]*estate.Interface{f.Subject}) + s
	}
	return s
}

// permute puts list[order[i]] at i, for all i, in place: a copy of the flows would be the largest thing in memory. It uses
// order up.
func permute[T any](list []T, order []int32) {
	for i := range order {
		if order[i] < 0 {
			continue // moved already
		}
		first, at := list[i], i
		for from := int(order[at]); from != i; from = int(order[at]) {
			list[at] = list[from]
			order[at], at = -1, from
		}
		list[at], order[at] = first, -1
	}
}
