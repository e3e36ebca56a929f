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

// state is an interface as it was in some time: surely from since to until, and perhaps a little longer, never outside after
// and before. Bounds that are not known are as far as can be.
type state struct {
	*estate.Interface
	after, since, until, before int64
	recorded                    bool // by a history, not taken from the present
}

func newState(i *estate.Interface) *state {
	s := &state{Interface: i, after: math.MinInt64, since: math.MinInt64, until: math.MaxInt64, before: math.MaxInt64}
	set := func(to *int64, t time.Time) {
		if !t.IsZero() {
			*to = t.Unix()
		}
	}
	if s.recorded = i.Life != (estate.Life{}); !s.recorded {
		set(&s.since, i.Attached)
		return s
	}
	set(&s.after, i.Life.After)
	set(&s.since, i.Life.Since)
	set(&s.until, i.Life.Until)
	set(&s.before, i.Life.Before)
	return s
}

// stretch is the time of a record, both ends in it.
type stretch struct{ first, last int64 }

func (s *state) surely(t stretch) bool { return s.since <= t.first-slack && t.last+slack <= s.until }

func (s *state) perhaps(t stretch) bool { return s.after < t.last+slack && t.first-slack < s.before }

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
func (s *state) changing(t stretch) bool {
	for _, b := range [...]int64{s.after, s.since, s.until, s.before} {
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
