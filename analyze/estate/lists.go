package estate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
)

// changing are the prefix lists whose entries were others at some time, or may have been: what they say of an address depends
// on when.
type changing struct {
	ids []string // sorted
	at  map[string]int
}

func (x *Index) indexChanging() {
	x.changing.at = map[string]int{}
	for _, id := range sortedKeys(x.e.PrefixLists) {
		if l := x.e.PrefixLists[id]; l.EntriesKnown && (len(l.Past) > 0 || !l.Life.always()) {
			x.changing.at[id] = len(x.changing.ids)
			x.changing.ids = append(x.changing.ids, id)
		}
	}
}

// always reports that the state surely was so at any time.
func (l Life) always() bool { return l.Since.IsZero() && l.Until.IsZero() }

// matchList judges by the entries now and by those at the time: where the two differ, only one of them allows it.
func (x *Index) matchList(id string, addr netip.Addr, p *Placement, first, last time.Time) analyze.Match {
	entries := x.lists[id]
	if entries == nil {
		return analyze.Maybe
	}
	k, changes := x.changing.at[id]
	switch {
	case !changes:
		return yesNo(entries.Lookup(addr))
	case k < len(p.Lists):
		return analyze.Match(p.Lists[k])
	}
	return x.listThen(id, addr, first, last)
}

// listThen is what a list that changes says of an address: yes or no where its entries now and all that it may have had from
// first to last agree.
func (x *Index) listThen(id string, addr netip.Addr, first, last time.Time) analyze.Match {
	l, now := x.e.PrefixLists[id], x.lists[id].Lookup(addr)
	if l.Life.Covers(first, last) {
		return yesNo(now)
	}
	told := l.Life.Touches(first, last) // some entries of the time are on record
	for _, past := range l.Past {
		if !past.Life.Touches(first, last) {
			continue
		}
		if !past.Known || now != slices.ContainsFunc(past.Entries, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			return analyze.Maybe
		}
		told = true
	}
	if !told {
		return analyze.Maybe
	}
	return yesNo(now)
}

// placeLists completes a placement by what the lists that change say of the address.
func (x *Index) placeLists(p *Placement, addr netip.Addr, first, last time.Time) {
	if len(x.changing.ids) == 0 {
		return
	}
	said := make([]byte, len(x.changing.ids))
	for k, id := range x.changing.ids {
		said[k] = byte(x.listThen(id, addr, first, last))
		p.Same = p.Same.And(x.e.PrefixLists[id].same(first, last))
	}
	p.Lists = string(said)
}

// same is the stretch around the time from first to last in which the entries stay as they are: never where they may change in
// that very time.
func (l *PrefixList) same(first, last time.Time) Stretch {
	s := always.between(l.Life, first, last)
	for k := range l.Past {
		s = s.between(l.Past[k].Life, first, last)
	}
	return s
}
