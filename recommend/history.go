package recommend

import (
	"fmt"
	"strings"
	"time"
)

// historyNotes say what the estate's history tells, what share of the traffic it could not place, and what would.
func (r *reviewer) historyNotes() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if known := r.sources(); known != "" {
		add("Interfaces, groups and rules before the capture are known from %s.", known)
	}
	needs, unplaced := 0, 0
	for i := range r.use.Flows {
		if f := &r.use.Flows[i]; f.Need {
			needs++
			if !f.Placed() {
				unplaced++
			}
		}
	}
	if unplaced > 0 {
		add("%s of the needed connections (%d of %d) could not be placed: who was at one end at that time is not on record. They keep every rule that may have allowed them%s.",
			percent(unplaced, needs), unplaced, needs, r.betterHistory())
	}
	if n := len(r.use.GoneIDs); n > 0 {
		add("%d interfaces in the logs are on no record of the estate (%s): %d needed connections of theirs keep every rule that could have allowed them, of all groups that explain what they let in.",
			n, listed(r.use.GoneIDs, 3), r.use.Gone)
	}
	if r.use.Unplaced > 0 {
		add("%d private peers lie in networks of the estate but no interface is known to have held their address then: every reference that may have meant them is kept.", r.use.Unplaced)
	}
	return out
}

// sources names the sources of the estate's history.
func (r *reviewer) sources() string {
	h := r.e.History
	var out []string
	add := func(what string, n int, since time.Time) {
		if !since.IsZero() {
			out = append(out, fmt.Sprintf("%s (%d since %s)", what, n, day(since)))
		}
	}
	add("AWS Config items", h.ConfigItems, h.ConfigSince)
	add("CloudTrail events", h.TrailEvents, h.TrailSince)
	add("earlier snapshots", h.Snapshots, h.SnapshotsSince)
	return strings.Join(out, ", ")
}

// betterHistory says what would place more of the traffic; "" when AWS Config told of the whole window.
func (r *reviewer) betterHistory() string {
	switch h := r.e.History; {
	case h.None():
		return "; a history of the estate would place them: AWS Config, or a snapshot every day (sgtrim snapshot --append)"
	case h.ConfigSince.IsZero():
		return "; AWS Config, which records every change, would place more of them"
	case h.ConfigSince.After(hourTime(r.cover.window.from)):
		return "; AWS Config was recording only later than the first logs"
	}
	return ""
}

// percent is a share in words, never rounded to nothing.
func percent(n, of int) string {
	share := round4(float64(n) / float64(of))
	if share < 0.001 {
		return "less than 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", share*100)
}

// ageUnknown counts the rules of which the history does not tell whether they are older than the minimum age.
func (r *reviewer) ageUnknown() (n int) {
	for i := range r.use.Rules {
		if !r.ageOf(&r.use.Rules[i]).known {
			n++
		}
	}
	return n
}
