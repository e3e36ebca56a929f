package recommend

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/usage"
)

// notes say what was not judged and why.
func (r *reviewer) notes() []string {
	out := []string{}
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if r.cover.window.hours() == 0 {
		add("No flow log shows any use or coverage: nothing can be concluded from the logs.")
	}
	for _, id := range sortedKeys(r.cover.rejectOnly) {
		add("Flow log %s records rejected traffic only: it shows no use, so it counts as no coverage.", nameOr(id, "of unknown id"))
	}
	for _, id := range sortedKeys(r.cover.acceptOnly) {
		add("Flow log %s records accepted traffic only: rejected connections are not listed from it.", nameOr(id, "of unknown id"))
	}
	for _, n := range r.historyNotes() {
		add("%s", n)
	}
	if r.use.Counts.OpenSides > 0 {
		add("%d conversations could not be told to be ingress or egress: both readings are kept.", r.use.Counts.OpenSides)
	}
	if n := len(r.e.Problems); n > 0 {
		add("%d objects of the estate were not understood or are missing; they are listed with the input.", n)
	}
	if n := r.ageUnknown(); n > 0 {
		add("The age of %d of %d rules is unknown: one made in the last %d days looks like any other. Snapshots of %d days (sgtrim snapshot --append), AWS Config or CloudTrail tell it.",
			n, len(r.use.Rules), int(minAge.Hours())/24, int(minAge.Hours())/24)
	}
	return out
}

func nameOr(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// fillTraffic lists needs that no rule explains, and recurring rejects, folded by interface, peer and service. Rejects of
// strangers come last: nobody should take a scanner's visits for a rule that is missing.
func (r *reviewer) fillTraffic(p *Plan) {
	for _, fi := range r.use.Unexplained {
		f := &r.use.Flows[fi]
		t := r.traffic(f)
		t.Cause = r.cause(f)
		p.Unexplained = append(p.Unexplained, t)
	}
	var strangers []Traffic
	for i := range r.use.Flows {
		f := &r.use.Flows[i]
		switch {
		case !recurringReject(f):
		case f.Place.Stranger() && f.Direction == ingress:
			t := r.traffic(f)
			t.Cause = "a scanner, unless somebody misses it"
			strangers = append(strangers, t)
		default:
			p.Rejected = append(p.Rejected, r.traffic(f))
		}
	}
	byWeight := func(a, b Traffic) int {
		return cmp.Or(cmp.Compare(b.DaysSeen, a.DaysSeen), cmp.Compare(b.Flows, a.Flows), cmp.Compare(a.Interface, b.Interface),
			cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Direction, b.Direction))
	}
	slices.SortFunc(p.Unexplained, byWeight)
	slices.SortFunc(p.Rejected, byWeight)
	slices.SortFunc(strangers, byWeight)
	p.Rejected = append(p.Rejected, strangers...)
}

func (r *reviewer) traffic(f *usage.Flow) Traffic {
	return Traffic{
		Interface: f.Interface, Direction: f.Direction, Peer: f.Peer.String(), PeerName: f.Place.Name, Service: f.Service().String(),
		Strength: f.Strength.String(), Flows: f.Flows, DaysSeen: len(f.Days), LastSeen: time.Unix(f.Last, 0).UTC(),
	}
}

// cause guesses why accepted traffic has no rule [aws-facts 2.3].
func (r *reviewer) cause(f *usage.Flow) string {
	switch {
	case f.Subject == nil:
		return "the interface is not in the estate, and no rule of its VPC explains this traffic"
	case len(f.Subject.Groups) == 0:
		return "the interface carries no groups: nothing filters it here"
	}
	if past := r.pastRule(f); past != nil {
		return fmt.Sprintf("a rule that was in force then and is no more: %s %s of %s, %s", past.Service, past.Peer, past.GroupID, ended(past.Life))
	}
	switch {
	case f.Orientation == analyze.Ambiguous:
		return "who opened the connection is not known: perhaps the other reading is the right one"
	case f.Last < r.cover.window.until*3600-5*86400:
		return "a rule that was since removed or changed"
	case f.Place.Class == estate.Unplaced:
		return "the peer's address belonged to an interface that is gone, or the rule was since changed"
	}
	return "a rule since removed or changed, or a tracked connection that outlives its rule (up to 5 days)"
}

// pastRule is a rule that the interface's groups had at the time and have no more, and that let the flow in or out, or may have.
// Nil where the history knows none.
func (r *reviewer) pastRule(f *usage.Flow) *estate.PastRule {
	first, last := time.Unix(f.First, 0).UTC(), time.Unix(f.Last, 0).UTC()
	for _, id := range f.Subject.Groups {
		g := r.e.Groups[id]
		if g == nil {
			continue
		}
		for i := range g.PastRules {
			past := &g.PastRules[i]
			rule := analyze.Rule{RuleKey: past.RuleKey}
			if past.Direction == f.Direction && past.Life.Touches(first, last) && past.Service.MatchFlow(f.Proto, f.Port) != analyze.No &&
				r.x.MatchPlaced(&rule, f.Subject, f.Peer, f.Place, first, last) != analyze.No {
				return past
			}
		}
	}
	return nil
}

// ended says when a life ended.
func ended(l estate.Life) string {
	if l.Before.IsZero() || l.Before.Equal(l.Until) {
		return "until " + day(l.Until)
	}
	return "until between " + day(l.Until) + " and " + day(l.Before)
}
