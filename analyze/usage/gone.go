package usage

import (
	"slices"

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
	if len(ins) == 0 {
		if sets := a.likeDoubtful(a.letIn(flows, true), ghost); sets != nil {
			return sets
		}
	}
	asked := a.servicesOf(ins)
	nearAndAround := []*surroundings{a.surroundings(ghost.VPC, ghost.Subnet), a.surroundings(ghost.VPC, "")}
	for _, s := range nearAndAround {
		if out := a.explaining(s.serve(asked), ins, ghost, true); out != nil {
			return out
		}
	}
	for _, s := range nearAndAround {
		if out := a.explaining(s.allow(asked, a.r.Rules), ins, ghost, false); out != nil {
			return out
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

// explaining are those of the sets that explain the flows and, where serving is asked for too, whose interfaces serve what the
// flows asked for.
func (a *attributor) explaining(sets []*carriedSet, flows []int32, ghost *estate.Interface, serving bool) (out [][]string) {
	for _, s := range sets {
		if (!serving || a.serves(s, flows)) && a.explains(s, flows, ghost) {
			out = append(out, s.groups)
		}
	}
	return out
}

// likeDoubtful are the sets of an interface of which nothing but doubtful traffic is known: those whose interfaces serve some of
// what it may have served. Nil where none does.
func (a *attributor) likeDoubtful(flows []int32, ghost *estate.Interface) [][]string {
	var out [][]string
	for _, s := range a.surroundings(ghost.VPC, "").serve(a.servicesOf(flows)) {
		if slices.ContainsFunc(flows, func(i int32) bool {
			one := []int32{i}
			return a.serves(s, one) && a.explains(s, one, ghost)
		}) {
			out = append(out, s.groups)
		}
	}
	return out
}

// servicesOf are the distinct services of flows.
func (a *attributor) servicesOf(flows []int32) []analyze.Service {
	var all []analyze.Service
	for _, i := range flows {
		if s := a.r.Flows[i].Service(); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
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

// listen notes what an interface of the estate serves, for the set of groups that it carries.
func (a *attributor) listen(flows []int32) {
	for _, i := range a.letIn(flows, false) {
		f := &a.r.Flows[i]
		set := a.ruleSetOf(f.Subject)
		if set.served == nil {
			set.served = map[analyze.Service]bool{}
		}
		set.served[f.Service()] = true
	}
}

// serves reports whether interfaces that carry the groups now serve enough of what the flows asked for.
func (a *attributor) serves(set *carriedSet, flows []int32) bool {
	return a.enough(flows, func(f *Flow) bool { return set.rules.served[f.Service()] })
}

// explains reports whether the groups' rules surely or maybe allow enough of the flows.
func (a *attributor) explains(set *carriedSet, flows []int32, ghost *estate.Interface) bool {
	return a.enough(flows, func(f *Flow) bool {
		return slices.ContainsFunc(set.rules.dir[f.Direction], func(ri int32) bool { return a.match(ri, f, ghost) != analyze.No })
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
