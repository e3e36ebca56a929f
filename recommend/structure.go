package recommend

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// Bounds of what counts as a clear case (design §7.10): structure is advice, and a wrong one costs a person's time.
const (
	minTier    = 2 // interfaces
	maxTiers   = 4
	minSharing = 3 // groups that hold the same rules, and rules that they hold
)

// structure is advice about groups that would better be others: split where the members have clearly different needs, or a
// shared group taken out where several hold the same rules.
func (r *reviewer) structure() []Structure {
	out := []Structure{}
	for _, id := range sortedKeys(r.facts) {
		if s, ok := r.splitOf(r.facts[id]); ok {
			out = append(out, s)
		}
	}
	return append(out, r.sharedRules()...)
}

// mayRestructure leaves out groups that are not ours to change.
func (r *reviewer) mayRestructure(f *facts) bool {
	return !f.foreign && !f.defaultGroup && !slices.ContainsFunc(r.use.RulesOf(f.group.ID), func(ri int32) bool {
		rule := r.use.Rules[ri].Rule
		return rule.Unsupported != "" || r.protectedBy(rule, f) != ""
	})
}

// splitOf finds tiers: members that share a service they are asked for belong together; services that all are asked for, such as
// the port of an agent, say nothing. A clear case has evidence for every member, and no tier of one.
func (r *reviewer) splitOf(f *facts) (Structure, bool) {
	if len(f.members) < 2*minTier || f.lack != "" || f.days < r.opt.days(NarrowPeers) || !r.mayRestructure(f) {
		return Structure{}, false
	}
	asked := map[string]map[analyze.Service]map[int32]bool{} // by interface: services, with the rules that let them in
	for _, i := range f.members {
		asked[i.ID] = map[analyze.Service]map[int32]bool{}
	}
	for _, ri := range r.use.RulesOf(f.group.ID) {
		rule := &r.use.Rules[ri]
		if rule.Direction != ingress {
			continue
		}
		for _, fi := range slices.Concat(rule.Hits, rule.Maybe) {
			flow := &r.use.Flows[fi]
			services := asked[flow.Interface]
			if services == nil || !analyze.Proto(flow.Proto).HasPorts() {
				continue
			}
			if services[flow.Service()] == nil {
				services[flow.Service()] = map[int32]bool{}
			}
			services[flow.Service()][ri] = true
		}
	}
	tiers, ok := tiersOf(f.members, asked)
	if !ok {
		return Structure{}, false
	}
	s := Structure{Kind: SplitGroup, GroupIDs: []string{f.group.ID}, Parts: []StructurePart{}}
	for _, tier := range tiers {
		s.Parts = append(s.Parts, r.tierPart(f, tier, asked))
	}
	s.Reason = fmt.Sprintf("its %d interfaces are asked for clearly different services: a group for each tier would open each only its own", len(f.members))
	return s, true
}

// tiersOf parts members by the services they share, but for those that all share. ok only where that gives tiers.
func tiersOf(members []*estate.Interface, asked map[string]map[analyze.Service]map[int32]bool) (tiers [][]string, ok bool) {
	n := map[analyze.Service]int{}
	for _, services := range asked {
		for s := range services {
			n[s]++
		}
	}
	var left []string
	for _, i := range members {
		left = append(left, i.ID)
	}
	own := func(id string) map[analyze.Service]bool {
		out := map[analyze.Service]bool{}
		for s := range asked[id] {
			if n[s] < len(members) {
				out[s] = true
			}
		}
		return out
	}
	for len(left) > 0 {
		tier, services := []string{left[0]}, own(left[0])
		left = left[1:]
		for grown := true; grown; {
			grown = false
			left = slices.DeleteFunc(left, func(id string) bool {
				mine := own(id)
				for s := range mine {
					if services[s] {
						for t := range mine {
							services[t] = true
						}
						tier, grown = append(tier, id), true
						return true
					}
				}
				return false
			})
		}
		if len(tier) < minTier || len(services) == 0 {
			return nil, false
		}
		slices.Sort(tier)
		tiers = append(tiers, tier)
	}
	return tiers, len(tiers) >= 2 && len(tiers) <= maxTiers
}

// tierPart is a tier with what it is asked for, and the rules that let it in.
func (r *reviewer) tierPart(f *facts, tier []string, asked map[string]map[analyze.Service]map[int32]bool) StructurePart {
	part := StructurePart{Interfaces: tier, Services: []string{}, Rules: []string{}}
	services, rules := map[analyze.Service]bool{}, map[int32]bool{}
	for _, id := range tier {
		for s, by := range asked[id] {
			services[s] = true
			for ri := range by {
				rules[ri] = true
			}
		}
	}
	var list []analyze.Service
	for s := range services {
		list = append(list, s)
	}
	slices.SortFunc(list, analyze.Service.Compare)
	for _, s := range list[:min(20, len(list))] {
		part.Services = append(part.Services, s.String())
	}
	for _, ri := range r.use.RulesOf(f.group.ID) {
		if rules[ri] {
			part.Rules = append(part.Rules, r.use.Rules[ri].RuleKey.String())
		}
	}
	return part
}

// sharedRules finds rules that the same groups of a VPC all hold: one group with them, carried by the same interfaces, would do.
func (r *reviewer) sharedRules() []Structure {
	type meaning struct {
		vpc     string
		dir     analyze.Direction
		service analyze.Service
		peer    analyze.Peer
	}
	holders := map[meaning][]string{}
	var order []meaning
	for _, id := range sortedKeys(r.facts) {
		f := r.facts[id]
		if len(f.members) == 0 || !r.mayRestructure(f) {
			continue
		}
		for _, ri := range r.use.RulesOf(id) {
			rule := r.use.Rules[ri].Rule
			if rule.Direction != ingress || rule.Peer.GroupID == id {
				continue
			}
			m := meaning{f.group.VPC, rule.Direction, rule.Service, rule.Peer}
			if holders[m] == nil {
				order = append(order, m)
			}
			holders[m] = append(holders[m], id)
		}
	}
	bySet := map[string]*Structure{}
	var sets []string
	for _, m := range order {
		groups := holders[m]
		if len(groups) < minSharing {
			continue
		}
		key := strings.Join(groups, " ")
		s := bySet[key]
		if s == nil {
			s = &Structure{Kind: ShareGroup, GroupIDs: groups, Parts: []StructurePart{{Interfaces: r.carriersOf(groups), Services: []string{}, Rules: []string{}}}}
			bySet[key] = s
			sets = append(sets, key)
		}
		s.Parts[0].Services = append(s.Parts[0].Services, m.service.String())
		s.Parts[0].Rules = append(s.Parts[0].Rules, m.dir.String()+" "+m.service.String()+" "+m.peer.String())
	}
	var out []Structure
	for _, key := range sets {
		if s := bySet[key]; len(s.Parts[0].Rules) >= minSharing {
			s.Reason = fmt.Sprintf("these %d groups hold the same %d rules: one shared group with them would be kept in one place", len(s.GroupIDs), len(s.Parts[0].Rules))
			out = append(out, *s)
		}
	}
	return out
}

// carriersOf are the interfaces that carry one of the groups, sorted.
func (r *reviewer) carriersOf(groups []string) []string {
	var ids []string
	for _, g := range groups {
		for _, i := range r.facts[g].members {
			ids = append(ids, i.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
