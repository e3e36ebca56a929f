package estate

import (
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
		runs := endsOfRuns(marks)
		keys := byGroup[id]
		for k := range now {
			keys = append(keys, k)
		}
		for _, m := range runs {
			if m.value != nil {
				for k := range *m.value {
					keys = append(keys, k)
				}
			}
		}
		slices.SortFunc(keys, analyze.RuleKey.Compare)
		for _, k := range slices.Compact(keys) {
			if h.ruleMarks[k] != nil {
				h.settleRule(g, k, marks, now[k])
			} else {
				h.settleRule(g, k, runs, now[k])
			}
		}
	}
}

// groupMarks is the marks of a group in order of time.
func (h *historian) groupMarks(id string, now ruleSet) []mark[ruleSet] {
	marks := slices.Clone(h.groups.marks[id])
	if len(marks)+len(h.ruleMarks) > 0 && !h.b.dated(SecurityGroups, id) {
		marks = append(marks, mark[ruleSet]{at: h.latest, origin: fromSnapshot, value: &now, key: "now"})
	}
	if m, ok := h.groups.discovered(marks); ok {
		marks = append(marks, m)
	}
	slices.SortStableFunc(marks, mark[ruleSet].compare)
	return marks
}

// endsOfRuns leaves of a run of equal marks of one source the first and the last: for a rule without events they say all.
func endsOfRuns(marks []mark[ruleSet]) []mark[ruleSet] {
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

// firstSeen is the time of the first mark that has the rule, of marks in order of time; 0 when none has.
func firstSeen(marks []mark[bool]) int64 {
	for _, m := range marks {
		if m.value != nil {
			return m.at
		}
	}
	return 0
}

func (h *historian) settleRule(g *Group, key analyze.RuleKey, group []mark[ruleSet], now bool) {
	there := true
	var marks []mark[bool]
	for _, m := range group {
		one := mark[bool]{at: m.at, nanos: m.nanos, origin: m.origin, begins: m.begins, lag: m.lag, scope: m.scope}
		if m.value != nil && (*m.value)[key] {
			one.value, one.key = &there, "+"
		}
		marks = append(marks, one)
	}
	events := h.ruleMarks[key]
	scope := Scope{Account: g.Owner, Region: g.Region}
	if trail := h.reachOf(fromTrail, scope); now && len(events) == 0 && trail != nil && (!trail.asked || trail.until >= firstSeen(marks)) && !h.unclear[g.ID] && !h.unclearIn[scope] {
		// Nothing was recorded of it until it was seen: it is older.
		marks = append(marks, mark[bool]{at: trail.since, origin: fromTrail, scope: scope, value: &there, key: "+"})
	}
	marks = append(marks, events...)
	all := terms(marks, now)
	found := disputes(marks, h.until, func(one, two mark[bool]) bool { return one.key != two.key })
	if len(found) > 0 {
		report(h, key.String(), found, ruleSays, believedEither, whyEither)
		all = settle(all, found)
	}
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
