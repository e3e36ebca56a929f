package recommend

import (
	"fmt"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/usage"
	"github.com/sgtrim/sgtrim/recommend/unseen"
)

const egress, ingress = analyze.Egress, analyze.Ingress

// reviewer holds what a review works on. Its steps run once, in the order of Make.
type reviewer struct {
	opt     Options
	bound   unseen.Share // of the level
	e       *estate.Estate
	x       *estate.Index
	use     *usage.Result
	cover   *coverer
	facts   map[string]*facts
	astray  map[string][]int32 // by interface: needs that no rule explains, perhaps read the wrong way round
	rejects map[string][]int32 // by group: rejects that came back
	room    int                // most networks that hosts far apart may become, of the rule in work
	drafts  []*draft           // per rule of use.Rules; nil: kept
	kept    []string           // per rule: why it is kept

	exposed  connections
	outcomes []expectation // per rule; of kept ones nothing
	pooled   map[Kind]pool
	expected map[string]expectation // by change id
}

// draft is a change of one rule, before it has an id. One rule is in one change at most, so that any selection of changes
// may be applied (see package proof).
type draft struct {
	rule    int32
	kind    Kind
	status  Status
	news    []piece
	reason  string
	release string
	remarks []string
	leans   []int32
	denies  bool // a review change that would deny needs it is credited with
	// portsOnly is what can be proposed sooner, when the peers need a longer window; nil when there is none.
	portsOnly *draft
}

// piece is one rule that a rule becomes.
type piece struct {
	service analyze.Service
	peer    analyze.Peer
	why     string
}

// draftAll decides each rule on its own; shadowing is judged afterwards, on the narrowed set.
func (r *reviewer) draftAll() {
	r.astray = map[string][]int32{}
	for _, fi := range r.use.Unexplained {
		switch f := &r.use.Flows[fi]; f.Orientation {
		case analyze.Repetition, analyze.Registry, analyze.OneWayUDP:
			r.astray[f.Interface] = append(r.astray[f.Interface], fi)
		}
	}
	r.drafts = make([]*draft, len(r.use.Rules))
	r.kept = make([]string, len(r.use.Rules))
	for i := range r.use.Rules {
		d, why := r.draftRule(int32(i))
		if d != nil {
			r.settle(d)
		}
		r.drafts[i], r.kept[i] = d, why
	}
}

// draftRule returns the change of one rule, or why it is kept.
func (r *reviewer) draftRule(i int32) (*draft, string) {
	rule := &r.use.Rules[i]
	f := r.facts[rule.GroupID]
	switch {
	case rule.Unsupported != "":
		return nil, "not modelled, so not touched: " + rule.Unsupported
	case f.foreign:
		return nil, "the group belongs to another account (" + rule.Group.Owner + "), only its owner can edit it"
	}
	if why := r.protectedBy(rule.Rule, f); why != "" {
		return nil, why
	}
	if stale, why := r.x.StaleReference(*rule.Rule); stale {
		return &draft{rule: i, kind: Stale, reason: why}, ""
	}
	if rule.Service.Proto.IsICMP() && rule.Service.Type != -1 {
		return nil, "flow logs carry no ICMP type, so a rule for one type is never judged by them"
	}
	if len(rule.Credited) == 0 && len(rule.Maybe) == 0 {
		return r.draftRemoval(i), ""
	}
	return r.narrow(i, r.keepers(rule))
}

// keepers are the flows that a narrowed rule goes on allowing: those credited to it, those it may allow, and those that
// only rules of other groups would allow instead: a narrowed rule should be right whatever other group an interface carries.
func (r *reviewer) keepers(rule *usage.Rule) []int32 {
	keep := slices.Concat(rule.Credited, rule.Maybe)
	for _, fi := range rule.Hits {
		if r.use.Rules[r.use.Flows[fi].Credit[0]].GroupID != rule.GroupID {
			keep = append(keep, fi)
		}
	}
	slices.Sort(keep)
	return slices.Compact(keep)
}

func (r *reviewer) draftRemoval(i int32) *draft {
	rule := &r.use.Rules[i]
	if len(rule.Hits) == 0 {
		d := &draft{rule: i, kind: Unused, reason: "no needed connection in the window was allowed by this rule"}
		if rule.Service.Proto.IsICMP() {
			d.remarks = append(d.remarks, "ICMP carries path-MTU messages; flow logs cannot tell them from pings")
		}
		return d
	}
	names := make([]string, 0, len(rule.Leans))
	for _, l := range rule.Leans {
		names = append(names, r.ruleName(l, rule.GroupID))
	}
	return &draft{
		rule: i, kind: Redundant, leans: rule.Leans,
		reason: "everything seen that it allows is also allowed by narrower rules: " + listed(names, 3),
	}
}

