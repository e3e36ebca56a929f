package usage

import (
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// plausible is the share of a gone interface's accepted ingress, in percent, that a set of groups must explain to be taken
// for one the interface may have carried. Less than all, so that a rule removed since does not hide the right set.
const plausible = 80

// goneGroups says which sets of groups an interface that is gone since may have carried. Its traffic was accepted, so the
// sets that interfaces of its subnet carry now are tried on it, then those of its VPC: all that explain nearly all of the
// connections let in stand. Where it accepted none, or no set explains them, it may have carried any group of the VPC.
//
// This is a guess, and used as one: all it can do is keep a permission.
func (a *attributor) goneGroups(flows []int32, ghost *estate.Interface) [][]string {
	var ins []int32
	for _, i := range flows {
		f := &a.r.Flows[i]
		if f.Need && f.Direction == analyze.Ingress && f.Orientation != analyze.Ambiguous {
			ins = append(ins, i)
		}
	}
	if len(ins) > 0 {
		for _, near := range []*estate.Interface{ghost, {VPC: ghost.VPC}} {
			var out [][]string
			for _, groups := range a.carriedSets(near.VPC, near.Subnet) {
				if a.explains(groups, ins, ghost) {
					out = append(out, groups)
				}
			}
			if len(out) > 0 {
				return out
			}
		}
	}
	var out [][]string
	for _, id := range a.groupIDs {
		if g := a.r.Estate.Groups[id]; ghost.VPC == "" || g.VPC == ghost.VPC || slices.Contains(g.AssociatedVPCs, ghost.VPC) {
			out = append(out, []string{id})
		}
	}
	return out
}

// carriedSets are the distinct sets of groups that interfaces of a VPC and subnet carry ("": of any).
func (a *attributor) carriedSets(vpc, subnet string) [][]string {
	key := vpc + " " + subnet
	if sets, ok := a.sets[key]; ok {
		return sets
	}
	byKey := map[string][]string{}
	for _, i := range a.r.Estate.Interfaces {
		if len(i.Groups) > 0 && (vpc == "" || i.VPC == vpc) && (subnet == "" || i.Subnet == subnet) {
			byKey[strings.Join(i.Groups, " ")] = i.Groups
		}
	}
	sets := make([][]string, 0, len(byKey))
	for _, s := range byKey {
		sets = append(sets, s)
	}
	slices.SortFunc(sets, slices.Compare)
	a.sets[key] = sets
	return sets
}

// explains reports whether the groups' rules surely or maybe allow enough of the flows.
func (a *attributor) explains(groups []string, flows []int32, ghost *estate.Interface) bool {
	may := len(flows) * (100 - plausible) / 100 // this many may stay unexplained
	rules := a.ruleSetOf(groups)
	for _, i := range flows {
		f := &a.r.Flows[i]
		if !slices.ContainsFunc(rules.dir[f.Direction], func(ri int32) bool { return a.match(ri, f, ghost) != analyze.No }) {
			if may--; may < 0 {
				return false
			}
		}
	}
	return true
}
