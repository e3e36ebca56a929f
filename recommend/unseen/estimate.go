// Package unseen estimates what the window has not shown: peers and ports that will come and were never seen (design §7.4).
//
// The sampling unit is the day: of each peer (or port) only the days it was seen on count, not how often. A pair of peer and
// day is an incidence. Two things are asked of the days:
//
//   - Good–Turing: incidences of peers seen on one day only, as a share of all, estimate the share of the next days'
//     incidences that peers never seen will have. It assumes that days are alike.
//   - Turnover: where peers come and go (autoscaling, leases), no peer is rare and Good–Turing sees nothing. So the days are
//     cut into quarters, and of each quarter but the first the share is taken that peers had which no earlier quarter knew.
//     The middle one of the three counts: peers that arrive again and again, but not those of one new deployment.
//
// The greater of the two is the expected loss of a rule for exactly the peers seen. Shares are rounded to four digits before
// they are compared or shown, and compared as integers.
package unseen

import (
	"fmt"
	"math"
	"slices"
)

// Share is a share in ten-thousandths.
type Share int

// Float is the share as a number from 0 to 1.
func (s Share) Float() float64 { return float64(s) / 10000 }

func (s Share) String() string { return fmt.Sprintf("%.2f %%", float64(s)/100) }

// share rounds num/den, half up; 0 of nothing is 0.
func share(num, den int) Share {
	if den == 0 {
		return 0
	}
	return Share((int64(num)*20000 + int64(den)) / (2 * int64(den))) // no overflow below 2^49
}

// Bounds of the expected loss, by level (design §7.4).
const (
	Strict   Share = 500
	Balanced Share = 100
	Loose    Share = 10
)

// Bound is the bound of a level by its name.
func Bound(level string) (Share, error) {
	switch level {
	case "strict":
		return Strict, nil
	case "balanced":
		return Balanced, nil
	case "loose":
		return Loose, nil
	}
	return 0, fmt.Errorf("level %q: want strict, balanced or loose", level)
}

// Estimate is what the days tell of species (peers, or ports) that a rule for exactly those seen would meet.
type Estimate struct {
	Species    int // distinct ones seen
	Days       int // on which any was seen
	Incidences int // pairs of species and day
	Once       int // seen on one day only
	Twice      int // on two
	// Missing is the Good–Turing estimate: the expected share of a later day's incidences that are of species never seen.
	// Low and High are its 90 % interval.
	Missing, Low, High Share
	// Turnover is the middle of the three quarters' shares of species that no earlier quarter knew; 0 below 8 days.
	Turnover Share
	// Richness is the Chao2 estimate of the number of species there are, rounded to four digits: a lower bound.
	Richness float64
}

// Loss is the greater of Missing and Turnover.
func (e Estimate) Loss() Share { return max(e.Missing, e.Turnover) }

// Judged reports whether the days can tell anything: one day says nothing of the next.
func (e Estimate) Judged() bool { return e.Days >= 2 }

// Of estimates from the days (since any fixed day) that each species was seen on. Order and repeats do not matter.
func Of(days [][]int32) Estimate { return newHistory(days).estimate() }

// history is the days of species, counted.
type history struct {
	first      []int32 // day of first sight, by species
	weights    []int64 // incidences that are lost if the species is a stranger: see strange
	once       []bool
	recent     []bool // seen once, and among the later half of those seen once
	arrived    []int  // quarter of first sight
	early      []int  // incidences in that quarter
	days       int
	incidences int
	twice      int
	quarters   [4]int // incidences
}

