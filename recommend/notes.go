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
	if n := len(r.use.GoneIDs); n > 0 {
		add("%d interfaces in the logs are not in the estate (%s): %d needed connections of theirs keep every rule that could have allowed them, of all groups that explain what they let in. A history of the estate would place them.",
			n, listed(r.use.GoneIDs, 3), r.use.Gone)
	}
	if r.use.Unplaced > 0 {
		add("%d private peers lie in networks of the estate but no interface holds their address now: every reference that may have meant them is kept.", r.use.Unplaced)
	}
	if r.use.Counts.OpenSides > 0 {
		add("%d conversations could not be told to be ingress or egress: both readings are kept.", r.use.Counts.OpenSides)
	}
	if n := len(r.e.Problems); n > 0 {
		add("%d objects of the estate were not understood or are missing; they are listed with the input.", n)
	}
	add("Rule age is unknown (no history of the estate was given): a rule made in the last 14 days looks like any other.")
	return out
}

func nameOr(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// fillTraffic lists needs that no rule explains, and recurring rejects, folded by interface, peer and service.
func (r *reviewer) fillTraffic(p *Plan) {
	for _, fi := range r.use.Unexplained {
		f := &r.use.Flows[fi]
		t := r.traffic(f)
		t.Cause = r.cause(f)
		p.Unexplained = append(p.Unexplained, t)
	}
	for i := range r.use.Flows {
		f := &r.use.Flows[i]
		if f.Action == analyze.Reject && f.Strength == analyze.Rejected && len(f.Days) > 1 {
			p.Rejected = append(p.Rejected, r.traffic(f))
		}
	}
	byWeight := func(a, b Traffic) int {
		return cmp.Or(cmp.Compare(b.DaysSeen, a.DaysSeen), cmp.Compare(b.Flows, a.Flows), cmp.Compare(a.Interface, b.Interface),
			cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Direction, b.Direction))
	}
	slices.SortFunc(p.Unexplained, byWeight)
	slices.SortFunc(p.Rejected, byWeight)
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
	case f.Orientation == analyze.Ambiguous:
		return "who opened the connection is not known: perhaps the other reading is the right one"
	case f.Last < r.cover.window.until*3600-5*86400:
		return "a rule that was since removed or changed"
	case f.Place.Class == estate.Unplaced:
		return "the peer's address belonged to an interface that is gone, or the rule was since changed"
	}
	return "a rule since removed or changed, or a tracked connection that outlives its rule (up to 5 days)"
}
