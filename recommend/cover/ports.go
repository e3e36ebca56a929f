package cover

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
)

// PortUse is a port with the days it was used on (days since 1970-01-01; any order, repeats allowed).
type PortUse struct {
	Port uint16
	Days []int32
}

// PortOptions of Ports; the zero value stands for the defaults given.
type PortOptions struct {
	// Within are the old rule's ranges: every result lies inside one of them. Empty: all ports.
	Within []analyze.PortRange
	// Known are ranges that dynamic services draw from. Nil: DynamicRanges.
	Known []analyze.PortRange
	// MinPorts used ports within MaxSpan ports make a range possible. 0: 20 and 2^14.
	MinPorts, MaxSpan int
	// NewDays is the share, in percent, of the days with use on which a port was used that never was before. 0: 50.
	NewDays int
	// MinDays is the least number of days with use; fewer show no habit. 0: 3.
	MinDays int
	// RuleCost is what one range costs, counted in unused ports. 0: 2^14, so that a range which use supports is always
	// cheaper than its ports singly.
	RuleCost int64
}

// DynamicRanges are ranges that services draw ports from, each within 2^14 ports: the IANA dynamic ports (RFC 6335; RPC on
// Windows uses them) and the default node ports of Kubernetes.
var DynamicRanges = []analyze.PortRange{{First: 49152, Last: 65535}, {First: 30000, Last: 32767}}

// Ports returns the ranges that hold every used port at the least cost: RuleCost for each range, plus one for each unused
// port in it. Ports side by side, all used, are one range and never cut; an unused port is taken in only where use is a range (see
// PortOptions): enough ports, new ones on enough days, and no gap larger than ports drawn evenly from the whole range would
// leave. A range of that kind grows to the enclosing known range if the same gap test holds up to its ends, and a known range is
// taken whole where use draws from all over it, with a gap that chance leaves once in a million. Sorted.
// A port outside Within is an error.
func Ports(ports []PortUse, opt PortOptions) ([]analyze.PortRange, error) {
	opt, err := opt.checked()
	if err != nil {
		return nil, err
	}
	runs, err := portRuns(ports, opt.Within)
	if err != nil {
		return nil, err
	}
	return opt.ranges(runs), nil
}

func (o PortOptions) checked() (PortOptions, error) {
	if o.MinPorts < 0 || o.MaxSpan < 0 || o.NewDays < 0 || o.NewDays > 100 || o.MinDays < 0 || o.RuleCost < 0 {
		return o, fmt.Errorf("port options %+v: want none below 0, and at most 100 percent", o)
	}
	for _, r := range slices.Concat(o.Within, o.Known) {
		if r.First > r.Last {
			return o, fmt.Errorf("port options: range %d-%d: want first not above last", r.First, r.Last)
		}
	}
	if o.Known == nil {
		o.Known = DynamicRanges
	}
	if len(o.Within) == 0 {
		o.Within = []analyze.PortRange{analyze.AllPorts}
	}
	orDefault(&o.MinPorts, 20)
	orDefault(&o.MaxSpan, 1<<14)
	orDefault(&o.NewDays, 50)
	orDefault(&o.MinDays, 3)
	orDefault(&o.RuleCost, 1<<14)
	return o, nil
}

