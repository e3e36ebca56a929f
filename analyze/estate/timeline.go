package estate

import (
	"cmp"
	"slices"
	"time"
)

// origin is the kind of source that says how an object was. Of two at the same second the later one here is believed.
type origin uint8

const (
	fromTrail    origin = iota // CloudTrail: the very time of a change
	fromConfig                 // AWS Config: a state and when it was recorded, soon after it began
	fromSnapshot               // describe: the state at one time
)

func (o origin) String() string { return [...]string{"CloudTrail", "AWS Config", "snapshot"}[o] }

// mark is what one source says of one object at one time.
type mark[T any] struct {
	at     int64 // unix seconds
	nanos  int64 // of the second, where the source tells them: they order, and are not reckoned with
	origin origin
	begins bool   // the state began then: it was another just before
	found  bool   // AWS Config says that it met the object then for the first time
	value  *T     // nil: the object was not there
	key    string // equal keys: the same state; "" of no value
	lag    int64  // of AWS Config: seconds by which it may have recorded the state late
	scope  Scope  // of AWS Config and CloudTrail: the account and region
}

// compare orders marks by time. Of one second the states are in the order of their keys, so that the order of the input does
// not matter; of one second's events the last is one that gives a state, for whoever replaces a rule revokes the old one first.
func (m mark[T]) compare(o mark[T]) int {
	return cmp.Or(cmp.Compare(m.at, o.at), cmp.Compare(m.origin, o.origin), cmp.Compare(m.nanos, o.nanos), cmp.Compare(rank(m.begins), rank(o.begins)), cmp.Compare(m.key, o.key),
		cmp.Compare(m.lag, o.lag), cmp.Compare(rank(m.found), rank(o.found)))
}

func rank(last bool) int {
	if last {
		return 1
	}
	return 0
}

// term is one state with the time in which it was so.
type term[T any] struct {
	value *T
	key   string
	life  Life
	last  int64 // the last mark
	lasts bool  // AWS Config recorded it, so it stayed until the next item was due
	first mark[T]
	split bool // sources disagree about the time in which it began
}

// terms turns the marks of one object into its states in order of time. Between two marks of one state nothing is taken to
// have happened; between two different ones either may have been. present says that the last mark is the present: its state
// has no end.
func terms[T any](marks []mark[T], present bool) []term[T] {
	slices.SortStableFunc(marks, mark[T].compare)
	var all []term[T]
	for k, m := range marks {
		n := len(all)
		if n > 0 && all[n-1].key == m.key && (!m.begins || all[n-1].last == m.at) {
			t := &all[n-1]
			t.value, t.last, t.life.Until = m.value, m.at, unix(m.at)
			t.lasts = t.lasts || m.origin == fromConfig
			continue
		}
		t := term[T]{value: m.value, key: m.key, last: m.at, lasts: m.origin == fromConfig, first: m}
		t.life.Since, t.life.Until = unix(m.at), unix(m.at)
		if m.begins {
			t.life.After = t.life.Since
		}
		if n > 0 {
			all[n-1].end(m, marks[k:])
			if !m.begins {
				t.life.After = all[n-1].life.Until
			}
		}
		all = append(all, t)
	}
	if n := len(all); n > 0 && present {
		all[n-1].life.Until = time.Time{}
	}
	return slices.DeleteFunc(all, func(t term[T]) bool { return t.value == nil })
}

// end closes a term by the mark of the next, with which the marks that follow begin. What AWS Config recorded lasted until its
// next item became due.
func (t *term[T]) end(next mark[T], following []mark[T]) {
	t.life.Before = unix(next.at)
	until := t.last
	if t.lasts { // else there may be very many that follow, for nothing
		k := slices.IndexFunc(following, func(m mark[T]) bool { return m.origin == fromConfig })
		if k >= 0 && following[k].at-following[k].lag < next.at {
			until = max(until, following[k].at-following[k].lag)
		}
	}
	if next.begins && next.key != t.key {
		until = next.at
	}
	t.life.Until = unix(until)
}

func unix(t int64) time.Time { return time.Unix(t, 0).UTC() }
