package proof

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
)

// tally sums traffic over days by interface, direction, peer and service.
type tally struct{ rows map[trafficKey]*row }

type trafficKey struct {
	on        int32
	direction analyze.Direction
	proto     uint8
	port      uint16
	peer      netip.Addr
}

type row struct {
	Traffic
	days []int32
}

func newTally() *tally { return &tally{rows: make(map[trafficKey]*row)} }

func (n need) key() trafficKey { return trafficKey{n.on.at, n.direction, n.proto, n.port, n.peer} }

func (t *tally) has(n need) bool { return t.rows[n.key()] != nil }

// add counts one day's conversation.
func (t *tally) add(n need, before, after analyze.Match) {
	r := t.rows[n.key()]
	if r == nil {
		r = &row{Traffic: Traffic{
			Interface: n.on.ID, Direction: n.direction, Peer: n.peer, Proto: n.proto, Port: n.port,
			First: n.of.First, Last: n.of.Last, Before: before, After: after,
		}}
		t.rows[n.key()] = r
	}
	r.Before, r.After = max(r.Before, before), min(r.After, after)
	if i, found := slices.BinarySearch(r.days, n.of.Day); !found {
		r.days = slices.Insert(r.days, i, n.of.Day)
	}
	r.Strength = max(r.Strength, n.of.Strength())
	r.First, r.Last = min(r.First, n.of.First), max(r.Last, n.of.Last)
	if !n.again {
		r.Flows += n.of.Total().Flows
	}
}

func (t *tally) list() []Traffic {
	out := make([]Traffic, 0, len(t.rows))
	for _, r := range t.rows {
		r.Days = len(r.days)
		out = append(out, r.Traffic)
	}
	slices.SortFunc(out, compareTraffic)
	return out
}

func compareTraffic(a, b Traffic) int {
	return cmp.Or(cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Proto, b.Proto),
		cmp.Compare(a.Port, b.Port), a.Peer.Compare(b.Peer))
}

// findings collects violations; those of traffic are summed over days like all traffic. A broken plan may cut millions of
// conversations, so no more than maxViolations rows are kept.
type findings struct {
	rules   []Violation
	traffic map[string]*cutTraffic
	size    int // rows of traffic
	more    int // conversations beyond them
}

type cutTraffic struct {
	Violation
	tally *tally
}

func newFindings() *findings { return &findings{traffic: make(map[string]*cutTraffic)} }

func (f *findings) add(v Violation) { f.rules = append(f.rules, v) }

func (f *findings) addTraffic(v Violation, n need, before, after analyze.Match) {
	name := string(v.Kind) + "\n" + strings.Join(v.Changes, "\n") + "\n\n" + v.Detail
	c := f.traffic[name]
	if f.size >= maxViolations && (c == nil || !c.tally.has(n)) {
		f.more++
		return
	}
	if c == nil {
		c = &cutTraffic{Violation: v, tally: newTally()}
		f.traffic[name] = c
	}
	if !c.tally.has(n) {
		f.size++
	}
	c.tally.add(n, before, after)
}

// list is the violations in a fixed order, rules first, and how many more there are.
func (f *findings) list() ([]Violation, int) {
	out := slices.Clone(f.rules)
	slices.SortStableFunc(out, compareViolations)
	var cuts []Violation
	for _, c := range f.traffic {
		for _, t := range c.tally.list() {
			v := c.Violation
			v.Traffic = &t
			cuts = append(cuts, v)
		}
	}
	slices.SortFunc(cuts, compareViolations)
	out = append(out, cuts...)
	if len(out) > maxViolations {
		return out[:maxViolations], f.more + len(out) - maxViolations
	}
	return out, f.more
}

func compareViolations(a, b Violation) int {
	c := cmp.Or(cmp.Compare(a.Kind, b.Kind), slices.Compare(a.Changes, b.Changes), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Detail, b.Detail))
	if c != 0 || a.Traffic == nil || b.Traffic == nil {
		return c
	}
	return compareTraffic(*a.Traffic, *b.Traffic)
}
