package recommend

import (
	"maps"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/ledger"
)

// span is the time the evidence speaks for, in whole hours since 1970-01-01 UTC: [from, until).
type span struct{ from, until int64 }

func (s span) hours() int64 { return max(0, s.until-s.from) }

// coverage is what is known of one interface within the window.
type coverage struct {
	share  float64 // of the hours the interface was there, 4 digits
	maxGap int64   // longest run of uncovered hours
	skips  int     // hours with SKIPDATA or skipped lines that nothing else covers
	first  int64   // first covered hour; the window's end when none is
}

// days is the time from an hour to the span's end, to the nearest day.
func (s span) days(first int64) int { return int(s.until-first+12) / 24 }

// coverer turns coverage rows into coverage per interface.
type coverer struct {
	window span
	// recorded is the number of days with a row of any kind.
	recorded int
	good     map[string]map[int32]uint32 // interface → day → covered hours without gap
	bad      map[string]map[int32]uint32
	// rejectOnly are flow logs that record rejected traffic only: they show no use, so they cover nothing.
	rejectOnly map[string]bool
	acceptOnly map[string]bool
}

func newCoverer(rows []ledger.Coverage, e *estate.Estate) *coverer {
	c := &coverer{
		good: map[string]map[int32]uint32{}, bad: map[string]map[int32]uint32{},
		rejectOnly: map[string]bool{}, acceptOnly: map[string]bool{},
	}
	c.judgeSources(rows, e)
	c.window = span{math.MaxInt64, math.MinInt64}
	days := map[int32]bool{}
	for i := range rows {
		r := &rows[i]
		if c.rejectOnly[r.Source] {
			continue
		}
		if all := r.Covered | r.Gaps; all != 0 {
			days[r.Day] = true
			c.window.from = min(c.window.from, int64(r.Day)*24+int64(bits.TrailingZeros32(all)))
			c.window.until = max(c.window.until, int64(r.Day)*24+int64(bits.Len32(all)))
		}
		or(c.good, r.Interface, r.Day, r.Covered&^r.Gaps)
		or(c.bad, r.Interface, r.Day, r.Gaps)
	}
	c.recorded = len(days)
	if c.window.from == math.MaxInt64 {
		c.window = span{}
	}
	return c
}

// recordedWindow is the window as the plan shows it.
func (c *coverer) recordedWindow() Window {
	if c.window.hours() == 0 {
		return Window{}
	}
	return Window{Since: hourTime(c.window.from), Until: hourTime(c.window.until), Days: c.recorded}
}

// judgeSources finds flow logs of one traffic type: by their configuration, or, where that is unknown, by their records.
func (c *coverer) judgeSources(rows []ledger.Coverage, e *estate.Estate) {
	accepts, rejects := map[string]int64{}, map[string]int64{}
	for i := range rows {
		accepts[rows[i].Source] += rows[i].Accepts
		rejects[rows[i].Source] += rows[i].Rejects
	}
	for source := range accepts {
		traffic := ""
		if fl := e.FlowLogs[source]; fl != nil {
			traffic = fl.TrafficType
		}
		switch {
		case traffic == "REJECT", traffic == "" && accepts[source] == 0 && rejects[source] > 0:
			c.rejectOnly[source] = true
		case traffic == "ACCEPT":
			c.acceptOnly[source] = true
		}
	}
}

func or(m map[string]map[int32]uint32, id string, day int32, mask uint32) {
	if mask == 0 {
		return
	}
	if m[id] == nil {
		m[id] = map[int32]uint32{}
	}
	m[id][day] |= mask
}

// settling is the time after an interface was attached for which records are not asked: the first come late [aws-facts 1.8].
const settling = 2 // hours

// firstHour is the first covered hour of an interface, the window's end when there is none.
func (c *coverer) firstHour(id string) int64 {
	first := c.window.until
	for day, hours := range c.good[id] {
		first = min(first, int64(day)*24+int64(bits.TrailingZeros32(hours)))
	}
	return first
}

// of computes the coverage of an interface in the time in which it surely was as it is here: of one of the present since it
// was attached.
func (c *coverer) of(i *estate.Interface) coverage {
	w := c.window
	if l := i.When(); !l.Since.IsZero() {
		w.from = max(w.from, ceilHour(l.Since)+settling)
	}
	if l := i.When(); !l.Until.IsZero() {
		w.until = min(w.until, l.Until.Unix()/3600)
	}
	good, bad := c.good[i.ID], c.bad[i.ID]
	var out coverage
	out.first = c.window.until
	var covered, gap int64
	for h := w.from; h < w.until; h++ {
		d, bit := int32(h/24), uint32(1)<<(h%24)
		if good[d]&bit != 0 {
			covered++
			gap = 0
			out.first = min(out.first, h)
			continue
		}
		if bad[d]&bit != 0 {
			out.skips++
		}
		gap++
		out.maxGap = max(out.maxGap, gap)
	}
	out.share = 1
	if n := w.hours(); n > 0 {
		out.share = round4(float64(covered) / float64(n))
	}
	return out
}

// hourTime is the start of an hour counted since 1970.
func hourTime(h int64) time.Time { return time.Unix(h*3600, 0).UTC() }

func ceilHour(t time.Time) int64 { return (t.Unix() + 3599) / 3600 }

// round4 rounds to 4 digits, so that no last bit of a computation can decide anything.
func round4(x float64) float64 { return math.Round(x*1e4) / 1e4 }

// dayRuns are the runs of consecutive days in a set of days since 1970: first and last day of each, counted from the
// window's first day.
func (c *coverer) dayRuns(days map[int32]bool) []int {
	runs := []int{}
	zero := int(c.window.from / 24)
	for _, d := range slices.Sorted(maps.Keys(days)) {
		at := int(d) - zero
		if n := len(runs); n > 0 && runs[n-1] == at-1 {
			runs[n-1] = at
		} else {
			runs = append(runs, at, at)
		}
	}
	return runs
}

// hourRuns are the covered hours of an interface by day: first day, last day, hours of each of them, from 0, the window's
// first day. Days without a covered hour are left out.
func (c *coverer) hourRuns(id string) []int {
	runs := []int{}
	good := c.good[id]
	zero := int(c.window.from / 24)
	for _, d := range slices.Sorted(maps.Keys(good)) {
		at, hours := int(d)-zero, bits.OnesCount32(good[d])
		if n := len(runs); n > 0 && runs[n-2] == at-1 && runs[n-1] == hours {
			runs[n-2] = at
		} else {
			runs = append(runs, at, at, hours)
		}
	}
	return runs
}
