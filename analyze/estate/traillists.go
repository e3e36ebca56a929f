package estate

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
)

// listChange is an event that changed a list. Of its entries it says which came and went, unless an earlier version was
// restored.
type listChange struct {
	at             int64
	scope          Scope
	added, removed []netip.Prefix
	told           bool
	maxEntries     int // 0: as before
}

// listModified notes what an event changed in a list. The shape of the request is not documented [F 7.2], so the entries are
// looked for wherever they stand.
func (h *historian) listModified(ev *trailEvent) error {
	id := listID.FindString(string(ev.req))
	if id == "" {
		h.note(ev, "", "names no prefix list")
		return nil
	}
	c := listChange{at: ev.time, scope: ev.scope.place(), told: ev.name == "ModifyManagedPrefixList"}
	var req any
	if err := json.Unmarshal(ev.req, &req); err != nil {
		h.note(ev, id, "the request is not understood: "+err.Error())
		c.told = false
	}
	c.read(req)
	c.told = c.told && len(c.added)+len(c.removed)+c.maxEntries > 0 // else what it did stands nowhere that is known
	h.listChanges[id] = append(h.listChanges[id], c)
	return nil
}

// read looks for entries that came and went, and for another maximum. One that is not understood leaves what there was untold.
func (c *listChange) read(v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			c.read(one)
		}
	case map[string]any:
		for k, member := range v {
			switch k = strings.ToLower(k); {
			case strings.HasPrefix(k, "addentr"):
				c.added = c.entries(c.added, member)
			case strings.HasPrefix(k, "removeentr"):
				c.removed = c.entries(c.removed, member)
			case k == "maxentries":
				n, _ := member.(float64)
				c.maxEntries = int(n)
			default:
				c.read(member)
			}
		}
	}
}

// entries adds those of one object, or of a list of them.
func (c *listChange) entries(to []netip.Prefix, v any) []netip.Prefix {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			to = c.entries(to, one)
		}
	case map[string]any:
		text, _ := member(v, "Cidr").(string)
		p, err := netip.ParsePrefix(text)
		if err != nil {
			c.told = false
			return to
		}
		to = append(to, p.Masked())
	case nil:
	default:
		c.told = false
	}
	return to
}

// undo adds what an event tells to marks, of which those after it are complete: that entries began at its time, and which
// there were until then.
func (c *listChange) undo(marks []mark[PrefixList]) []mark[PrefixList] {
	at, _ := slices.BinarySearchFunc(marks, c.at, func(m mark[PrefixList], t int64) int { return cmp.Compare(m.at, t) })
	begins, before := unknownEntries, unknownEntries
	for _, m := range marks[at:] {
		if m.value == nil || !m.value.EntriesKnown {
			break
		}
		if c.fits(m.value) {
			begins.value, begins.key = m.value, m.key
			if c.told {
				was := c.before(m.value, marks[:at])
				before.value, before.key = was, was.entriesKey()
			}
			break
		}
		if m.at-m.lag > c.at { // else it may be older than the event
			break
		}
	}
	begins.at, begins.origin, begins.scope = c.at, fromTrail, c.scope
	before.at, before.origin, before.scope = c.at, fromTrail, c.scope
	if !c.told && at > 0 { // then as recorded last
		before.value, before.key = marks[at-1].value, marks[at-1].key
	}
	begins.begins = before.key != begins.key // else the entries stayed
	if !c.told || !begins.begins {
		return slices.Insert(marks, at, begins)
	}
	return slices.Insert(marks, at, before, begins)
}

// fits reports whether the entries may be those that the event left.
func (c *listChange) fits(l *PrefixList) bool {
	has := func(p netip.Prefix) bool { return slices.Contains(l.Entries, p) }
	return !slices.ContainsFunc(c.removed, has) && !slices.ContainsFunc(c.added, func(p netip.Prefix) bool { return !has(p) })
}

// before is the list before the event: as recorded last, where that fits; for a description is changed by adding an entry anew.
func (c *listChange) before(after *PrefixList, recorded []mark[PrefixList]) *PrefixList {
	without := func(list, other []netip.Prefix) []netip.Prefix {
		return slices.DeleteFunc(slices.Clone(list), func(p netip.Prefix) bool { return slices.Contains(other, p) })
	}
	if n := len(recorded); n > 0 && recorded[n-1].value != nil && recorded[n-1].value.EntriesKnown {
		last := recorded[n-1].value
		if slices.Equal(sortedPrefixes(append(without(last.Entries, c.removed), c.added...)), after.Entries) {
			return last
		}
	}
	return &PrefixList{ID: after.ID, EntriesKnown: true, Entries: sortedPrefixes(append(without(after.Entries, c.added), c.removed...))}
}
