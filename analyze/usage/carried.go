package usage

import (
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
)

// carriedSet is a set of groups that interfaces carry now.
type carriedSet struct {
	groups []string
	rules  *ruleSet
}

// surroundings are the sets of a VPC, or of one of its subnets. An estate has thousands of them and a review may ask about
// tens of thousands of gone interfaces, so those that come into question for a service are found by it.
type surroundings struct {
	sets     []carriedSet                // sorted by groups
	serving  map[analyze.Service][]int32 // sets whose interfaces are seen to serve it
	allowing map[analyze.Service][]int32 // what allow found
}

// serve are the sets whose interfaces are seen to serve one of the services.
func (s *surroundings) serve(services []analyze.Service) []*carriedSet {
	return s.which(services, func(service analyze.Service) []int32 { return s.serving[service] })
}

// allow are the sets with an ingress rule for one of the services, whoever the peer.
func (s *surroundings) allow(services []analyze.Service, rules []Rule) []*carriedSet {
	return s.which(services, func(service analyze.Service) []int32 {
		found, ok := s.allowing[service]
		if !ok {
			for i := range s.sets {
				if slices.ContainsFunc(s.sets[i].rules.dir[analyze.Ingress], func(ri int32) bool {
					rule := rules[ri].Rule
					return rule.Unsupported != "" || rule.Service.MatchFlow(uint8(service.Proto), service.Ports.First) != analyze.No
				}) {
					found = append(found, int32(i))
				}
			}
			s.allowing[service] = found
		}
		return found
	})
}

// which are the sets found for one of the services, in order.
func (s *surroundings) which(services []analyze.Service, find func(analyze.Service) []int32) []*carriedSet {
	var at []int32
	for _, service := range services {
		at = append(at, find(service)...)
	}
	slices.Sort(at)
	var out []*carriedSet
	for _, i := range slices.Compact(at) {
		out = append(out, &s.sets[i])
	}
	return out
}

// surroundings of a VPC and subnet ("": of any). What the estate's interfaces serve must be known by now.
func (a *attributor) surroundings(vpc, subnet string) *surroundings {
	key := [2]string{vpc, subnet}
	if s, ok := a.around[key]; ok {
		return s
	}
	byRules := map[*ruleSet]bool{}
	s := &surroundings{serving: map[analyze.Service][]int32{}, allowing: map[analyze.Service][]int32{}}
	for _, i := range a.r.Estate.Interfaces {
		if len(i.Groups) == 0 || vpc != "" && i.VPC != vpc || subnet != "" && i.Subnet != subnet {
			continue
		}
		if rules := a.ruleSetOf(i); !byRules[rules] {
			byRules[rules] = true
			s.sets = append(s.sets, carriedSet{i.Groups, rules})
		}
	}
	slices.SortFunc(s.sets, func(a, b carriedSet) int { return slices.Compare(a.groups, b.groups) })
	for i := range s.sets {
		for service := range s.sets[i].rules.served {
			s.serving[service] = append(s.serving[service], int32(i))
		}
	}
	a.around[key] = s
	return s
}
