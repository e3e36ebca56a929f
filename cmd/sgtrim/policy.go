package main

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/recommend"
)

// options are the policy as the recommendation takes it. Exclusions and tag values are looked up in the estate, where they
// become protections of single groups and rules.
func (p *policyFile) options(e *estate.Estate) recommend.Options {
	o := recommend.Options{
		Level: p.level, Egress: p.egress, MinWindow: p.minWindow, Windows: p.windows, Floors: p.floors, MaxRules: p.maxRules, Quota: p.quota,
		Only: p.only, Include: p.includeReview, Named: p.networks, Decisions: p.decisions, SplitBy: p.splitBy, AllowIaC: p.allowIaC,
	}
	if p.terraform != nil {
		o.Terraform = *p.terraform
	}
	for _, pr := range p.protect {
		o.Protected = append(o.Protected, pr.resolve(e)...)
	}
	for _, id := range slices.Sorted(maps.Keys(e.Groups)) {
		if p.exclude.holds(e.Groups[id]) {
			o.Protected = append(o.Protected, recommend.Protect{GroupID: id, Reason: "excluded from the review"})
		}
	}
	return o
}

// prefixes are the named networks, whose traffic is always a need.
func (p *policyFile) prefixes() []netip.Prefix {
	var out []netip.Prefix
	for _, n := range p.networks {
		out = append(out, n.CIDRs...)
	}
	return out
}

// orient is what the policy knows of who opens connections.
func (p *policyFile) orient() orient.Options {
	return orient.Options{KnownPorts: p.serverPorts}
}

func (x *exclusion) holds(g *estate.Group) bool {
	return slices.Contains(x.groups, g.ID) || slices.Contains(x.vpcs, g.VPC) || slices.Contains(x.accounts, g.Owner)
}

// resolve leaves a protection as it is, but for a tag with a value: that becomes one protection for every group, and every
// rule of other groups, that carries it.
func (p *protection) resolve(e *estate.Estate) []recommend.Protect {
	whole := recommend.Protect{RuleID: p.rule, GroupID: p.group, TagKey: p.tagKey, Port: p.port, Reason: p.reason}
	if p.tagValue == "" {
		return []recommend.Protect{whole}
	}
	whole.TagKey = ""
	var out []recommend.Protect
	for _, id := range slices.Sorted(maps.Keys(e.Groups)) {
		g := e.Groups[id]
		if p.group != "" && p.group != id {
			continue
		}
		one := whole
		one.GroupID = id
		if g.Tags[p.tagKey] == p.tagValue {
			out = append(out, one)
			continue
		}
		for _, r := range g.Rules {
			if r.Tags[p.tagKey] == p.tagValue && r.ID != "" && (p.rule == "" || p.rule == r.ID) {
				one.RuleID = r.ID
				out = append(out, one)
			}
		}
	}
	return out
}

// strays are ids the policy names and the estate does not hold: most often a slip, and never a reason to stop, since one
// policy may serve many estates.
func (p *policyFile) strays(e *estate.Estate) []string {
	rules, vpcs, accounts := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, g := range e.Groups {
		vpcs[g.VPC], accounts[g.Owner] = true, true
		for _, r := range g.Rules {
			rules[r.ID] = true
		}
	}
	var out []string
	missing := func(where, id string, there bool) {
		if id != "" && !there {
			out = append(out, fmt.Sprintf("%s %s is not in the estate", where, id))
		}
	}
	for _, id := range p.only {
		missing("--only", id, e.Groups[id] != nil)
	}
	for _, pr := range p.protect {
		missing("policy: protect: rule", pr.rule, rules[pr.rule])
		missing("policy: protect: group", pr.group, e.Groups[pr.group] != nil)
		if pr.tagValue != "" {
			missing("policy: protect: tag", pr.tagKey+"="+pr.tagValue, len(pr.resolve(e)) > 0)
		}
	}
	for _, id := range p.exclude.groups {
		missing("policy: exclude: group", id, e.Groups[id] != nil)
	}
	for _, id := range p.exclude.vpcs {
		missing("policy: exclude: VPC", id, vpcs[id])
	}
	for _, id := range p.exclude.accounts {
		missing("policy: exclude: account", id, accounts[id])
	}
	return out
}
