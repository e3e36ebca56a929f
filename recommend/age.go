package recommend

import (
	"fmt"
	"time"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/usage"
)

// minAge is how old a rule must be before anything is proposed about it: who made it yesterday knows why (design §7.6).
const minAge = 14 * 24 * time.Hour

// age says how long a rule has been in force at the window's end, as far as the estate's history tells.
type age struct {
	known  bool      // it is older than the minimum, or surely made within the window
	since  time.Time // in force since then at least; zero when nothing is on record
	after  time.Time // it was not there yet; zero when it may always have been
	window time.Time // the window's end
}

func (r *reviewer) ageOf(rule *usage.Rule) age {
	a := age{window: hourTime(r.cover.window.until)}
	life, recorded := rule.Group.Lives[rule.RuleKey]
	if !recorded {
		return a
	}
	a.since, a.after = life.Since, life.After
	a.known = !a.after.IsZero() || a.window.Sub(a.since) >= minAge
	return a
}

// young says why the rule is too young to be judged, "" when it is not, or when its age is not known.
func (a age) young() (why, release string) {
	if a.after.IsZero() || a.window.Sub(a.since) >= minAge {
		return "", ""
	}
	ripe := a.since.Add(minAge)
	why = fmt.Sprintf("the rule was made on %s", day(a.since))
	if !a.after.Equal(a.since) {
		why = fmt.Sprintf("the rule was made between %s and %s", day(a.after), day(a.since))
	}
	return why, fmt.Sprintf("flow logs until %s, when the rule is %d days old", day(ripe), int(minAge.Hours())/24)
}

// untold says why a person decides about the removal of a rule: its age is not on record, and CloudTrail could have been asked.
// "" where it is known or nobody could, and of a rule that lies inside another: who made it, and when, makes no difference.
func (r *reviewer) untold(d *draft, rule *usage.Rule) string {
	if d.kind != Unused && d.kind != Redundant || r.ageOf(rule).known {
		return ""
	}
	why := "was not asked"
	switch asked := r.e.AskedOf(rule.Group.Owner, rule.Group.Region); {
	case !asked.Trail.CouldHaveTold():
		return ""
	case asked.Trail == estate.Refused:
		why = "refused to tell (docs/iam.md)"
	}
	return fmt.Sprintf("the age of the rule is unknown, and CloudTrail, which would tell it, %s: made in the last %d days, it may be for what is still to come; a person decides",
		why, int(minAge.Hours())/24)
}

// days is for how many days of the evidence the rule was in force: the most there can be where its making is not on record.
func (a age) days(most int) int {
	if a.after.IsZero() {
		return most
	}
	return min(most, int((a.window.Sub(a.since)+12*time.Hour)/(24*time.Hour)))
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
