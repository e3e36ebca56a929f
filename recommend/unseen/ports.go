package unseen

import (
	"fmt"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/recommend/cover"
)

// PortOptions of WidenPorts.
type PortOptions struct {
	// Cover says what makes a range; its Within are the ranges of the old rule (none: all ports).
	Cover cover.PortOptions
	Bound Share // the expected loss must be below it; 0: Balanced
}

// PortWidening is the ranges that WidenPorts chose.
type PortWidening struct {
	Ranges  []analyze.PortRange // sorted
	Exact   Estimate            // of a rule for exactly the ports used
	Loss    Share               // expected of Ranges
	Widened bool                // Ranges are more than the ports
	Judged  bool                // false: used on one day only, which says nothing; the old ranges stay
}

// WidenPorts covers the ports exactly if the expected loss of that is below the bound; else by ranges where use is a range
// (cover.Ports); and if that does not bring the loss below the bound, the old ranges stay. A newcomer, as with Widen, is
// explained by a known range, and by another range if ports on both its sides were used before that day.
func WidenPorts(ports []cover.PortUse, opt PortOptions) (PortWidening, error) {
	if opt.Bound < 0 || opt.Bound > 10000 {
		return PortWidening{}, fmt.Errorf("bound %s: want 0 to 100 %%", opt.Bound)
	}
	if opt.Bound == 0 {
		opt.Bound = Balanced
	}
	if len(opt.Cover.Within) == 0 {
		opt.Cover.Within = []analyze.PortRange{analyze.AllPorts}
	}
	if opt.Cover.Known == nil {
		opt.Cover.Known = cover.DynamicRanges
	}
	uses, err := byPort(ports)
	if err != nil {
		return PortWidening{}, err
	}
	single := opt.Cover
	single.MaxSpan, single.Known = 1, []analyze.PortRange{}
	exact, err := cover.Ports(uses, single)
	if err != nil {
		return PortWidening{}, err
	}
	p := &portWidener{opt: opt, uses: uses}
	days := make([][]int32, 0, len(uses))
	for _, u := range uses {
		days = append(days, u.Days)
	}
	p.h = newHistory(days)
	return p.choose(exact)
}

// byPort sorts the ports and joins repeats.
func byPort(ports []cover.PortUse) ([]cover.PortUse, error) {
	days := make(map[uint16][]int32)
	for _, u := range ports {
		if len(u.Days) == 0 {
			return nil, fmt.Errorf("port %d: no day it was used on", u.Port)
		}
		days[u.Port] = append(days[u.Port], u.Days...)
	}
	out := make([]cover.PortUse, 0, len(days))
	for p, ds := range days {
		out = append(out, cover.PortUse{Port: p, Days: ds})
	}
	slices.SortFunc(out, func(a, b cover.PortUse) int { return int(a.Port) - int(b.Port) })
	return out, nil
}

type portWidener struct {
	opt  PortOptions
	uses []cover.PortUse // by port
	h    *history
}

func (p *portWidener) choose(exact []analyze.PortRange) (PortWidening, error) {
	out := PortWidening{Ranges: exact, Exact: p.h.estimate()}
	out.Judged, out.Loss = out.Exact.Judged(), out.Exact.Loss()
	if len(p.uses) == 0 || out.Judged && out.Loss < p.opt.Bound {
		return out, nil
	}
	ranges, err := cover.Ports(p.uses, p.opt.Cover)
	if err != nil {
		return out, err
	}
	out.Ranges, out.Loss = ranges, p.lossOf(ranges)
	if !out.Judged || out.Loss >= p.opt.Bound {
		out.Ranges, out.Loss = p.old(), 0
	}
	out.Widened = !slices.Equal(out.Ranges, exact)
	return out, nil
}

// old is the old ranges with a used port inside.
func (p *portWidener) old() []analyze.PortRange {
	var out []analyze.PortRange
	for _, r := range p.opt.Cover.Within {
		inside := slices.ContainsFunc(p.opt.Cover.Within, func(q analyze.PortRange) bool { return q != r && q.Covers(r) })
		used := slices.ContainsFunc(p.uses, func(u cover.PortUse) bool { return r.Contains(u.Port) })
		if !inside && used && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, analyze.PortRange.Compare)
	return out
}

func (p *portWidener) lossOf(ranges []analyze.PortRange) Share {
	explained := make([]bool, len(p.uses))
	for _, r := range ranges {
		from := slices.IndexFunc(p.uses, func(u cover.PortUse) bool { return r.Contains(u.Port) })
		if from < 0 {
			continue
		}
		to := from
		for to < len(p.uses) && r.Contains(p.uses[to].Port) {
			to++
		}
		switch {
		case p.isKnown(r):
			for i := from; i < to; i++ {
				explained[i] = true
			}
		case to-from < r.Len(): // a range with unused ports; without, it is exact and explains nothing
			p.explainBetween(explained, from, to)
		}
	}
	return p.h.loss(func(i int) bool { return explained[i] })
}

// explainBetween marks the ports that have others on both sides which were used before.
func (p *portWidener) explainBetween(explained []bool, from, to int) {
	least := p.h.first[from]
	below := make([]bool, to-from)
	for i := from + 1; i < to; i++ {
		below[i-from] = least < p.h.first[i]
		least = min(least, p.h.first[i])
	}
	least = p.h.first[to-1]
	for i := to - 2; i >= from; i-- {
		explained[i] = below[i-from] && least < p.h.first[i]
		least = min(least, p.h.first[i])
	}
}

// isKnown reports whether r is an old range, or a known one, perhaps cut to an old one.
func (p *portWidener) isKnown(r analyze.PortRange) bool {
	if slices.Contains(p.opt.Cover.Within, r) {
		return true
	}
	for _, k := range p.opt.Cover.Known {
		for _, w := range p.opt.Cover.Within {
			if r.First == max(k.First, w.First) && r.Last == min(k.Last, w.Last) {
				return true
			}
		}
	}
	return false
}