func newHistory(days [][]int32) *history {
	sets := make([][]int32, len(days))
	var all []int32
	for i, ds := range days {
		sets[i] = slices.Compact(slices.Sorted(slices.Values(ds)))
		all = append(all, sets[i]...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	h := &history{days: len(all)}
	place := make(map[int32]int, len(all))
	for i, d := range all {
		place[d] = i
	}
	for _, ds := range sets {
		h.add(ds, place)
	}
	h.markRecent()
	return h
}

// markRecent finds the later half of the species seen once. Only they can show whether a network explains newcomers: to the
// first ones it was as new as they were.
func (h *history) markRecent() {
	var days []int32
	for i, once := range h.once {
		if once {
			days = append(days, h.first[i])
		}
	}
	h.recent = make([]bool, len(h.once))
	if len(days) == 0 {
		return
	}
	slices.Sort(days)
	middle := days[len(days)/2]
	for i, once := range h.once {
		if h.recent[i] = once && h.first[i] >= middle; h.recent[i] {
			h.weights[i] = max(h.weights[i], 1)
		}
	}
}

// add counts one species. The quarters are of days on which anything was seen.
func (h *history) add(days []int32, place map[int32]int) {
	quarter := func(d int32) int { return 4 * place[d] / h.days }
	early, arrived, first := 0, 0, int32(math.MaxInt32)
	if len(days) > 0 {
		first, arrived = days[0], quarter(days[0])
	}
	for _, d := range days {
		q := quarter(d)
		h.quarters[q]++
		if q == arrived {
			early++
		}
	}
	once := len(days) == 1
	if len(days) == 2 {
		h.twice++
	}
	weight := 0
	if arrived > 0 && h.days >= 8 {
		weight = early
	}
	h.incidences += len(days)
	h.first = append(h.first, first)
	h.once = append(h.once, once)
	h.arrived = append(h.arrived, arrived)
	h.early = append(h.early, early)
	h.weights = append(h.weights, int64(weight))
}

// strange reports whether the species is one that a rule did not expect: of the later half of those seen once, or arrived
// after the first quarter.
func (h *history) strange(i int) bool { return h.weights[i] > 0 }

// former reports whether the species was seen once only, among the first.
func (h *history) former(i int) bool { return h.once[i] && !h.strange(i) }

// missing is the Good–Turing share, times the part of the recent species seen once that the rule would not have allowed
// without having seen them.
func (h *history) missing(expected func(i int) bool) Share {
	once, recent, strangers := 0, 0, 0
	for i := range h.once {
		if h.once[i] {
			once++
		}
		if h.recent[i] {
			recent++
			if !expected(i) {
				strangers++
			}
		}
	}
	return share(once*strangers, h.incidences*recent)
}

// turnover is the middle of the quarters' shares of unexpected arrivals.
func (h *history) turnover(expected func(i int) bool) Share {
	if h.days < 8 {
		return 0
	}
	var lost [4]int
	for i, q := range h.arrived {
		if q > 0 && !expected(i) {
			lost[q] += h.early[i]
		}
	}
	shares := []Share{share(lost[1], h.quarters[1]), share(lost[2], h.quarters[2]), share(lost[3], h.quarters[3])}
	slices.Sort(shares)
	return shares[1]
}

// loss is what is expected of a rule that would have allowed the expected species without having seen them.
func (h *history) loss(expected func(i int) bool) Share {
	return max(h.missing(expected), h.turnover(expected))
}

// Outside is the expected share of later incidences that no rule holds, where explained says of each species that a rule
// would have held it without having seen it.
func Outside(days [][]int32, explained []bool) Share {
	return newHistory(days).loss(func(i int) bool { return explained[i] })
}

func never(int) bool { return false }

func (h *history) estimate() Estimate {
	e := Estimate{Species: len(h.first), Days: h.days, Incidences: h.incidences, Twice: h.twice}
	for _, once := range h.once {
		if once {
			e.Once++
		}
	}
	e.Missing, e.Turnover = h.missing(never), h.turnover(never)
	e.Low, e.High = interval(e.Once, e.Twice, e.Incidences)
	e.Richness = chao2(e.Species, e.Once, e.Twice, e.Days)
	return e
}

// interval is a 90 % interval of the Good–Turing estimate: the variance is that of Esty (1983), (Q1 + 2·Q2)/U² to its leading
// terms, and the upper end is raised so that it holds with no singletons too (3.3/U, where the rule of three has 3/U).
func interval(once, twice, incidences int) (low, high Share) {
	if incidences == 0 {
		return 0, 10000
	}
	const z = 1.645
	half := math.Round(1000 * z * math.Sqrt(float64(once+2*twice+1)))
	low = share(max(0, 1000*once-int(half)), 1000*incidences)
	high = share(1000*once+int(half)+1700, 1000*incidences)
	return low, min(high, 10000)
}

// chao2 is the bias-corrected lower bound for the number of species (Chao 1987): S + (T-1)/T · Q1(Q1-1) / (2(Q2+1)).
func chao2(species, once, twice, days int) float64 {
	if days == 0 {
		return float64(species)
	}
	unseen := float64(days-1) * float64(once) * float64(once-1) / (2 * float64(days) * float64(twice+1))
	return math.Round(10000*(float64(species)+unseen)) / 10000
}
