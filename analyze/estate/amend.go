package estate

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"
)

// amendment is an event that tells of a part of an interface's state: that it got other groups, or that addresses came or went.
type amendment struct {
	at           int64
	scope        Scope
	groups       []string       // nil: as they were
	gained, lost []netip.Prefix // single addresses, and delegated prefixes
}

// after is the state that the event made of another.
func (a *amendment) after(i *Interface) *Interface {
	one := i.exchanged(a.gained, a.lost)
	if a.groups != nil {
		one.Groups = a.groups
	}
	return one
}

// before is the state that the event found, but for the groups if it was about them.
func (a *amendment) before(i *Interface) *Interface { return i.exchanged(a.lost, a.gained) }

// exchanged is the interface with some addresses and delegated prefixes more, and some less.
func (i *Interface) exchanged(more, less []netip.Prefix) *Interface {
	one := *i
	one.Addrs = slices.DeleteFunc(slices.Clone(i.Addrs), func(a netip.Addr) bool {
		return slices.Contains(less, netip.PrefixFrom(a, a.BitLen()))
	})
	one.Prefixes = slices.DeleteFunc(slices.Clone(i.Prefixes), func(p netip.Prefix) bool { return slices.Contains(less, p) })
	for _, p := range more {
		if p.IsSingleIP() {
			one.Addrs = append(one.Addrs, p.Addr())
		} else {
			one.Prefixes = append(one.Prefixes, p)
		}
	}
	one.Addrs, one.Prefixes = sortedAddrs(one.Addrs), sortedPrefixes(one.Prefixes)
	return &one
}

// amended is the marks of an interface with those of the events that tell of a part of its state. The rest is that of the mark
// before. Where there is none it is that of the first mark after, from which what was before the events is reckoned back.
func amended(marks []mark[Interface], events []amendment) []mark[Interface] {
	if len(events) == 0 {
		return marks
	}
	slices.SortStableFunc(marks, mark[Interface].compare)
	slices.SortStableFunc(events, func(a, b amendment) int { return cmp.Compare(a.at, b.at) })
	first := slices.IndexFunc(marks, func(m mark[Interface]) bool { return m.value != nil })
	if first < 0 {
		return marks
	}
	later := sort.Search(len(events), func(k int) bool { return follows(marks[first], events[k].at) })
	out := slices.Clone(marks)
	if !marks[first].begins { // else nothing was before
		out = append(out, reckonedBack(marks[first].value, events[:later])...)
	}
	base := marks[first]
	for k, ev := range events[later:] {
		for ; len(marks) > 0 && follows(marks[0], ev.at); marks = marks[1:] {
			if marks[0].value != nil {
				base = marks[0]
			}
		}
		m := ev.mark(later+k, ev.after(base.value))
		m.begins = m.key != base.key // to give it what it has is no change
		out, base = append(out, m), m
	}
	return out
}

// follows reports whether an event of the time comes after the mark: of one second, after what other events made.
func follows(m mark[Interface], at int64) bool {
	return m.at < at || m.at == at && m.origin == fromTrail
}

// reckonedBack is the marks of events of which the first state on record is later. Addresses are reckoned back from it; the
// groups are those that an event gave, for none tells of those before it.
func reckonedBack(state *Interface, events []amendment) (marks []mark[Interface]) {
	groups, known := state.Groups, !slices.ContainsFunc(events, func(a amendment) bool { return a.groups != nil })
	states := make([]*Interface, len(events)) // as the events found it
	for k, ev := range slices.Backward(events) {
		states[k] = ev.before(state)
		state = states[k]
	}
	for k, ev := range events {
		before := *states[k]
		before.Groups = groups
		if known {
			marks = append(marks, ev.mark(k, &before))
		}
		after := ev.mark(k, ev.after(&before))
		after.begins = !known || after.key != before.stateKey()
		if known = known || ev.groups != nil; known {
			groups = after.value.Groups
			marks = append(marks, after)
		}
	}
	return marks
}

// mark is of the state that the k-th event of an interface made, or found. The number orders those of one second.
func (a *amendment) mark(k int, state *Interface) mark[Interface] {
	return mark[Interface]{at: a.at, nanos: int64(k + 1), origin: fromTrail, scope: a.scope, value: state, key: state.stateKey()}
}