// ruleName names a rule for a sentence; the group is left out when it is the reader's own.
func (r *reviewer) ruleName(i int32, groupID string) string {
	k := r.use.Rules[i].RuleKey
	s := k.Service.String() + " " + k.Peer.String()
	if k.GroupID != groupID {
		s += " of " + k.GroupID
	}
	return s
}

// reuse drops the new rules that the group holds already: what is inside a rule that stays need not be added, and a rule
// that another change would bring must not go.
func (r *reviewer) reuse() {
	for i, d := range r.drafts {
		if d == nil || len(d.news) == 0 {
			continue
		}
		group := r.use.RulesOf(r.use.Rules[i].GroupID)
		var holder int32
		d.news = slices.DeleteFunc(d.news, func(p piece) bool {
			fresh := r.newRule(d, p)
			for _, other := range group {
				have := r.use.Rules[other].Rule
				if int(other) == i || have.RuleKey != fresh.RuleKey && (r.drafts[other] != nil || !contains(have, &fresh)) {
					continue
				}
				if r.drafts[other] != nil {
					r.drafts[other], r.kept[other] = nil, "another change of the group needs exactly this rule"
				}
				d.lean(other)
				holder = other
				return true
			}
			return false
		})
		if len(d.news) == 0 {
			d.kind, d.reason, d.portsOnly = Redundant, "what it must keep is also allowed by "+r.ruleName(holder, r.use.Rules[i].GroupID), nil
			if d.status != Review { // else a person decides, for the same cause as before
				d.status, d.release = "", ""
			}
			r.settle(d)
		}
	}
}

// undermined drops review changes that lean on a rule whose own review change would deny what it is leaned on for: either
// alone is sound, both together are not.
func (r *reviewer) undermined() {
	for i, d := range r.drafts {
		if d == nil || d.status == Proposed {
			continue
		}
		for _, l := range d.leans {
			if o := r.drafts[l]; o != nil && o.denies && o.status != Held {
				r.drafts[i] = nil
				r.kept[i] = "stands in for " + r.ruleName(l, r.use.Rules[i].GroupID) + ", about which a person decides first"
				break
			}
		}
	}
}

func (d *draft) lean(i int32) {
	if !slices.Contains(d.leans, i) {
		d.leans = append(slices.Clone(d.leans), i)
		slices.Sort(d.leans)
	}
}

// shadow looks, last, for rules that lie inside a rule of the same group and direction which stays exactly as it is. Such
// a rule adds nothing, whatever was seen, so no window is needed.
func (r *reviewer) shadow() {
	for _, f := range r.facts {
		rules := r.use.RulesOf(f.group.ID)
		for _, inner := range rules {
			if r.untouchable(inner, f) {
				continue
			}
			for _, outer := range rules {
				if outer == inner || r.drafts[outer] != nil || !contains(r.use.Rules[outer].Rule, r.use.Rules[inner].Rule) {
					continue
				}
				outer = r.outermost(outer, rules)
				d := &draft{
					rule: inner, kind: Duplicate, leans: []int32{outer},
					reason: "lies inside " + r.ruleName(outer, f.group.ID) + ", which stays as it is",
				}
				r.settle(d)
				r.drafts[inner], r.kept[inner] = d, ""
				break
			}
		}
	}
}

// outermost climbs from a rule that stays to the one around it that nothing else holds: those between go as well.
func (r *reviewer) outermost(i int32, rules []int32) int32 {
	for range rules {
		at := slices.IndexFunc(rules, func(o int32) bool {
			return r.drafts[o] == nil && contains(r.use.Rules[o].Rule, r.use.Rules[i].Rule)
		})
		if at < 0 {
			break
		}
		i = rules[at]
	}
	return i
}

func (r *reviewer) untouchable(i int32, f *facts) bool {
	rule := &r.use.Rules[i]
	return rule.Unsupported != "" || f.foreign || r.protectedBy(rule.Rule, f) != ""
}

// contains reports whether every packet inner allows, outer allows too, by the rules' text alone. The two are never equal:
// EC2 refuses equal rules; of rules equal in effect (tcp 0-65535 and itself under another spelling) the model has one value.
func contains(outer, inner *analyze.Rule) bool {
	if outer.Unsupported != "" || inner.Unsupported != "" || outer.Direction != inner.Direction || outer.RuleKey == inner.RuleKey {
		return false
	}
	if !outer.Service.Covers(inner.Service) {
		return false
	}
	if outer.Peer.IsCIDR() && inner.Peer.IsCIDR() {
		return within(inner.Peer.Prefix, outer.Peer.Prefix)
	}
	return outer.Peer == inner.Peer
}

