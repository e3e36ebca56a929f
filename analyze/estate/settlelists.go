package estate

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// ListState is the entries of a prefix list at an earlier time.
type ListState struct {
	Entries []netip.Prefix // masked, sorted; of a state that is not Known none
	Known   bool           // false: there were others, and nobody recorded which
	Life    Life
}

// ListSize is a maximum of entries that a list has, or had: what a rule with the list counts towards the quota.
type ListSize struct {
	MaxEntries int
	Life       Life
}

// unknownEntries stands for entries that nobody recorded.
var unknownEntries = mark[PrefixList]{value: &PrefixList{}, key: "?"}

// settleLists gives the prefix lists of the present their lives, and lists their earlier entries and sizes.
func (h *historian) settleLists() {
	for _, id := range sortedKeys(h.b.e.PrefixLists) {
		l := h.b.e.PrefixLists[id]
		h.settleSizes(l)
		marks := h.listMarks(l)
		found := disputes(marks, h.until, func(one, two mark[PrefixList]) bool {
			return one.value != nil && two.value != nil && one.value.EntriesKnown && two.value.EntriesKnown && one.key != two.key
		})
		report(h, id, found, listSays, believedEither, whyEither)
		all := settle(terms(marks, l.EntriesKnown), found)
		if n := len(all); n > 0 && !all[0].first.begins && all[0].life.After.IsZero() && !all[0].split {
			// Before the first record the entries are taken to have been the same, as without a history.
			all[0].life.Since = all[0].life.After
		}
		for k, t := range all {
			if k == len(all)-1 && l.EntriesKnown {
				l.Life = t.life
			} else {
				l.Past = append(l.Past, ListState{t.value.Entries, t.value.EntriesKnown, t.life})
			}
		}
	}
}

// listMarks is the marks of a list, in order. CloudTrail tells what an event changed: from what is recorded next it follows what
// the entries were before.
func (h *historian) listMarks(l *PrefixList) []mark[PrefixList] {
	marks := slices.Clone(h.lists.marks[l.ID])
	changes := h.listChanges[l.ID]
	scope := Scope{Account: l.Owner, Region: l.Region}
	trail := h.reachOf(fromTrail, scope)
	if l.Owner == "AWS" { // who changes its lists itself
		trail = nil
	}
	if l.EntriesKnown && (len(marks)+len(changes) > 0 || trail != nil) && !h.b.dated(PrefixLists, l.ID) {
		marks = append(marks, mark[PrefixList]{at: h.latest, origin: fromSnapshot, value: l, key: l.entriesKey()})
	}
	if m, ok := h.lists.discovered(marks); ok {
		marks = append(marks, m)
	}
	slices.SortStableFunc(marks, mark[PrefixList].compare)
	slices.SortStableFunc(changes, func(a, b listChange) int { return cmp.Compare(a.at, b.at) })
	for _, c := range slices.Backward(changes) {
		marks = c.undo(marks)
	}
	if len(marks) > 0 && trail != nil { // nothing that CloudTrail tells changed it before the first that it tells of
		first := slices.IndexFunc(marks, func(m mark[PrefixList]) bool { return m.at >= trail.since })
		if first >= 0 && !marks[first].begins && marks[first].at > trail.since {
			marks = slices.Insert(marks, first, mark[PrefixList]{at: trail.since, origin: fromTrail, scope: scope, value: marks[first].value, key: marks[first].key})
		}
	}
	return marks
}

// settleSizes lists the maxima of entries that were and are.
func (h *historian) settleSizes(l *PrefixList) {
	var marks []mark[int]
	for _, m := range h.lists.marks[l.ID] {
		if m.value != nil && m.value.MaxEntries > 0 {
			marks = append(marks, mark[int]{at: m.at, nanos: m.nanos, origin: m.origin, lag: m.lag, scope: m.scope, value: &m.value.MaxEntries, key: fmt.Sprint(m.value.MaxEntries)})
		}
	}
	for _, c := range h.listChanges[l.ID] {
		if c.maxEntries > 0 {
			marks = append(marks, mark[int]{at: c.at, origin: fromTrail, begins: true, scope: c.scope, value: &c.maxEntries, key: fmt.Sprint(c.maxEntries)})
		}
	}
	if l.MaxEntries > 0 && len(marks) > 0 && !h.b.dated(PrefixLists, l.ID) {
		marks = append(marks, mark[int]{at: h.latest, origin: fromSnapshot, value: &l.MaxEntries, key: fmt.Sprint(l.MaxEntries)})
	}
	for _, t := range terms(marks, false) {
		l.Sizes = append(l.Sizes, ListSize{*t.value, t.life})
	}
}

func (l *PrefixList) entriesKey() string { return fmt.Sprint(l.Entries) }