func orDefault[T int | int64](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// run is a stretch of used ports without gap, inside one old range; the day sets are bits by the day's place among all days.
type run struct {
	analyze.PortRange
	days  []uint64 // with use
	first []uint64 // on which one of its ports was new
}

func portRuns(ports []PortUse, within []analyze.PortRange) ([]run, error) {
	days, place := allDays(ports)
	byPort := make(map[uint16][]int32)
	for _, p := range ports {
		byPort[p.Port] = append(byPort[p.Port], p.Days...)
	}
	sorted := make([]uint16, 0, len(byPort))
	for p := range byPort {
		sorted = append(sorted, p)
	}
	slices.Sort(sorted)
	words := (days + 63) / 64
	var runs []run
	for _, p := range sorted {
		single := analyze.PortRange{First: p, Last: p}
		if !covered(within, single) {
			return nil, fmt.Errorf("port %d lies outside %v", p, within)
		}
		if n := len(runs); n == 0 || int(runs[n-1].Last)+1 != int(p) || !covered(within, hull(runs[n-1].PortRange, single)) {
			runs = append(runs, run{PortRange: single, days: make([]uint64, words), first: make([]uint64, words)})
		}
		r := &runs[len(runs)-1]
		r.Last = p
		if used := byPort[p]; len(used) > 0 {
			set(r.first, place[slices.Min(used)])
			for _, d := range used {
				set(r.days, place[d])
			}
		}
	}
	return runs, nil
}

// covered reports whether one of rs holds all of r.
func covered(rs []analyze.PortRange, r analyze.PortRange) bool {
	return slices.ContainsFunc(rs, func(o analyze.PortRange) bool { return o.Covers(r) })
}

// hull is the smallest range around both.
func hull(a, b analyze.PortRange) analyze.PortRange {
	return analyze.PortRange{First: min(a.First, b.First), Last: max(a.Last, b.Last)}
}

// allDays numbers the distinct days.
func allDays(ports []PortUse) (int, map[int32]int) {
	var all []int32
	for _, p := range ports {
		all = append(all, p.Days...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	place := make(map[int32]int, len(all))
	for i, d := range all {
		place[d] = i
	}
	return len(all), place
}

func set(b []uint64, i int) { b[i/64] |= 1 << (i % 64) }

func count(b []uint64) int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

func union(into, b []uint64) {
	for i, w := range b {
		into[i] |= w
	}
}

// ranges is the dynamic program: best[j] is the least cost of the first j runs, from[j] where the last range starts. On a
// tie the finer cover stays.
func (o PortOptions) ranges(runs []run) []analyze.PortRange {
	best := make([]int64, len(runs)+1)
	from := make([]int, len(runs)+1)
	for j := range runs {
		best[j+1] = -1
	}
	// Ranges are tried by their first run; best[i] is final when i is reached, since ranges only lead forward.
	for i := range runs {
		better := func(j int, c int64) {
			if best[j+1] < 0 || best[i]+c < best[j+1] {
				best[j+1], from[j+1] = best[i]+c, i
			}
		}
		better(i, o.RuleCost)
		o.spans(runs, i, func(j, unused int) { better(j, o.RuleCost+int64(unused)) })
	}
	var out []analyze.PortRange
	for j := len(runs); j > 0; j = from[j] {
		i := from[j]
		r := hull(runs[i].PortRange, runs[j-1].PortRange)
		if i < j-1 {
			r = o.known(runs[i:j], r)
		}
		out = append(out, r)
	}
	return o.joinOverlaps(append(out, o.drawn(runs)...))
}

// drawn are the known ranges, cut to the old ones, that use draws from all over, though it leaves a gap that would part it were the
// range not known: what is known beforehand needs less to be believed.
func (o PortOptions) drawn(runs []run) []analyze.PortRange {
	var out []analyze.PortRange
	for _, old := range o.Within {
		for _, k := range o.Known {
			k.First, k.Last = max(k.First, old.First), min(k.Last, old.Last)
			inside := slices.DeleteFunc(slices.Clone(runs), func(r run) bool { return !k.Covers(r.PortRange) })
			if k.First > k.Last || len(inside) < 2 || k.Len() > o.MaxSpan {
				continue
			}
			days, first := slices.Clone(inside[0].days), slices.Clone(inside[0].first)
			used, gap, next := 0, 0, int(k.First)
			for _, r := range inside {
				union(days, r.days)
				union(first, r.first)
				used += r.Len()
				gap = max(gap, int(r.First)-next)
				next = int(r.Last) + 1
			}
			gap = max(gap, int(k.Last)+1-next)
			if o.habit(used, days, first) && knownGap(gap, used, k.Len()) {
				out = append(out, k)
			}
		}
	}
	return out
}

// habit reports whether use shows that ports are drawn: enough of them, and new ones on enough days.
func (o PortOptions) habit(used int, days, first []uint64) bool {
	active := count(days)
	return used >= o.MinPorts && active >= o.MinDays && 100*count(first) >= o.NewDays*active
}

// spans calls yield for every range of more than one run that starts with run i and that use supports.
func (o PortOptions) spans(runs []run, i int, yield func(j, unused int)) {
	days, first := slices.Clone(runs[i].days), slices.Clone(runs[i].first)
	used, gap := runs[i].Len(), 0
	for j := i + 1; j < len(runs); j++ {
		whole := hull(runs[i].PortRange, runs[j].PortRange)
		span := whole.Len()
		if span > o.MaxSpan || !covered(o.Within, whole) {
			return
		}
		union(days, runs[j].days)
		union(first, runs[j].first)
		used += runs[j].Len()
		gap = max(gap, int(runs[j].First)-int(runs[j-1].Last)-1)
		if o.habit(used, days, first) && evenGap(gap, used, span) {
			yield(j, span-used)
		}
	}
}

// evenGap reports whether a gap is one that used ports drawn evenly from span ports may leave: the chance of a larger one is
// about used·exp(-gap·used/span), and the bound (0.7·log2(used) + 5)·span/used keeps it below one in a hundred.
func evenGap(gap, used, span int) bool {
	return 10*gap*used <= (7*bits.Len(uint(used))+50)*span
}

// knownGap is evenGap with a bound that keeps the chance below one in a million.
func knownGap(gap, used, span int) bool {
	return 10*gap*used <= (7*bits.Len(uint(used))+140)*span
}

// known is the smallest known range around r, cut to the old range, if use reaches both its ends; else r.
func (o PortOptions) known(runs []run, r analyze.PortRange) analyze.PortRange {
	used, best := 0, r
	for _, u := range runs {
		used += u.Len()
	}
	for _, old := range o.Within {
		for _, k := range o.Known {
			k.First, k.Last = max(k.First, old.First), min(k.Last, old.Last)
			if k.First > k.Last || !k.Covers(r) || k.Len() > o.MaxSpan {
				continue
			}
			ends := max(int(r.First)-int(k.First), int(k.Last)-int(r.Last))
			if evenGap(ends, used, k.Len()) && (best == r || k.Len() < best.Len()) {
				best = k
			}
		}
	}
	return best
}

// joinOverlaps sorts ranges and joins those that share a port, unless the whole would leave the old ranges.
func (o PortOptions) joinOverlaps(rs []analyze.PortRange) []analyze.PortRange {
	slices.SortFunc(rs, analyze.PortRange.Compare)
	out := []analyze.PortRange{}
	for _, r := range rs {
		n := len(out)
		if n > 0 && r.First <= out[n-1].Last && covered(o.Within, hull(r, out[n-1])) {
			out[n-1] = hull(r, out[n-1])
			continue
		}
		out = append(out, r)
	}
	return out
}
