package proof

import (
	"math"
	"time"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// Times of records and of changes may be off by slack seconds, and a change that is on record within sharp seconds left no
// time for anybody else [aws-facts 1.2, 7.1].
const (
	slack = 60
	sharp = 660
)

// age is a time in which something was so: surely from since to until, and perhaps a little longer, never outside after and
// before. Bounds that are not known are as far as can be.
type age struct{ after, since, until, before int64 }

func newAge(l estate.Life) age {
	a := age{math.MinInt64, math.MinInt64, math.MaxInt64, math.MaxInt64}
	for _, b := range []struct {
		to *int64
		t  time.Time
	}{{&a.after, l.After}, {&a.since, l.Since}, {&a.until, l.Until}, {&a.before, l.Before}} {
		if !b.t.IsZero() {
			*b.to = b.t.Unix()
		}
	}
	return a
}

// state is an interface as it was in some time.
type state struct {
	*estate.Interface
	age
	recorded bool // by a history, not taken from the present
}

func newState(i *estate.Interface) *state {
	if i.Life != (estate.Life{}) {
		return &state{i, newAge(i.Life), true}
	}
	return &state{i, newAge(estate.Life{Since: i.Attached}), false}
}

// stretch is the time of a record, both ends in it.
type stretch struct{ first, last int64 }

func (a age) surely(t stretch) bool { return a.since <= t.first-slack && t.last+slack <= a.until }

func (a age) perhaps(t stretch) bool { return a.after < t.last+slack && t.first-slack < a.before }

// sharply reports whether the ends of the state's time that lie in the stretch are known well enough that nobody else can
// have been there between it and the next.
func (s *state) sharply(t stretch) bool {
	begins, ends := s.since > t.first-slack, s.until < t.last+slack
	if !s.recorded || begins && (s.after == math.MinInt64 || s.since-s.after > sharp) {
		return false
	}
	return !ends || s.before != math.MaxInt64 && s.before-s.until <= sharp
}

// together reports whether both surely were at one time, so that the one did not follow the other.
func (s *state) together(o *state) bool { return s.since <= o.until && o.since <= s.until }

// changing reports whether one of the bounds lies in the stretch.
func (a age) changing(t stretch) bool {
	for _, b := range [...]int64{a.after, a.since, a.until, a.before} {
		if t.first-slack < b && b < t.last+slack {
			return true
		}
	}
	return false
}

// in are the states that there may have been in the stretch. Where one surely was and none stands beside it at the same time,
// it is the only one, and sure.
func in(all []*state, t stretch) (found []*state, sure bool) {
	for _, s := range all {
		if s.perhaps(t) {
			found = append(found, s)
		}
	}
	for _, s := range found {
		if !s.surely(t) {
			continue
		}
		alone := true
		for _, o := range found {
			alone = alone && (o == s || !o.together(s))
		}
		if alone {
			return []*state{s}, true
		}
	}
	return found, false
}
