package estate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"
)

// settleInterfaces gives the interfaces of the present their lives, and lists the earlier states.
func (h *historian) settleInterfaces() {
	e := h.b.e
	for _, id := range sortedKeys(h.interfaces.marks) {
		now := e.Interfaces[id]
		marks := h.regrouped(id)
		if now != nil && !h.b.dated(NetworkInterfaces, id) {
			marks = append(marks, mark[Interface]{at: h.latest, origin: fromSnapshot, value: now, key: now.stateKey()})
		}
		all := terms(h.once(id, append(marks, h.notSeen(id, marks)...)), now != nil)
		for k, t := range all {
			one := *t.value
			one.Life, one.Recorded = t.life, t.life.Since
			if k == 0 {
				one.Life.Since = t.assumedSince()
			}
			if k == len(all)-1 && now != nil {
				now.Life, now.Recorded = one.Life, one.Recorded
			} else {
				e.Past = append(e.Past, &one)
			}
		}
	}
}

// assumedSince is since when the first state of an interface is taken to have been so: since it was attached, as without a
// history, unless the record says that it was not there then.
func (t *term[T]) assumedSince() time.Time {
	i, since := any(t.value).(*Interface), t.life.Since
	switch {
	case t.first.begins:
		return since
	case !i.Attached.IsZero():
		if i.Attached.Before(since) && i.Attached.After(t.life.After) {
			return i.Attached
		}
		return since
	case t.first.origin == fromSnapshot && t.life.After.IsZero():
		return time.Time{}
	}
	return since
}

// regrouped is the marks of an interface with those of events that tell of its groups alone: the rest of the state is that
// of the mark before, or, where there is none, of the one after.
func (h *historian) regrouped(id string) []mark[Interface] {
	marks := slices.Clone(h.interfaces.marks[id])
	slices.SortStableFunc(marks, func(a, b mark[Interface]) int { return cmp.Compare(a.at, b.at) })
	events := h.regroup[id]
	slices.SortStableFunc(events, func(a, b regroup) int { return cmp.Compare(a.at, b.at) })
	for _, ev := range events {
		at := sort.Search(len(marks), func(k int) bool { return marks[k].at >= ev.at })
		base := nearest(marks, at)
		if base == nil {
			continue
		}
		one := *base
		one.Groups = ev.groups
		marks = slices.Insert(marks, at, mark[Interface]{at: ev.at, origin: fromTrail, begins: true, value: &one, key: one.stateKey()})
	}
	return marks
}

// nearest is the last state before the mark at, or the first after.
func nearest(marks []mark[Interface], at int) *Interface {
	for k := at - 1; k >= 0; k-- {
		if marks[k].value != nil {
			return marks[k].value
		}
	}
	for _, m := range marks[at:] {
		if m.value != nil {
			return m.value
		}
	}
	return nil
}

// notSeen says when an interface was not there: before AWS Config discovered it; and, where other sources know it and no
// snapshot has it, at the last snapshot before and the first after the time in which those sources have it.
func (h *historian) notSeen(id string, marks []mark[Interface]) (absent []mark[Interface]) {
	var of Scope
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, m := range marks {
		if m.value != nil {
			of, first, last = Scope{Account: m.value.Owner, Region: m.value.Region}, min(first, m.at), max(last, m.at)
		}
	}
	if m, ok := h.interfaces.discovered(marks); ok && !slices.ContainsFunc(marks, func(o mark[Interface]) bool {
		return o.value != nil && !o.value.Attached.IsZero() && o.value.Attached.Unix() < m.at
	}) {
		absent = append(absent, m)
	}
	for scope, s := range h.interfaces.series {
		if scope.Account != of.Account || scope.Region != of.Region || s.present[id] != nil {
			continue
		}
		if k, _ := slices.BinarySearch(s.times, first); k > 0 {
			absent = append(absent, mark[Interface]{at: s.times[k-1], origin: fromSnapshot})
		}
		if k, _ := slices.BinarySearch(s.times, last+1); k < len(s.times) {
			absent = append(absent, mark[Interface]{at: s.times[k], origin: fromSnapshot})
		}
	}
	return absent
}

// dated reports whether the object of the present comes from a describe output with a time. One without is taken to be later
// than all that is on record.
func (b *builder) dated(kind Kind, id string) bool {
	at, ok := b.first[objectID{kind, id}]
	return ok && !at.scope.captured.IsZero()
}

// once drops what says that an object was not there between two times at which it was: ids never come back.
func (h *historian) once(id string, marks []mark[Interface]) []mark[Interface] {
	slices.SortStableFunc(marks, func(a, b mark[Interface]) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.origin, b.origin))
	})
	first, last := len(marks), 0
	for k, m := range marks {
		if m.value != nil {
			first, last = min(first, k), k
		}
	}
	var out []mark[Interface]
	for k, m := range marks {
		if m.value == nil && first < k && k < last {
			h.conflict("is recorded as gone, but was there later: it is taken to have been there all along", id)
			continue
		}
		out = append(out, m)
	}
	return out
}

func (h *historian) conflict(cause, id string) {
	if !slices.Contains(h.conflicts[cause], id) {
		h.conflicts[cause] = append(h.conflicts[cause], id)
	}
}

// reportConflicts lists what the sources disagree about.
func (h *historian) reportConflicts() {
	for _, cause := range sortedKeys(h.conflicts) {
		ids := h.conflicts[cause]
		slices.Sort(ids)
		object := ids[0]
		if n := len(ids); n > 1 {
			object += fmt.Sprintf(" and %d more", n-1)
		}
		h.b.e.Problems = append(h.b.e.Problems, Problem{"history", object, cause})
	}
}
