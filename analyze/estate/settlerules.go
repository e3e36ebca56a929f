package estate

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
)

// settleRules says since when each rule of the present was there, and which rules there were before.
func (h *historian) settleRules() {
	byGroup := map[string][]analyze.RuleKey{}
	for key := range h.ruleMarks {
		byGroup[key.GroupID] = append(byGroup[key.GroupID], key)
	}
	for _, id := range sortedKeys(h.b.e.Groups) {
		g := h.b.e.Groups[id]
		now := map[analyze.RuleKey]bool{}
		for _, r := range g.Rules {
			if r.Unsupported == "" {
				now[r.RuleKey] = true
			}
		}
		marks := h.groupMarks(id, now)
		keys := byGroup[id]
		for k := range now {
			keys = append(keys, k)
		}
		for _, m := range marks {
			if m.value != nil {
				for k := range *m.value {
					keys = append(keys, k)
				}
			}
		}
		slices.SortFunc(keys, analyze.RuleKey.Compare)
		for _, k := range slices.Compact(keys) {
			h.settleRule(g, k, marks, now[k])
		}
	}
}

// groupMarks is the marks of a group in order of time. Of a run of equal ones the first and the last say all.
func (h *historian) groupMarks(id string, now ruleSet) []mark[ruleSet] {
	marks := slices.Clone(h.groups.marks[id])
	if len(marks)+len(h.ruleMarks) > 0 && !h.b.dated(SecurityGroups, id) {
		marks = append(marks, mark[ruleSet]{at: h.latest, origin: fromSnapshot, value: &now, key: "now"})
	}
	if m, ok := h.groups.discovered(marks); ok {
		marks = append(marks, m)
	}
	slices.SortStableFunc(marks, func(a, b mark[ruleSet]) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.origin, b.origin)) })
	var out []mark[ruleSet]
	for k, m := range marks {
		same := func(o mark[ruleSet]) bool { return o.key == m.key && o.origin == m.origin && !m.begins }
		if 0 < k && k+1 < len(marks) && same(marks[k-1]) && same(marks[k+1]) {
			continue
		}
		out = append(out, m)
	}
	return out
}

func (h *historian) settleRule(g *Group, key analyze.RuleKey, group []mark[ruleSet], now bool) {
	there := true
	var marks []mark[bool]
	for _, m := range group {
		one := mark[bool]{at: m.at, origin: m.origin, begins: m.begins, lag: m.lag}
		if m.value != nil && (*m.value)[key] {
			one.value, one.key = &there, "+"
		}
		marks = append(marks, one)
	}
	events := h.ruleMarks[key]
	trail := h.b.e.History.TrailSince
	if now && len(events) == 0 && !trail.IsZero() && !h.unclear[g.ID] { // nothing was recorded of it: it is older
		marks = append(marks, mark[bool]{at: trail.Unix(), origin: fromTrail, value: &there, key: "+"})
	}
	all := terms(append(marks, events...), now)
	for k, t := range all {
		switch {
		case !now || k < len(all)-1:
			g.PastRules = append(g.PastRules, PastRule{key, t.life})
		default:
			if g.Lives == nil {
				g.Lives = map[analyze.RuleKey]Life{}
			}
			g.Lives[key] = t.life
		}
	}
}

// settleLists does for the entries of prefix lists what settleRules does for the rules of groups.
func (h *historian) settleLists() {
	for _, id := range sortedKeys(h.b.e.PrefixLists) {
		l := h.b.e.PrefixLists[id]
		marks := h.listMarks(id)
		if l.EntriesKnown && len(marks) > 0 && !h.b.dated(PrefixLists, id) {
			marks = append(marks, mark[PrefixList]{at: h.latest, origin: fromSnapshot, value: l, key: l.entriesKey()})
		}
		all := terms(marks, l.EntriesKnown)
		for k, t := range all {
			if k == len(all)-1 && l.EntriesKnown {
				l.Life = t.life
			} else {
				l.Past = append(l.Past, ListState{t.value.Entries, t.life})
			}
		}
		if n := len(all); n > 0 && all[0].first.origin == fromSnapshot && all[0].life.After.IsZero() {
			// Before the first record the entries are taken to have been the same, as without a history.
			if n == 1 {
				l.Life.Since = all[0].life.After
			} else {
				l.Past[0].Life.Since = all[0].life.After
			}
		}
	}
}

// listMarks is the marks of a list. An event says when its entries became what they are in the next record.
func (h *historian) listMarks(id string) []mark[PrefixList] {
	marks := slices.Clone(h.lists.marks[id])
	slices.SortStableFunc(marks, func(a, b mark[PrefixList]) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.origin, b.origin))
	})
	for k := len(marks) - 2; k >= 0; k-- {
		if m := &marks[k]; m.origin == fromTrail && m.value == nil {
			m.value, m.key = marks[k+1].value, marks[k+1].key
		}
	}
	return marks
}

func (l *PrefixList) entriesKey() string { return fmt.Sprint(l.Entries) }
