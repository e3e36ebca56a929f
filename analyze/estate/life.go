package estate

import "time"

// Life says when a state of an object was so: surely from Since to Until, and never outside After and Before. Between After
// and Since, and between Until and Before, it may have been so. A zero time is no bound.
type Life struct{ After, Since, Until, Before time.Time }

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

// sharp is the longest time that a change may be uncertain by and yet be known: AWS Config and CloudTrail leave minutes, a
// daily snapshot a day, in which others that nobody recorded may have come and gone.
const sharp = time.Hour

// Sharp reports whether the ends of the life that lie within reach of first and last are known to the hour.
func (l Life) Sharp(first, last time.Time) bool {
	first, last = first.Add(-clockError), last.Add(clockError)
	if !l.Since.IsZero() && l.Since.After(first) && (l.After.IsZero() || l.Since.Sub(l.After) > sharp) {
		return false
	}
	return l.Until.IsZero() || !l.Until.Before(last) || !l.Before.IsZero() && l.Before.Sub(l.Until) <= sharp
}