// settle gives a draft its status by the table of design §7.6.
func (r *reviewer) settle(d *draft) {
	rule := &r.use.Rules[d.rule]
	f := r.facts[rule.GroupID]
	if why, release := r.ageOf(rule).young(); why != "" {
		d.status, d.release = Held, release
		d.remarks = append(d.remarks, why)
		return
	}
	if lack, release := r.lack(d, f); lack != "" {
		if d.portsOnly != nil && r.promote(d) {
			return
		}
		d.status, d.release = Held, release
		d.remarks = append(d.remarks, lack)
		return
	}
	d.remarks = append(d.remarks, r.calendar(d.kind)...)
	if why := r.personDecides(d, f); why != "" {
		d.status, d.release = Review, why
		return
	}
	if d.status == "" {
		d.status = Proposed
	}
}

// lack says which evidence is missing for the draft, and what would release it.
func (r *reviewer) lack(d *draft, f *facts) (why, release string) {
	days := r.opt.days(d.kind)
	if days == 0 {
		return "", ""
	}
	if f.lack != "" {
		return f.lack, f.release
	}
	if have := r.ageOf(&r.use.Rules[d.rule]).days(f.days); have < days {
		release = fmt.Sprintf("%d days of flow logs (%d more)", days, days-have)
		if have > 0 {
			release += fmt.Sprintf(", or --min-window %dd", have)
		}
		why = fmt.Sprintf("the evidence spans %d days", have)
		if have < f.days {
			why += ", for so long the rule has been there"
		}
		return why, release
	}
	if takesAway(d.kind) && r.opt.MinWindow == 0 && r.cover.window.turns(month) == 0 {
		return "the window holds no month end", "a window with a month end in it"
	}
	return "", ""
}

// promote turns the draft into what can be proposed of it now: its ports, with the peers as they are.
func (r *reviewer) promote(d *draft) bool {
	p := d.portsOnly
	p.rule = d.rule
	f := r.facts[r.use.Rules[d.rule].GroupID]
	if lack, _ := r.lack(p, f); lack != "" {
		return false
	}
	p.remarks = append(p.remarks, fmt.Sprintf("the peers could be narrowed too, with %d days of flow logs", r.opt.days(NarrowPeers)))
	*d = *p
	r.settle(d)
	return true
}

// personDecides says why a change is for a person to decide, "" when it is not.
func (r *reviewer) personDecides(d *draft, f *facts) string {
	rule := &r.use.Rules[d.rule]
	switch {
	case d.status == Review:
		return d.release
	case d.kind == Stale:
		return "someone who knows whether the other side comes back decides about a stale reference"
	case f.defaultGroup:
		return "the default group is attached to whatever names no group; a person decides"
	case rule.Direction == egress && r.opt.Egress == "report":
		return "egress is reported only; --egress ports or --egress full proposes it"
	case rule.Direction == egress && r.opt.Egress == "ports" && d.kind != NarrowPorts:
		return "with --egress ports only ports are proposed; --egress full proposes more"
	case rule.Service.Proto.IsICMP() && (d.kind == Unused || d.kind == Redundant):
		return "flow logs cannot tell path-MTU messages from pings; a person decides about ICMP"
	}
	if why := r.untold(d, rule); why != "" {
		return why
	}
	if t := r.turnedRound(d, f); t != nil {
		return fmt.Sprintf("no rule explains %s %s %s on %s, and without TCP flags it is not sure who opened it: if the other side did, this rule let it; a person decides",
			t.Direction, t.Service(), t.Peer, t.Interface)
	}
	if n := r.cutsOneWay(d); n > 0 {
		return fmt.Sprintf("%d addresses of the network that the rule names sent to it without an answer, as syslog or telemetry does; a person decides", n)
	}
	if on := r.turnsTracking(d, rule, f); len(on) > 0 {
		return "connections through " + listed(on, 3) + " that were not tracked would be cut off, and tracked from then on; a person chooses the hour"
	}
	for _, l := range d.leans {
		if other := r.use.Rules[l].GroupID; other != rule.GroupID {
			return "leans on " + r.ruleName(l, rule.GroupID) + ": right only while every interface carries both groups"
		}
	}
	return ""
}
