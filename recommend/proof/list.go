package proof

import (
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// prefixList is a prefix list whose entries are known now.
type prefixList struct {
	now []span
	// versions are the entries over time, those of now among them, where they were not always the same.
	versions []version
}

// version is the entries that a list had in some time.
type version struct {
	age
	entries []span
	known   bool
}

func newList(l *estate.PrefixList) *prefixList {
	n := &prefixList{now: spans(l.Entries)}
	if len(l.Past) == 0 && l.Life.Since.IsZero() && l.Life.Until.IsZero() {
		return n
	}
	n.versions = append(n.versions, version{newAge(l.Life), n.now, true})
	for _, p := range l.Past {
		n.versions = append(n.versions, version{newAge(p.Life), spans(p.Entries), p.Known})
	}
	return n
}

// then is what a rule with the list allowed at the time and allows now: where one of the two does, or it is not known, perhaps.
func (l *prefixList) then(a netip.Addr, t stretch) analyze.Match {
	now := yesIf(inSpans(l.now, a))
	if l.versions == nil || l.versions[0].surely(t) {
		return now
	}
	some := false
	for _, v := range l.versions {
		if !v.perhaps(t) {
			continue
		}
		some = true
		if !v.known || yesIf(inSpans(v.entries, a)) != now {
			return analyze.Maybe
		}
	}
	if !some {
		return analyze.Maybe
	}
	return now
}

// changes reports whether what a list says of the address may have changed in the stretch.
func (l *prefixList) changes(a netip.Addr, t stretch) bool {
	return l.then(a, t) == analyze.Maybe && slices.ContainsFunc(l.versions, func(v version) bool { return v.changing(t) })
}
