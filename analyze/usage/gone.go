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
// connections let in stand. Of these, those come first whose interfaces of now are seen to serve what it served: the members of
// an autoscaled group are alike, while a rule for everything explains anything. Where it accepted none, or no set explains
// them, it may have carried any group of the VPC.
//
// This is a guess, and used as one: all it can do is keep a permission.
func (a *attributor) goneGroups(flows []int32, ghost *estate.Interface) [][]string {
	ins := a.letIn(flows, false)
	served := func(groups []string) bool { return a.serves(groups, ins) && a.explains(groups, ins, ghost) }
	explained := func(groups []string) bool { return a.explains(groups, ins, ghost) }
	if len(ins) == 0 {
		if sets := a.likeDoubtful(a.letIn(flows, true), ghost); sets != nil {
			return sets
		}
	} else {
		for _, fits := range []func([]string) bool{served, explained} {
			for _, near := range []*estate.Interface{ghost, {VPC: ghost.VPC}} {
				var out [][]string
				for _, groups := range a.carriedSets(near.VPC, near.Subnet) {
					if fits(groups) {
						out = append(out, groups)
					}
				}
				if len(out) > 0 {
					return out
				}
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

// likeDoubtful are the sets of an interface of which nothing but doubtful traffic is known: those whose interfaces serve some of
// what it may have served. Nil where none does.
func (a *attributor) likeDoubtful(flows []int32, ghost *estate.Interface) [][]string {
	var out [][]string
	for _, groups := range a.carriedSets(ghost.VPC, "") {
		if slices.ContainsFunc(flows, func(i int32) bool {
			one := []int32{i}
			return a.serves(groups, one) && a.explains(groups, one, ghost)
		}) {
			out = append(out, groups)
		}
	}
	return out
}

// letIn are the needs among the flows that somebody else opened: surely, or in doubt.
func (a *attributor) letIn(flows []int32, doubtful bool) []int32 {
	var ins []int32
	for _, i := range flows {
		f := &a.r.Flows[i]
		if f.Need && f.Direction == analyze.Ingress && (f.Orientation == analyze.Ambiguous) == doubtful {
			ins = append(ins, i)
		}
	}
	return ins
}

// setKey names a set of groups, sorted as an interface lists them.
func setKey(groups []string) string { return strings.Join(groups, " ") }

// listen notes what an interface of the estate serves, for the set of groups that it carries.
func (a *attributor) listen(flows []int32) {
	for _, i := range a.letIn(flows, false) {
		f := &a.r.Flows[i]
		key := setKey(f.Subject.Groups)
		if a.served[key] == nil {
			a.served[key] = map[analyze.Service]bool{}
		}
		a.served[key][f.Service()] = true
	}
}

// serves reports whether interfaces that carry the groups now serve enough of what the flows asked for.
func (a *attributor) serves(groups []string, flows []int32) bool {
	served := a.served[setKey(groups)]
	return a.enough(flows, func(f *Flow) bool { return served[f.Service()] })
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
			byKey[setKey(i.Groups)] = i.Groups
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
	rules := a.ruleSetOf(groups)
	return a.enough(flows, func(f *Flow) bool {
		return slices.ContainsFunc(rules.dir[f.Direction], func(ri int32) bool { return a.match(ri, f, ghost) != analyze.No })
	})
}

// enough reports whether the plausible share of the flows is as asked.
func (a *attributor) enough(flows []int32, is func(*Flow) bool) bool {
	may := len(flows) * (100 - plausible) / 100 // this many may be otherwise
	for _, i := range flows {
		if !is(&a.r.Flows[i]) {
			if may--; may < 0 {
				return false
			}
		}
	}
	return true
}
