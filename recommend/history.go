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
	if n := r.e.History.Conflicts; n > 0 {
		add("The sources of the history contradict each other, %s (conflicts in recommendations.json): at such a time either may have been so, every rule that either needs is kept, and nothing is decided by it.", times(n))
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
		add("%s of the needed connections (%d of %d) could not be placed: no record says which interface had one of their addresses at the time, or which groups it carried. Every rule that may have allowed them is kept, so less can be tightened than might be%s.",
			percent(unplaced, needs), unplaced, needs, r.betterHistory())
	}
	if n := len(r.use.GoneIDs); n > 0 {
		add("Interfaces that are in the logs and on no record of the estate: %d (%s). They are gone, or another account's; their %d needed connections keep every rule that could have allowed them, of all groups that explain what they let in.",
			n, listed(r.use.GoneIDs, 3), r.use.Gone)
	}
	if r.use.Unplaced > 0 {
		add("Private addresses in networks of the estate that no interface is known to have had at the time: %d. Every rule for a group that they may have belonged to is kept.", r.use.Unplaced)
	}
	return out
}

// sources names the sources of the estate's history, and how exact the times of each are.
func (r *reviewer) sources() string {
	h := r.e.History
	var out []string
	add := func(what string, n int, since time.Time, exact string) {
		if !since.IsZero() {
			out = append(out, fmt.Sprintf("%s (%d since %s, %s)", what, n, day(since), exact))
		}
	}
	add("AWS Config items", h.ConfigItems, h.ConfigSince, "a change is recorded up to "+lasting(h.ConfigLate)+" late")
	add("CloudTrail events", h.TrailEvents, h.TrailSince, "exact to the second")
	add("earlier snapshots", h.Snapshots, h.SnapshotsSince, "up to "+lasting(h.SnapshotsApart)+" apart, within which a change is open")
	return strings.Join(out, ", ")
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// lasting is a length of time in words.
func lasting(seconds int) string {
	switch d := time.Duration(seconds) * time.Second; {
	case d <= 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
	case d <= 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()+0.5))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24+0.5))
	}
}

// betterHistory says what would place more of the traffic; "" when AWS Config told of the whole window.
func (r *reviewer) betterHistory() string {
	switch h := r.e.History; {
	case h.None():
		return ". A history of the estate would place them: AWS Config, CloudTrail, or a snapshot every day from now on (sgtrim snapshot --append)"
	case h.ConfigSince.IsZero():
		return ". AWS Config, which records every change, would place more of them"
	case h.ConfigSince.After(hourTime(r.cover.window.from)):
		return ". AWS Config began to record only after the first logs"
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
