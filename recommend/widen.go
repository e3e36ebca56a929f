package recommend

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/usage"
	covers "github.com/sgtrim/sgtrim/recommend/cover"
	"github.com/sgtrim/sgtrim/recommend/unseen"
)

// widen covers peers that no network of the estate holds, by the addresses seen or the networks that new ones kept coming
// from (design §7.4). Where the days tell too little the old rule stays: doubt keeps.
func (r *reviewer) widen(rule *usage.Rule, peers []peerUse) []cover {
	if len(peers) == 0 {
		return nil
	}
	uses := make([]unseen.Peer, 0, len(peers))
	for _, p := range peers {
		u := unseen.Peer{Addr: p.addr}
		for _, fi := range p.flows {
			u.Days = append(u.Days, r.use.Flows[fi].Days...)
		}
		uses = append(uses, u)
	}
	rejected := r.rejected(rule)
	w, err := unseen.Widen(uses, unseen.Options{Within: []netip.Prefix{rule.Peer.Prefix}, Bound: r.bound, Unwanted: rejected})
	if err != nil || !w.Judged {
		return []cover{{peer: rule.Peer}}
	}
	prefixes := r.fewer(rule, w.Prefixes, uses, rejected)
	out := make([]cover, 0, len(prefixes))
	for _, p := range prefixes {
		c := cover{analyze.Peer{Prefix: p}, fmt.Sprintf("seen; %s of the next days' connections expected from others", w.Loss)}
		switch {
		case !p.IsSingleIP() && len(prefixes) < len(w.Prefixes):
			c.why = fmt.Sprintf("holds addresses seen, in fewer rules; %s of connections expected from outside", w.Loss)
		case !p.IsSingleIP():
			c.why = fmt.Sprintf("network that new addresses kept coming from; %s of connections expected from outside", w.Loss)
		}
		out = append(out, c)
	}
	return out
}

// rejected are the peers that came back to be rejected by something else than the rule, which allows them: a network ACL, most
// often. They are a reason to choose the narrower of two networks (design §7.9), never to leave out what was needed.
func (r *reviewer) rejected(rule *usage.Rule) []netip.Addr {
	var out []netip.Addr
	for _, fi := range r.rejects[rule.GroupID] {
		f := &r.use.Flows[fi]
		if f.Direction == rule.Direction && rule.Peer.Prefix.Contains(f.Peer) && rule.Service.MatchFlow(f.Proto, f.Port) == analyze.Yes {
			out = append(out, f.Peer)
		}
	}
	return out
}

// rejectsOf are the recurring rejects by the groups of their interface.
func rejectsOf(use *usage.Result) map[string][]int32 {
	out := map[string][]int32{}
	for i := range use.Flows {
		if f := &use.Flows[i]; f.Subject != nil && recurringReject(f) {
			for _, g := range f.Subject.Groups {
				out[g] = append(out[g], int32(i))
			}
		}
	}
	return out
}

// recurringReject: a SYN that was rejected on more than one day.
func recurringReject(f *usage.Flow) bool {
	return f.Action == analyze.Reject && f.Strength == analyze.Rejected && len(f.Days) > 1
}

// sharedRule is what one more rule is worth in unseen addresses, where single addresses would be too many rules; mostStrangers how
// many addresses may come with each one seen before more rules than the default are taken.
const sharedRule, mostStrangers = 16, 64

// fewer joins prefixes where they are more than one rule may become: neighbours first, by the cheapest cover; then as many
// as the bound allows. Hosts so far apart that ten networks around them would be little else than strangers get as many rules as
// the quota has room for.
func (r *reviewer) fewer(rule *usage.Rule, prefixes []netip.Prefix, uses []unseen.Peer, rejected []netip.Addr) []netip.Prefix {
	if len(prefixes) <= r.opt.MaxRules {
		return prefixes
	}
	addrs := make([]netip.Addr, 0, len(uses))
	for _, u := range uses {
		addrs = append(addrs, u.Addr)
	}
	opt := covers.Options{Within: []netip.Prefix{rule.Peer.Prefix}, RuleCost: sharedRule, Unwanted: rejected}
	out, err := covers.Addrs(addrs, opt)
	all := out
	if err == nil && len(all) > r.opt.MaxRules {
		opt.MaxPrefixes = r.opt.MaxRules
		out, err = covers.Addrs(addrs, opt)
	}
	if err == nil && r.room > r.opt.MaxRules && len(all) > len(out) && strangers(out) > mostStrangers*len(addrs) {
		opt.MaxPrefixes = r.room
		out, err = covers.Addrs(addrs, opt)
	}
	if err != nil || len(out) >= len(prefixes) {
		return prefixes
	}
	return out
}

// strangers are about the addresses that prefixes hold; what does not fit is as many as there can be.
func strangers(ps []netip.Prefix) int {
	n := 0
	for _, p := range ps {
		n += 1 << min(40, p.Addr().BitLen()-p.Bits())
	}
	return n
}

// portRanges finds exact ports, and ranges where use is a range, inside the old rule; loss is the expected share of the next
// days' uses on ports that none of them holds. Where they cannot be found the old range stays: doubt keeps. The ports of
// unlikely readings are kept, and stand outside the estimate unless nothing else is known.
func (r *reviewer) portRanges(flows []int32, old analyze.PortRange) (ranges []analyze.PortRange, loss unseen.Share) {
	days, unlikely := map[uint16][]int32{}, map[uint16][]int32{}
	for _, fi := range flows {
		f := &r.use.Flows[fi]
		to := days
		if f.Unlikely {
			to = unlikely
		}
		to[f.Port] = append(to[f.Port], f.Days...)
	}
	if len(days) == 0 {
		days = unlikely
	}
	uses := make([]covers.PortUse, 0, len(days))
	for port, d := range days {
		uses = append(uses, covers.PortUse{Port: port, Days: d})
	}
	opt := covers.PortOptions{Within: []analyze.PortRange{old}}
	ranges, err := covers.Ports(uses, opt)
	if err != nil {
		return []analyze.PortRange{old}, 0
	}
	w, err := unseen.WidenPorts(uses, unseen.PortOptions{Cover: opt, Bound: r.bound})
	if err == nil && w.Exact.Loss() >= r.bound && len(ranges) == len(days) {
		loss = w.Exact.Loss()
	}
	return withPorts(ranges, unlikely), loss
}

// withPorts adds the ports that none of the ranges holds; sorted.
func withPorts(ranges []analyze.PortRange, ports map[uint16][]int32) []analyze.PortRange {
	for p := range ports {
		if !slices.ContainsFunc(ranges, func(pr analyze.PortRange) bool { return pr.Contains(p) }) {
			ranges = append(ranges, analyze.PortRange{First: p, Last: p})
		}
	}
	slices.SortFunc(ranges, analyze.PortRange.Compare)
	return ranges
}
