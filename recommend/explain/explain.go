package explain

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/analyze/usage"
	"github.com/sgtrim/sgtrim/recommend"
)

// Question is what is asked.
type Question struct {
	Groups []string          // ids
	Rules  []analyze.RuleKey // of the estate
	Flows  []Flow
}

// explainer holds what the answers are made from.
type explainer struct {
	plan    *recommend.Plan
	e       *estate.Estate
	x       *estate.Index
	use     *usage.Result
	at      time.Time // when hypothetical flows happen
	states  [3]recommend.State
	changes map[analyze.RuleKey]*recommend.Change // by old rule
	brings  map[analyze.RuleKey]*recommend.Change // by new rule
	inPlan  map[analyze.RuleKey]*recommend.Rule
	flowsOf map[flowKey][]int32       // indexes into use.Flows
	ruleAt  map[analyze.RuleKey]int32 // indexes into use.Rules
}

// The states that an answer compares.
const (
	now = iota
	after
	withReview
)

// Answers explains. The plan's rules must have their values (RuleText.Rule), and be of the evidence's estate. Of the evidence
// only the interfaces are read that the questions are about.
func Answers(plan *recommend.Plan, ev recommend.Evidence, named []netip.Prefix, q Question) (*Answer, error) {
	x := &explainer{plan: plan, e: ev.Estate, x: estate.NewIndex(ev.Estate), at: plan.Window.Until}
	if ev.Estate.Captured.After(x.at) {
		x.at = ev.Estate.Captured
	}
	x.states = [3]recommend.State{
		now:   plan.State(ev.Estate, func(*recommend.Change) bool { return false }),
		after: plan.State(ev.Estate, func(c *recommend.Change) bool { return c.Selected }),
		withReview: plan.State(ev.Estate, func(c *recommend.Change) bool {
			return c.Selected || c.Status == recommend.Review && !c.Decision.KeepsOut()
		}),
	}
	x.indexPlan()
	var err error
	x.use, err = usage.Join(usage.Input{
		Index: x.x, Estate: ev.Estate, Attributes: ev.Attributes, Named: named,
		Conversations: of(x.concerned(q), ev.Estate, ev.Conversations()),
	})
	if err != nil {
		return nil, err
	}
	x.ruleAt = map[analyze.RuleKey]int32{}
	for i := range x.use.Rules {
		x.ruleAt[x.use.Rules[i].RuleKey] = int32(i)
	}
	x.indexFlows()
	a := &Answer{SchemaVersion: SchemaVersion, PlanID: plan.ID, Window: plan.Window, At: x.at, Groups: []Group{}, Rules: []Rule{}, Flows: []FlowAnswer{}}
	for _, id := range q.Groups {
		a.Groups = append(a.Groups, x.group(id))
	}
	for _, k := range q.Rules {
		a.Rules = append(a.Rules, x.rule(k))
	}
	for _, f := range q.Flows {
		a.Flows = append(a.Flows, x.flow(f))
	}
	return a, nil
}

func (x *explainer) indexPlan() {
	x.changes, x.brings, x.inPlan = map[analyze.RuleKey]*recommend.Change{}, map[analyze.RuleKey]*recommend.Change{}, map[analyze.RuleKey]*recommend.Rule{}
	for i := range x.plan.Changes {
		c := &x.plan.Changes[i]
		for _, t := range c.Old {
			x.changes[t.Rule.RuleKey] = c
		}
		for _, t := range c.New {
			x.brings[t.Rule.RuleKey] = c
		}
	}
	for i := range x.plan.Groups {
		for j := range x.plan.Groups[i].Rules {
			r := &x.plan.Groups[i].Rules[j]
			x.inPlan[r.Key] = r
		}
	}
}

// concerned are the interfaces that the questions are about.
func (x *explainer) concerned(q Question) map[string]bool {
	ids := map[string]bool{}
	groups := slices.Clone(q.Groups)
	for _, k := range q.Rules {
		groups = append(groups, k.GroupID)
	}
	for _, g := range groups {
		for _, i := range x.x.Members(g) {
			ids[i.ID] = true
		}
	}
	for _, f := range q.Flows {
		for _, p := range x.pairs(f) {
			for _, i := range []*estate.Interface{p.source.on, p.target.on} {
				if i != nil {
					ids[i.ID] = true
				}
			}
		}
	}
	return ids
}

// of keeps the conversations of some interfaces, and of those that are gone and may have been one of theirs.
func of(ids map[string]bool, e *estate.Estate, all iter.Seq2[orient.Conversation, error]) iter.Seq2[orient.Conversation, error] {
	return func(yield func(orient.Conversation, error) bool) {
		for c, err := range all {
			if err == nil && !ids[c.Interface] && e.Interfaces[c.Interface] != nil {
				continue
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// allowed asks the rules of all groups of the interface in one of the states.
func (x *explainer) allowed(state int, on *estate.Interface, p recommend.Packet) (analyze.Match, []*analyze.Rule) {
	return x.states[state].Allows(x.x, on, p)
}

func (x *explainer) ref(r *analyze.Rule) RuleRef {
	ref := RuleRef{
		GroupID: r.GroupID, RuleID: r.ID, Direction: r.Direction, Service: r.Service.String(), Peer: r.Peer.String(), Description: r.Description,
	}
	if g := x.e.Groups[r.GroupID]; g != nil {
		ref.GroupName = g.Name
	}
	if g := x.e.Groups[r.Peer.GroupID]; g != nil {
		ref.PeerName = g.Name
	} else if l := x.x.List(r.Peer.PrefixListID); l != nil {
		ref.PeerName = l.Name
	}
	if r.Unsupported != "" {
		ref.Service = "not modelled: " + r.Unsupported
	}
	return ref
}

// name is an interface for people.
func (x *explainer) name(i *estate.Interface) string {
	n := x.x.Name(i)
	if n == "" || n == i.ID {
		return i.ID
	}
	return i.ID + " (" + n + ")"
}

// byWeight puts what the plan would deny first, then what is seen most.
func byWeight(a, b User) int {
	denied := func(u User) int {
		if u.Allowed == analyze.Yes.String() && u.After != u.Allowed {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(denied(a), denied(b)), cmp.Compare(b.DaysSeen, a.DaysSeen), cmp.Compare(b.Flows, a.Flows), cmp.Compare(a.Interface, b.Interface),
		cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.Service, b.Service))
}
