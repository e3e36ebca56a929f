package recommend

import "time"

// period of the calendar, in months.
type period int

const (
	month   period = 1
	quarter period = 3
)

// turns is how many months, or quarters, end within the span: their last day lies inside to its end.
func (s span) turns(p period) int {
	return p.of(hourTime(s.until)) - p.of(hourTime(s.from))
}

// of numbers the period that a time lies in.
func (p period) of(t time.Time) int { return (t.Year()*12 + int(t.Month()) - 1) / int(p) }

// takesAway reports whether a kind of change rests on not having seen a use: a job that runs when the window does not reach is
// what it may cut (design §7.6).
func takesAway(k Kind) bool { return k == Unused || k == Redundant }

// calendar are remarks about what the window does not hold. A month's end is one only where --min-window waives it.
func (r *reviewer) calendar(k Kind) []string {
	if !takesAway(k) {
		return nil
	}
	var out []string
	if r.cover.window.turns(month) == 0 {
		out = append(out, "the window holds no month end: a monthly job would not have been seen")
	}
	if r.cover.window.turns(quarter) == 0 {
		out = append(out, "the window holds no quarter end: a quarterly job would not have been seen")
	}
	return out
}
