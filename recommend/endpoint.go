package recommend

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/usage"
)

// worldEgress handles rules that let everything out. They keep the Internet, whatever of it was seen, with one exception that
// a person decides when egress is narrowed in full: where all that was reached of it is S3 or DynamoDB, in a VPC that has
// their gateway endpoints, the endpoints' prefix lists can stand for it (aws-facts §6).
func (r *reviewer) worldEgress(rule *usage.Rule, keep []int32, stay func(string) peerPlan) peerPlan {
	whole := stay("Internet egress is never narrowed to addresses seen")
	if r.opt.Egress != "full" {
		return whole
	}
	lists := map[int32]*estate.PrefixList{} // of the flows that reach something public
	for _, fi := range keep {
		f := &r.use.Flows[fi]
		if !r.isPublic(f) {
			continue
		}
		if lists[fi] = r.endpointList(rule, f.Peer); lists[fi] == nil {
			return whole
		}
	}
	if len(lists) == 0 {
		return whole
	}
	return peerPlan{
		cover: func(flows []int32) []cover {
			var named []cover
			var others []int32
			for _, fi := range flows {
				l := lists[fi]
				if l == nil {
					others = append(others, fi)
				} else if c := (cover{analyze.Peer{PrefixListID: l.ID}, l.Name}); !slices.Contains(named, c) {
					named = append(named, c)
				}
			}
			networks := r.privateNetworks(rule, others)
			if len(networks) == 1 && networks[0].peer == rule.Peer {
				return networks // one of them is nowhere: the world stays
			}
			return append(named, networks...)
		},
		reason:  "of the Internet only services behind gateway endpoints were reached",
		status:  Review,
		release: "right only if nothing else on the Internet will be called; a person decides",
	}
}

// endpointList is the prefix list of a gateway endpoint in the group's VPC that has the address, all of it inside the rule;
// nil for none.
func (r *reviewer) endpointList(rule *usage.Rule, a netip.Addr) *estate.PrefixList {
	for _, t := range r.e.RouteTables {
		if t.VPC != rule.Group.VPC {
			continue
		}
		for _, route := range t.Routes {
			l := r.x.List(route.PrefixListID)
			if l == nil || !strings.HasPrefix(route.Target, "vpce-") || l.Owner != "AWS" || !l.EntriesKnown || !sameRegion(l, rule) {
				continue
			}
			has := slices.ContainsFunc(l.Entries, func(p netip.Prefix) bool { return p.Contains(a) })
			inside := !slices.ContainsFunc(l.Entries, func(p netip.Prefix) bool { return !within(p, rule.Peer.Prefix) })
			if has && inside {
				return l
			}
		}
	}
	return nil
}
