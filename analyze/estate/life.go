package estate

import (
	"math"
	"time"
)

// Life says when a state of an object was so: surely from Since to Until, and never outside After and Before. Between After
// and Since, and between Until and Before, it may have been so. A zero time is no bound.
type Life struct{ After, Since, Until, Before time.Time }

// When is the life of the interface's state. Without a history it is taken to have been so since it was attached.
func (i *Interface) When() Life {
	if i.Life == (Life{}) {
		return Life{Since: i.Attached}
	}
	return i.Life
}

// clockError is how far the times of records and of changes may be off, either way [F 1.2].
const clockError = 60 * time.Second

// Covers reports whether the state was surely so all the time from first to last, and around it as far as clocks may be off.
func (l Life) Covers(first, last time.Time) bool {
	return (l.Since.IsZero() || !l.Since.After(first.Add(-clockError))) && (l.Until.IsZero() || !l.Until.Before(last.Add(clockError)))
}

// Touches reports whether the state may have been so at some time from first to last, as far as clocks may be off.
func (l Life) Touches(first, last time.Time) bool {
	return (l.After.IsZero() || l.After.Before(last.Add(clockError))) && (l.Before.IsZero() || l.Before.After(first.Add(-clockError)))
}

// meets reports whether both states surely were so at some one time: then they are not one after the other.
func (l Life) meets(o Life) bool {
	return (l.Until.IsZero() || !l.Until.Before(o.Since)) && (o.Until.IsZero() || !o.Until.Before(l.Since))
}

// sharp is the longest time that a change may be uncertain by and yet be known: AWS Config and CloudTrail leave minutes. A
// daily snapshot leaves a day, in which others that nobody recorded may have come and gone.
const sharp = configLag + clockError

// Sharp reports whether the ends of the life that lie within reach of first and last are known to the minute.
func (l Life) Sharp(first, last time.Time) bool {
	first, last = first.Add(-clockError), last.Add(clockError)
	if !l.Since.IsZero() && l.Since.After(first) && (l.After.IsZero() || l.Since.Sub(l.After) > sharp) {
		return false
	}
	return l.Until.IsZero() || !l.Until.Before(last) || !l.Before.IsZero() && l.Before.Sub(l.Until) <= sharp
}

// Stretch is a time from First to Last, in unix seconds.
type Stretch struct{ First, Last int64 }

// always is all time, never none of it.
var (
	always = Stretch{math.MinInt64, math.MaxInt64}
	never  = Stretch{math.MaxInt64, math.MinInt64}
)

// Holds reports whether all of the time from first to last lies in the stretch.
func (s Stretch) Holds(first, last int64) bool { return s.First <= first && last <= s.Last }

// And is what is in both.
func (s Stretch) And(o Stretch) Stretch { return Stretch{max(s.First, o.First), min(s.Last, o.Last)} }

// between is the part of the stretch, around the time from first to last, in which the life neither begins nor ends, as far as
// clocks may be off: never where it may do so in that very time.
func (s Stretch) between(l Life, first, last time.Time) Stretch {
	first, last = first.Add(-clockError), last.Add(clockError)
	for _, t := range [...]time.Time{l.After, l.Since, l.Until, l.Before} {
		switch {
		case t.IsZero():
		case !t.After(first):
			s.First = max(s.First, t.Add(clockError+time.Second-1).Unix()) // the next whole second
		case !t.Before(last):
			s.Last = min(s.Last, t.Add(-clockError).Unix())
		default:
			return never
		}
	}
	return s
}
