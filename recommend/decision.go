package recommend

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
)

// Verdict is what a person decided about a change.
type Verdict string

const (
	Accept Verdict = "accept" // a change for review goes into the patches
	Reject Verdict = "reject" // the change stays out of the patches
	Except Verdict = "except" // the rule stays as it is until a day
)

// Outcome is what came of a decision.
type Outcome string

const (
	Applied  Outcome = "applied"   // the scripts follow it
	NoEffect Outcome = "no-effect" // it holds, and changes nothing
	Carried  Outcome = "carried"   // made about another kind of change of the same rule, which now keeps this one out too
	Expired  Outcome = "expired"   // its last day lies before the window's end
	Outdated Outcome = "outdated"  // the rule is there, but nothing of what was decided about is proposed now
	Unknown  Outcome = "unknown"   // no change of a present rule has this id
)

// decide lays the decisions over the plan's changes, which have their selection by status and flags. Time is the window's
// end: a decision holds through the UTC day Until.
func (r *reviewer) decide(p *Plan) {
	p.Decisions = slices.Clone(r.opt.Decisions)
	slices.SortFunc(p.Decisions, func(a, b Decision) int { return cmp.Compare(a.ChangeID, b.ChangeID) })
	now := lastDay(p.Window.Until)
	byID, byRule := map[string]*Change{}, map[analyze.RuleKey]*Change{}
	for i := range p.Changes {
		c := &p.Changes[i]
		byID[c.ID], byRule[c.Old[0].Rule.RuleKey] = c, c
	}
	var strays []*Decision
	for i := range p.Decisions {
		d := &p.Decisions[i]
		c := byID[d.ChangeID]
		if c == nil {
			strays = append(strays, d)
			continue
		}
		r.settleDecision(d, c, now)
		c.Decision = *d
	}
	if len(strays) == 0 {
		return
	}
	about := r.possibleChanges()
	for _, d := range strays { // after those with a change of their own, which win
		key, known := about[d.ChangeID]
		r.settleStray(d, key, known, byRule[key], now)
	}
}

// lastDay is the UTC day of the last moment before until, as a date; "" without a window, which no decision outlives.
func lastDay(until time.Time) string {
	if until.IsZero() {
		return ""
	}
	return until.UTC().Add(-time.Nanosecond).Format(time.DateOnly)
}

// settleDecision says what a decision does to its change, and does it.
func (r *reviewer) settleDecision(d *Decision, c *Change, now string) {
	if d.About == "" {
		d.About = c.Old[0].Rule.RuleKey.String()
	}
	switch {
	case d.expired(now):
		d.Outcome, d.Effect = Expired, fmt.Sprintf("it held until %s, and the evidence ends on %s: decide again", d.Until, now)
	case d.Verdict != Accept && c.Selected:
		c.Selected = false
		d.Outcome, d.Effect = Applied, "kept out of the scripts"
	case d.Verdict != Accept:
		d.Outcome, d.Effect = Applied, "not in the scripts"
	case c.Status == Held:
		d.Outcome, d.Effect = NoEffect, "the change is held: evidence lacks, and an acceptance does not stand in for it"
	case !r.opt.wants(c.GroupID):
		d.Outcome, d.Effect = NoEffect, "--only leaves the group out of the scripts"
	case c.Selected:
		d.Outcome, d.Effect = NoEffect, "in the scripts without it"
	default:
		c.Selected = true
		d.Outcome, d.Effect = Applied, "put into the scripts"
	}
}

// settleStray judges a decision whose change is not in the plan. A rule that someone wanted left alone is left alone by
// whatever kind of change the evidence now suggests; an acceptance is of one kind only.
func (r *reviewer) settleStray(d *Decision, key analyze.RuleKey, known bool, now *Change, day string) {
	if known && d.About == "" {
		d.About = key.String()
	}
	switch {
	case !known:
		d.Outcome, d.Effect = Unknown, "no change of a rule in the estate has this id: the rule was changed or removed since, or the id is mistyped"
	case d.expired(day):
		d.Outcome, d.Effect = Expired, fmt.Sprintf("it held until %s, and the evidence ends on %s", d.Until, day)
	case now == nil:
		d.Outcome, d.Effect = Outdated, "the rule is there, and no change of it is suggested now"
	case d.Verdict == Accept:
		d.Outcome, d.Effect = Outdated, fmt.Sprintf("the evidence now suggests another change of that rule, %s (%s): decide about that one", now.ID, now.Kind)
	case now.Decision.InForce():
		d.Outcome, d.Effect = Outdated, fmt.Sprintf("the change of that rule is now %s (%s), which has a decision of its own", now.ID, now.Kind)
	default:
		d.Outcome, d.Effect = Carried, fmt.Sprintf("the change of that rule is now %s (%s), and is kept out of the scripts too", now.ID, now.Kind)
		now.Selected, now.Decision = false, *d
	}
}

func (d *Decision) expired(now string) bool { return d.Until != "" && d.Until < now }

// InForce reports whether there is a decision and it holds.
func (d *Decision) InForce() bool {
	return d.Outcome == Applied || d.Outcome == NoEffect || d.Outcome == Carried
}

// KeepsOut reports whether the decision holds, and leaves the rule as it is.
func (d *Decision) KeepsOut() bool { return d.InForce() && d.Verdict != Accept }

// possibleChanges are the ids that changes of the estate's rules could have, with the rules.
func (r *reviewer) possibleChanges() map[string]analyze.RuleKey {
	out := make(map[string]analyze.RuleKey, len(r.use.Rules)*len(phases))
	for i := range r.use.Rules {
		key := r.use.Rules[i].RuleKey
		for _, k := range phases {
			out[changeID(key, k)] = key
		}
	}
	return out
}

// check refuses decisions that cannot be laid over a plan.
func (d *Decision) check() error {
	switch {
	case d.ChangeID == "":
		return fmt.Errorf("a decision names no change")
	case !slices.Contains(Verdicts, d.Verdict):
		return fmt.Errorf("decision about %s: %q: want accept, reject or except", d.ChangeID, d.Verdict)
	case d.By == "":
		return fmt.Errorf("decision about %s: who decided is missing", d.ChangeID)
	case d.Verdict == Except && (d.Until == "" || d.Reason == ""):
		return fmt.Errorf("decision about %s: an exception wants a reason and a last day", d.ChangeID)
	}
	if d.Until != "" {
		if _, err := time.Parse(time.DateOnly, d.Until); err != nil {
			return fmt.Errorf("decision about %s: until %q: want a date, as in 2026-10-31", d.ChangeID, d.Until)
		}
	}
	return nil
}

// Verdicts are the words of a decision.
var Verdicts = []Verdict{Accept, Reject, Except}
