package recommend

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/usage"
)

// facts are what the statuses of a group's changes rest on, beside the rules' use.
type facts struct {
	group   *estate.Group
	members []*estate.Interface // that carry it, sorted by id
	days    int                 // days of evidence: the most of any member
	share   float64             // least coverage of any member, 1 without members
	// lack says why the evidence is not enough whatever the kind of change, and release what would mend it. "" when enough.
	lack, release string
	foreign       bool // another account's group, shared with this one: only the owner may edit it
	defaultGroup  bool
	reach4        bool // some member is reachable from the Internet over IPv4
	reach6        bool
}

func (r *reviewer) factsOf(g *estate.Group) *facts {
	f := &facts{group: g, members: r.x.Members(g.ID), share: 1, defaultGroup: g.Name == "default", foreign: r.isForeign(g)}
	var thin []string
	count := func(i *estate.Interface) {
		c := r.cover.of(i)
		f.share = min(f.share, c.share)
		f.days = max(f.days, r.cover.window.days(c.first))
		if why := c.lack(); why != "" {
			thin = append(thin, i.ID+" "+why)
		}
	}
	for _, i := range f.members {
		count(i)
		v4, v6 := r.x.Reachable(i)
		f.reach4, f.reach6 = f.reach4 || v4, f.reach6 || v6
	}
	if len(f.members) > 0 { // members come and go: those before them saw what the group was used for
		for _, i := range r.x.Former(g.ID) {
			count(i)
		}
		for _, id := range r.use.Carriers[g.ID] {
			f.days = max(f.days, r.cover.window.days(r.cover.firstHour(id)))
		}
	}
	switch {
	case len(f.members) == 0:
		f.lack = "no interface carries this group, so nothing can be seen of its use (scaled to zero, or named by a launch template or a service)"
		f.release = "review it while interfaces carry it, or delete the group if nothing names it"
	case len(thin) > 0:
		f.lack = "coverage is not enough: " + listed(thin, 3)
		f.release = fmt.Sprintf("flow logs that cover at least %.0f %% of the hours of every interface of the group, without a gap above %d h",
			minCoverage*100, maxGapHours)
	}
	return f
}

// lack says what is missing in an interface's coverage, "" when nothing.
func (c *coverage) lack() string {
	switch {
	case c.skips > 0:
		return fmt.Sprintf("has %d hours with SKIPDATA or unreadable records", c.skips)
	case c.share < minCoverage:
		return fmt.Sprintf("is covered in %.4g %% of its hours", c.share*100)
	case c.maxGap > maxGapHours:
		return fmt.Sprintf("has a gap of %d h", c.maxGap)
	}
	return ""
}

// isForeign reports whether the group's owner is none of the accounts that described theirs.
func (r *reviewer) isForeign(g *estate.Group) bool {
	known := len(r.e.Accounts) > 0 && !slices.Contains(r.e.Accounts, "")
	return known && g.Owner != "" && !slices.Contains(r.e.Accounts, g.Owner)
}

// opposite names the members that have, in the other direction and the same family as a rule, another of a kind (and used).
func (r *reviewer) opposite(f *facts, beside *usage.Rule, kind func(analyze.RuleKey) bool, used bool) []string {
	other, v4 := egress, beside.Peer.Prefix.Addr().Is4()
	if beside.Direction == egress {
		other = ingress
	}
	var out []string
	for _, i := range f.members {
		if r.carries(i, func(rule *usage.Rule) bool {
			return rule.Direction == other && kind(rule.RuleKey) && rule.Peer.Prefix.Addr().Is4() == v4 &&
				(!used || len(rule.Hits)+len(rule.Maybe) > 0)
		}) {
			out = append(out, i.ID)
		}
	}
	return out
}

// carries reports whether a rule of the interface's groups is as asked.
func (r *reviewer) carries(i *estate.Interface, as func(*usage.Rule) bool) bool {
	for _, id := range i.Groups {
		for _, ri := range r.use.RulesOf(id) {
			if as(&r.use.Rules[ri]) {
				return true
			}
		}
	}
	return false
}

// openToWorld: such a rule's connections are not tracked while the other direction is open on all ports [aws-facts 2.4].
func openToWorld(k analyze.RuleKey) bool {
	return k.Peer.IsWorld() && (k.Service.Overlaps(analyze.ProtoService(analyze.TCP)) || k.Service.Overlaps(analyze.ProtoService(analyze.UDP)))
}

// openOnAllPorts: open to the world on all ports of TCP or of UDP.
func openOnAllPorts(k analyze.RuleKey) bool {
	return k.Peer.IsWorld() && (k.Service.Covers(analyze.ProtoService(analyze.TCP)) || k.Service.Covers(analyze.ProtoService(analyze.UDP)))
}

// listed joins the first n texts and says how many more there are.
func listed(texts []string, n int) string {
	if len(texts) <= n {
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:n], ", "), len(texts)-n)
}
