package recommend

import (
	"math"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/usage"
	"github.com/sgtrim/sgtrim/recommend/unseen"
)

// expectation is what a change may deny in a period as long as the window: what it knowingly denies, and what newcomers would
// bring that the new rules do not hold (see pools).
type expectation struct {
	kind      Kind
	denied    int64   // connections (of one day) that are known to be lost
	newcomers float64 // expected by what the days show of this change alone
	exposure  int64   // what they came with: connections of the rule; of an unused rule, the rule
	cluster   int64   // connections that one newcomer brings: losses come in lumps
	unknown   bool    // nothing of the rule's use tells of the future
}

// harmless: what the rule allows, another allows too, or nothing matches it.
func (e *expectation) harmless() bool { return e.kind == Duplicate || e.kind == Stale }

// connections count the needed connections of the window, a peer and service of an interface once a day.
type connections struct {
	all     int64
	through map[throughKey]int64
	// rare is the number of rules that were used on one day only. By Good and Turing so many uses of rules never seen in use are
	// to be expected in as many days again; silent is the number of these.
	rare, silent int64
	lump         int64 // connections that a rule used on one day only had, on average
}

type throughKey struct {
	group     string
	direction analyze.Direction
}

func countConnections(use *usage.Result) connections {
	c := connections{through: map[throughKey]int64{}}
	for i := range use.Flows {
		f := &use.Flows[i]
		if !f.Need || f.Subject == nil {
			continue
		}
		n := int64(len(f.Days))
		c.all += n
		for _, g := range f.Subject.Groups {
			c.through[throughKey{g, f.Direction}] += n
		}
	}
	var sum int64
	for i := range use.Rules {
		rule := &use.Rules[i]
		switch daysUsed(use, rule) {
		case 0:
			c.silent++
		case 1:
			c.rare++
			sum += int64(len(rule.Hits) + len(rule.Maybe))
		}
	}
	c.lump = max(1, (sum+c.rare/2)/max(1, c.rare))
	return c
}

// daysUsed is 0, 1, or 2 for more.
func daysUsed(use *usage.Result, rule *usage.Rule) int {
	day, seen := int32(0), false
	for _, list := range [2][]int32{rule.Hits, rule.Maybe} {
		for _, fi := range list {
			for _, d := range use.Flows[fi].Days {
				if seen && d != day {
					return 2
				}
				day, seen = d, true
			}
		}
	}
	if seen {
		return 1
	}
	return 0
}

// expect estimates what a change would deny.
func (r *reviewer) expect(d *draft) expectation {
	switch d.kind {
	case Duplicate, Stale:
		return expectation{kind: d.kind}
	case Unused:
		return expectation{kind: Unused, exposure: 1, cluster: r.exposed.lump}
	}
	s := r.speciesOf(d)
	if len(s.days) == 0 { // used by interfaces that are gone, or in doubt
		return expectation{kind: d.kind, denied: s.denied, unknown: true}
	}
	e := expectation{kind: d.kind, denied: s.denied, exposure: s.uses, cluster: s.cluster()}
	e.newcomers = unseen.Outside(s.days, s.explained()).Float() * float64(s.uses) / float64(e.cluster)
	return e
}

// species are the pairs of peer and service that a change's rule was needed for, as a rule meets them: whichever interface it was.
type species struct {
	days   [][]int32
	within []int   // which of the rules that remain holds it
	least  []int32 // by remaining rule: the first day of its first species
	counts []int64 // connections
	uses   int64   // all of them
	denied int64   // connections of those that no rule holds
}

type speciesKey struct {
	peer    netip.Addr
	service analyze.Service
}

func (r *reviewer) speciesOf(d *draft) species {
	rule := &r.use.Rules[d.rule]
	flows := r.keepers(rule)
	if d.kind == Redundant {
		flows = slices.Concat(flows, rule.Hits)
		slices.Sort(flows)
		flows = slices.Compact(flows)
	}
	s := species{}
	at := map[speciesKey]int{}
	byHolder := map[int]int{}
	for _, fi := range flows {
		f := &r.use.Flows[fi]
		if f.Orientation == analyze.Ambiguous || f.Subject == nil {
			continue
		}
		holder, held := r.holder(d, f)
		s.uses += int64(len(f.Days))
		if !held {
			s.denied += int64(len(f.Days))
			continue
		}
		piece, ok := byHolder[holder]
		if !ok {
			piece = len(s.least)
			byHolder[holder] = piece
			s.least = append(s.least, math.MaxInt32)
		}
		s.least[piece] = min(s.least[piece], f.Days[0])
		k := speciesKey{f.Peer, f.Service()}
		i, ok := at[k]
		if !ok {
			i = len(s.days)
			at[k] = i
			s.days, s.within, s.counts = append(s.days, nil), append(s.within, piece), append(s.counts, 0)
		}
		s.days[i] = append(s.days[i], f.Days...)
		s.counts[i] += int64(len(f.Days))
	}
	return s
}

// explained: a species that came after another to the same rule would have been let in unseen.
func (s *species) explained() []bool {
	out := make([]bool, len(s.days))
	for i, days := range s.days {
		out[i] = s.least[s.within[i]] < slices.Min(days)
	}
	return out
}

// cluster is what those who came after the first quarter of the days brought on average, 1 where nobody came.
func (s *species) cluster() int64 {
	all := slices.Concat(s.days...)
	from := slices.Min(all)
	late := from + (slices.Max(all)-from+4)/4
	n, sum := int64(0), int64(0)
	for i, days := range s.days {
		if slices.Min(days) >= late {
			n, sum = n+1, sum+s.counts[i]
		}
	}
	return max(1, (sum+n/2)/max(1, n))
}

// holder says which rule allows a flow once the change is made: the piece of the draft, or the rule that is credited with it. held
// is false for what a review change knowingly denies.
func (r *reviewer) holder(d *draft, f *usage.Flow) (rule int, held bool) {
	for i, p := range d.news {
		if p.service.MatchFlow(f.Proto, f.Port) != analyze.No && r.holdsPeer(d, p.peer, f) {
			return -1 - i, true
		}
	}
	if d.denies {
		return 0, false
	}
	return int(f.Credit[0]), true
}

func (r *reviewer) holdsPeer(d *draft, p analyze.Peer, f *usage.Flow) bool {
	switch {
	case p == r.use.Rules[d.rule].Peer:
		return true
	case p.IsCIDR():
		return p.Prefix.Contains(f.Peer)
	case p.GroupID != "":
		return slices.ContainsFunc(f.Place.Interfaces, func(i *estate.Interface) bool { return slices.Contains(i.Groups, p.GroupID) })
	}
	l := r.x.List(p.PrefixListID)
	return l != nil && slices.ContainsFunc(l.Entries, func(e netip.Prefix) bool { return e.Contains(f.Peer) })
}
