package estate

import (
	"math"
	"slices"
	"time"
)

// settleInterfaces gives the interfaces of the present their lives, and lists the earlier states.
func (h *historian) settleInterfaces() {
	e := h.b.e
	h.instanceEvents()
	for _, id := range h.interfaceIDs() {
		now := e.Interfaces[id]
		marks := amended(h.interfaceMarks(id), h.amendments[id])
		marks = append(marks, h.ended(marks, now != nil)...)
		marks, found := h.once(id, append(marks, h.notSeen(id, marks)...))
		others := disputes(marks, h.until, differInterfaces)
		report(h, id, others, interfaceSays, believedEither, whyEither)
		all := settle(terms(marks, now != nil), append(found, others...))
		for k, t := range all {
			one := *t.value
			one.Life, one.Recorded = t.life, t.life.Since
			if k == 0 && !t.split {
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

// interfaceIDs are those of which any source tells something, sorted.
func (h *historian) interfaceIDs() []string {
	ids := sortedKeys(h.interfaces.marks)
	for id := range h.amendments {
		if h.interfaces.marks[id] == nil && h.b.e.Interfaces[id] != nil {
			ids = append(ids, id)
		}
	}
	return sortedStrings(ids)
}

// interfaceMarks is what the sources have of an interface as a whole, the present among it.
func (h *historian) interfaceMarks(id string) []mark[Interface] {
	marks := slices.Clone(h.interfaces.marks[id])
	if now := h.b.e.Interfaces[id]; now != nil && !h.b.dated(NetworkInterfaces, id) {
		marks = append(marks, mark[Interface]{at: h.latest, origin: fromSnapshot, value: now, key: now.stateKey()})
	}
	return marks
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

// notSeen says when an interface was not there: before AWS Config discovered it; and, where other sources know it and no
// snapshot has it, at the snapshots of the time in which those sources have it, the last before and the first after.
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
		from, _ := slices.BinarySearch(s.times, first)
		to, _ := slices.BinarySearch(s.times, last+1)
		for _, at := range s.times[max(from-1, 0):min(to+1, len(s.times))] {
			absent = append(absent, mark[Interface]{at: at, origin: fromSnapshot})
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

// once drops what says that an object was not there between two times at which it was: ids never come back. In the time
// between, as what it was there is in dispute.
func (h *historian) once(id string, marks []mark[Interface]) (kept []mark[Interface], found []dispute[Interface]) {
	slices.SortStableFunc(marks, mark[Interface].compare)
	seen, gone := -1, -1 // the last mark that has it, and the first since that has not
	for k, m := range marks {
		if m.value == nil {
			if gone < 0 {
				gone = k
			}
			continue
		}
		switch {
		case gone >= 0 && m.at-max(m.lag, clockSeconds) <= marks[gone].at:
			continue // it tells late of the time before
		case gone >= 0 && seen < 0:
			kept = append(kept, marks[gone:k]...)
		case gone >= 0:
			found = append(found, dispute[Interface]{marks[seen].at, m.at, marks[gone], m})
		}
		kept = append(kept, m)
		seen, gone = k, -1
	}
	if gone >= 0 {
		kept = append(kept, marks[gone:]...)
	}
	report(h, id, found, interfaceSays, believedThere, whyThere)
	return kept, found
}

// differInterfaces reports whether two states cannot both be. CloudTrail tells surely of groups alone: addresses come and go by
// other events, and an instance takes its interface with it without one.
func differInterfaces(one, two mark[Interface]) bool {
	trail := one.origin == fromTrail || two.origin == fromTrail
	switch {
	case one.value == nil || two.value == nil:
		return !trail && (one.value == nil) != (two.value == nil)
	case trail:
		return !slices.Equal(one.value.Groups, two.value.Groups)
	}
	return one.key != two.key
}
