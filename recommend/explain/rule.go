package explain

import (
	"fmt"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/usage"
	"github.com/sgtrim/sgtrim/recommend"
)

func (x *explainer) group(id string) Group {
	g := x.e.Groups[id]
	out := Group{ID: id, Name: g.Name, Account: g.Owner, Region: g.Region, VPC: g.VPC, Interfaces: []string{}, Rules: []Rule{}}
	for _, i := range x.x.Members(id) {
		out.Interfaces = append(out.Interfaces, x.name(i))
	}
	if at := slices.IndexFunc(x.plan.Groups, func(p recommend.Group) bool { return p.ID == id }); at >= 0 {
		out.Coverage = x.plan.Groups[at].Coverage
	}
	for _, ri := range x.use.RulesOf(id) {
		out.Rules = append(out.Rules, x.rule(x.use.Rules[ri].RuleKey))
	}
	return out
}

func (x *explainer) rule(k analyze.RuleKey) Rule {
	used := &x.use.Rules[x.ruleAt[k]]
	out := Rule{RuleRef: x.ref(used.Rule), Fate: Kept, Use: recommend.Use{Ports: []string{}}, Users: []User{}}
	planned := x.inPlan[k]
	if planned != nil {
		out.Use = planned.Use
	}
	switch c := x.changes[k]; {
	case c != nil:
		out.Change = Change{c.ID, c.Kind, c.Status, c.Selected, c.Reason, c.Release, c.Decision, c.New}
		out.ChangeID = c.ID
		out.Fate, out.Why = fate(c)
	case planned == nil:
		out.Why = "the plan does not know this rule: it was made from another state of the group"
	case planned.Kept != "":
		out.Why = planned.Kept
	default:
		out.Why = "what uses it needs all of it"
	}
	for _, list := range []struct {
		flows []int32
		match analyze.Match
	}{{used.Hits, analyze.Yes}, {used.Maybe, analyze.Maybe}} {
		for _, fi := range list.flows {
			out.Users = append(out.Users, x.user(&x.use.Flows[fi], used, list.match))
		}
	}
	slices.SortFunc(out.Users, byWeight)
	return out
}

// fate says what a change does to its rule, and why it does it or not.
func fate(c *recommend.Change) (Fate, string) {
	switch {
	case c.Selected && len(c.New) == 0:
		return Removed, c.Reason
	case c.Selected:
		return Narrowed, c.Reason
	case c.Decision.KeepsOut():
		return Kept, fmt.Sprintf("%s decided so (%s)", c.Decision.By, c.Decision.Verdict)
	case c.Status == recommend.Held:
		return Kept, "the evidence is not enough for the change yet"
	case c.Status == recommend.Review:
		return Kept, "a person decides about the change"
	}
	return Kept, "--only leaves the group out of the scripts"
}

// user is one row of what uses a rule, with what becomes of it.
func (x *explainer) user(f *usage.Flow, rule *usage.Rule, m analyze.Match) User {
	u := User{
		Interface: f.Interface, Peer: f.Peer.String(), PeerName: f.Place.Name, Service: f.Service().String(), Strength: f.Strength.String(),
		Flows: f.Flows, Bytes: f.Bytes, DaysSeen: len(f.Days), FirstSeen: time.Unix(f.First, 0).UTC(), LastSeen: time.Unix(f.Last, 0).UTC(),
		Allowed: m.String(), After: analyze.Maybe.String(), WithReview: analyze.Maybe.String(),
	}
	if f.Subject == nil { // gone: which groups it carried is not known
		u.InterfaceName = "not in the estate any more"
		return u
	}
	u.InterfaceName = x.x.Name(f.Subject)
	p := recommend.Packet{
		Direction: f.Direction, Proto: analyze.Proto(f.Proto), Port: f.Port, Peer: f.Peer, First: u.FirstSeen, Last: u.LastSeen,
	}
	sure, by := x.allowed(now, f.Subject, p)
	if sure == analyze.Yes {
		u.Others = len(slices.DeleteFunc(by, func(r *analyze.Rule) bool { return r.RuleKey == rule.RuleKey }))
	}
	then, _ := x.allowed(after, f.Subject, p)
	all, _ := x.allowed(withReview, f.Subject, p)
	u.After, u.WithReview = then.String(), all.String()
	return u
}
