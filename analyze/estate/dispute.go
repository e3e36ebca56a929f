package estate

import (
	"cmp"
	"slices"
	"time"
)

// dispute is what two sources say of one object that cannot both be right: from one time to another the first says that one
// state lasted, and the second has another in it. Neither is believed then: each may have been.
type dispute[T any] struct {
	from, to int64
	one, two mark[T]
}

const clockSeconds = int64(clockError / time.Second)

// disputes finds where sources contradict each other. Each kind of source tells something of the time after it:
//   - a snapshot nothing: what it says is of its own time;
//   - AWS Config that its state lasted until the next item became due, for it records every change;
//   - CloudTrail that its state lasted until the next event, and, of what an event began, that it was not so before.
//
// marks are in order. until is up to when a source that lasts was recording, for its last mark; differ is asked of two marks.
func disputes[T any](marks []mark[T], until func(from origin, of Scope, lag int64) int64, differ func(one, two mark[T]) bool) (found []dispute[T]) {
	for k, m := range marks {
		if m.origin == fromSnapshot {
			continue
		}
		if k > 0 && m.begins && m.value != nil {
			if p := marks[k-1]; p.origin != fromTrail && p.at < m.at-clockSeconds && p.value != nil && !differ(p, m) {
				found = append(found, dispute[T]{p.at, m.at, p, m})
			}
		}
		found = append(found, contradicted(m, marks[k+1:], until, differ)...)
	}
	return found
}

// contradicted finds the later marks that deny that the state of m lasted.
func contradicted[T any](m mark[T], later []mark[T], until func(from origin, of Scope, lag int64) int64, differ func(one, two mark[T]) bool) (found []dispute[T]) {
	end := until(m.origin, m.scope, m.lag) // for so long it surely lasted, by its source
	last := end                            // and so long it may have
	if next := slices.IndexFunc(later, func(o mark[T]) bool { return o.origin == m.origin }); next >= 0 {
		end, last = later[next].at, later[next].at
		if m.origin == fromConfig && differ(m, later[next]) {
			end -= later[next].lag
		}
		later = later[:next]
	}
	agreed, open := m.at, -1 // the time of the last mark that agrees; the dispute that the next such mark ends
	for k, q := range later {
		if q.at >= end-clockSeconds {
			break
		}
		switch {
		case q.at-q.lag <= m.at+clockSeconds: // perhaps the same moment
		case !differ(m, q):
			agreed = q.at
			if open >= 0 {
				found[open].to, open = q.at, -1
			}
		case open < 0:
			from := agreed
			if q.begins && (k == 0 || !differ(m, later[k-1])) { // until then they agreed
				from = q.at
			}
			open = len(found)
			found = append(found, dispute[T]{from, last, m, q})
		}
	}
	return found
}

// settle applies the disputes to the states of an object: none of them is sure in the time of one. Of those that overlap the
// time is one.
func settle[T any](all []term[T], found []dispute[T]) []term[T] {
	slices.SortFunc(found, func(a, b dispute[T]) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	for k := 0; k < len(found); {
		from, to, keys := found[k].from, found[k].to, map[string]bool{}
		for ; k < len(found) && found[k].from <= to; k++ {
			to = max(to, found[k].to)
			keys[found[k].one.key], keys[found[k].two.key] = true, true
		}
		var out []term[T]
		for _, t := range all {
			out = append(out, t.doubted(unix(from), unix(to), keys[t.key])...)
		}
		all = out
	}
	return all
}

// doubted is the term without its certainty in a stretch of time: it may have been so there, and ends and begins anew around
// it. A state that only touches the stretch is left alone unless it is one of the two in question.
func (t term[T]) doubted(from, to time.Time, inQuestion bool) []term[T] {
	l := &t.life
	open := l.Until.IsZero()
	touches := l.Since.Equal(to) || !open && l.Until.Equal(from)
	if l.Since.After(to) || !open && l.Until.Before(from) || touches && !inQuestion {
		return []term[T]{t}
	}
	begun := l.Since.Before(from) || l.Since.Equal(from) && !l.After.Equal(from) // some of it is before
	goesOn := open || !l.Until.Before(to)
	if begun && goesOn {
		rest := t
		rest.split, rest.life.After, rest.life.Since = true, from, to
		l.Until, l.Before = from, to
		return []term[T]{t, rest}
	}
	if !begun && !l.After.IsZero() {
		l.After = earlier(l.After, from)
	}
	if !goesOn && !l.Before.IsZero() {
		l.Before = later(l.Before, to)
	}
	switch {
	case begun:
		l.Until = from
	case goesOn:
		l.Since, t.split = to, true
	default: // a time of no length is never sure
		l.Until, t.split = l.Since, true
	}
	return []term[T]{t}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
