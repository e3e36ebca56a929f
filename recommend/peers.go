package recommend

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/usage"
	covers "github.com/sgtrim/sgtrim/recommend/cover"
)

// cover is one peer of a narrowed rule, and what it stands for.
type cover struct {
	peer analyze.Peer
	why  string
}

// peerPlan says how the peers of a rule may be narrowed: cover turns flows into peers inside the old rule.
type peerPlan struct {
	cover   func(flows []int32) []cover
	reason  string
	kept    string // why the peers stay, when they do
	status  Status // Review where design §7.3 says so
	release string
	remarks []string
	denies  bool // needs that were seen are left out
}

// peerPlan chooses by the kind of the rule's peer (design §7.3).
func (r *reviewer) peerPlan(rule *usage.Rule, keep []int32) peerPlan {
	stay := func(why string) peerPlan {
		return peerPlan{cover: func([]int32) []cover { return []cover{{peer: rule.Peer}} }, kept: why}
	}
	switch {
	case rule.Peer.GroupID != "":
		return stay("the reference is in use; members are the group's own affair")
	case rule.Peer.PrefixListID != "":
		return stay("the prefix list is in use")
	case rule.Peer.Prefix.IsSingleIP():
		return stay("a single address, in use")
	case isWorld(rule.Peer.Prefix):
		return r.worldPlan(rule, keep, stay)
	case !privatePrefix(rule.Peer.Prefix) && !r.inEstate(rule.Peer.Prefix):
		return stay("a public network that someone named; visitors' addresses are no reason to cut it")
	}
	p := peerPlan{
		cover:  func(flows []int32) []cover { return r.floors(rule, flows) },
		reason: fmt.Sprintf("%s is wider than what was needed: %s", rule.Peer.Prefix, r.peersSeen(keep)),
	}
	return p
}

// worldPlan handles rules open to the world: on an interface reachable from the Internet they are never narrowed on
// visitors' addresses, with two exceptions that a person decides.
func (r *reviewer) worldPlan(rule *usage.Rule, keep []int32, stay func(string) peerPlan) peerPlan {
	if rule.Direction == egress {
		return r.worldEgress(rule, keep, stay)
	}
	var public, private []int32
	for _, fi := range keep {
		if r.isPublic(&r.use.Flows[fi]) {
			public = append(public, fi)
		} else {
			private = append(private, fi)
		}
	}
	f := r.facts[rule.GroupID]
	reach := f.reach4
	if rule.Peer.Prefix.Addr().Is6() {
		reach = f.reach6
	}
	admin, only := r.adminUse(rule, keep)
	switch {
	case len(public) > 0:
		if list := r.onlyCloudFront(rule, public); list != nil && len(private) == 0 {
			p := peerPlan{
				cover:   func([]int32) []cover { return []cover{{analyze.Peer{PrefixListID: list.ID}, list.Name}} },
				reason:  "every visitor came from CloudFront",
				status:  Review,
				release: "right only if CloudFront is the one way in; a person decides",
			}
			return p
		}
		if only {
			return r.recurringPlan(rule, public)
		}
		p := stay("open to the world and used from the Internet")
		if admin != "" {
			p.remarks = append(p.remarks, admin+" is open to the world and was used from the Internet: give it a rule of its own")
		}
		return p
	case reach:
		p := stay("open to the world on an interface reachable from the Internet: who comes next cannot be seen in the logs")
		if only {
			p.cover = func(flows []int32) []cover { return r.floors(rule, flows) }
			p.reason = fmt.Sprintf("an administration or database port open to the world, needed only from %s", r.peersSeen(keep))
			p.status = Review
			p.release = "the interface is reachable from the Internet; a person decides whether strangers belong here"
		}
		return p
	}
	p := peerPlan{
		cover: func(flows []int32) []cover { return r.privateNetworks(rule, flows) },
		reason: fmt.Sprintf("open to the world, but no interface is reachable from the Internet and only private peers were seen: %s",
			r.peersSeen(keep)),
	}
	if on := r.opposite(f, rule, openOnAllPorts, false); len(on) > 0 && openToWorld(rule.RuleKey) {
		p.status = Review
		p.release = "connections that were not tracked become tracked on " + listed(on, 5) +
			": an allowance of each instance, which a person weighs"
	}
	return p
}

// adminUse names an administration or database port that the flows use, and says whether they use nothing else.
func (r *reviewer) adminUse(rule *usage.Rule, keep []int32) (name string, only bool) {
	only = len(keep) > 0
	for _, fi := range keep {
		f := &r.use.Flows[fi]
		n, ok := adminPorts[f.Port]
		if !ok || analyze.Proto(f.Proto) != analyze.TCP {
			only = false
			continue
		}
		if name == "" {
			name = fmt.Sprintf("tcp %d (%s)", f.Port, n)
		}
	}
	_, ruleOnly := allowsAdmin(rule.Service)
	return name, only && (ruleOnly || rule.Service.Proto == analyze.TCP || rule.Service.Proto == analyze.AllProtocols)
}

// recurringPlan narrows an administration or database port to the public peers that came back on another day. Strangers
// complete handshakes too, so the choice is a person's, with those seen once in view.
func (r *reviewer) recurringPlan(rule *usage.Rule, public []int32) peerPlan {
	recurring, once := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	for _, fi := range public {
		f := &r.use.Flows[fi]
		if len(f.Days) > 1 {
			recurring[f.Peer] = true
		}
	}
	for _, fi := range public {
		if p := r.use.Flows[fi].Peer; !recurring[p] {
			once[p] = true
		}
	}
	p := peerPlan{
		reason: fmt.Sprintf("an administration or database port open to the world; %d public peers came on more than one day, %d on one day only",
			len(recurring), len(once)),
		status:  Review,
		release: "a person who knows the recurring peers decides; those seen once are listed as denied",
		denies:  len(once) > 0,
	}
	if len(recurring) == 0 || len(recurring) > r.opt.MaxRules {
		p.cover = func([]int32) []cover { return []cover{{peer: rule.Peer}} }
		p.kept = p.reason + "; none can be told from strangers, so give the port a network of its own"
		if len(recurring) > 0 {
			p.kept = p.reason + "; too many to list, so give the port a network of its own"
		}
		return p
	}
	p.cover = func(flows []int32) []cover {
		var rest []int32
		out := []cover{}
		for _, fi := range flows {
			f := &r.use.Flows[fi]
			switch {
			case !r.isPublic(f):
				rest = append(rest, fi)
			case recurring[f.Peer]:
				host := netip.PrefixFrom(f.Peer, f.Peer.BitLen())
				out = append(out, cover{analyze.Peer{Prefix: host}, fmt.Sprintf("seen on %d days", len(f.Days))})
			}
		}
		return append(out, r.floors(rule, rest)...)
	}
	return p
}

// onlyCloudFront returns the CloudFront list of the estate when all the flows come from its entries.
func (r *reviewer) onlyCloudFront(rule *usage.Rule, public []int32) *estate.PrefixList {
	for _, l := range r.x.Lists() {
		if l.Owner != "AWS" || !l.EntriesKnown || !sameRegion(l, rule) || !strings.HasSuffix(l.Name, "cloudfront.origin-facing") {
			continue
		}
		all := !slices.ContainsFunc(public, func(fi int32) bool {
			a := r.use.Flows[fi].Peer
			return !slices.ContainsFunc(l.Entries, func(p netip.Prefix) bool { return p.Contains(a) })
		})
		inside := !slices.ContainsFunc(l.Entries, func(p netip.Prefix) bool { return !within(p, rule.Peer.Prefix) })
		if all && inside {
			return l
		}
	}
	return nil
}

// privateNetworks covers private peers by the networks that hold them: a VPC's CIDR, a named network, else the whole
// block of private use.
func (r *reviewer) privateNetworks(rule *usage.Rule, flows []int32) []cover {
	var out []cover
	for _, fi := range flows {
		f := &r.use.Flows[fi]
		c, ok := r.networkOf(f)
		if !ok || !within(c.peer.Prefix, rule.Peer.Prefix) {
			return []cover{{peer: rule.Peer}}
		}
		if !slices.ContainsFunc(out, func(o cover) bool { return o.peer == c.peer }) {
			out = append(out, c)
		}
	}
	return out
}

func (r *reviewer) networkOf(f *usage.Flow) (cover, bool) {
	if v := f.Place.VPC; v != nil {
		for _, p := range v.CIDRs {
			if p.Contains(f.Peer) {
				return cover{analyze.Peer{Prefix: p}, "VPC " + v.ID}, true
			}
		}
	}
	for _, n := range r.opt.Named {
		for _, p := range n.CIDRs {
			if p.Contains(f.Peer) {
				return cover{analyze.Peer{Prefix: p.Masked()}, n.Name}, true
			}
		}
	}
	for _, p := range privateSpace {
		if p.Contains(f.Peer) {
			return cover{analyze.Peer{Prefix: p}, "private network"}, true
		}
	}
	return cover{}, false
}

// isPublic reports whether the flow's peer is out on the Internet: neither private nor in the estate nor named.
func (r *reviewer) isPublic(f *usage.Flow) bool {
	if analyze.PrivateAddr(f.Peer) || f.Place.Class.InEstate() || r.x.Public(f.Peer) {
		return false
	}
	return !slices.ContainsFunc(r.opt.Named, func(n Network) bool {
		return slices.ContainsFunc(n.CIDRs, func(p netip.Prefix) bool { return p.Contains(f.Peer) })
	})
}

// inEstate reports whether p lies in the CIDR of a VPC of the estate.
func (r *reviewer) inEstate(p netip.Prefix) bool {
	for _, v := range r.e.VPCs {
		if slices.ContainsFunc(v.CIDRs, func(q netip.Prefix) bool { return within(p, q) }) {
			return true
		}
	}
	return false
}

// within reports whether every address of p lies in q.
func within(p, q netip.Prefix) bool {
	return covers.Contains(q, p)
}

// peersSeen says in words who was seen.
func (r *reviewer) peersSeen(flows []int32) string {
	seen := map[netip.Addr]string{}
	for _, fi := range flows {
		f := &r.use.Flows[fi]
		seen[f.Peer] = f.Place.Name
	}
	addrs := make([]netip.Addr, 0, len(seen))
	for a := range seen {
		addrs = append(addrs, a)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	if len(addrs) > 3 {
		return fmt.Sprintf("%d addresses from %s to %s", len(addrs), addrs[0], addrs[len(addrs)-1])
	}
	names := make([]string, 0, len(addrs))
	for _, a := range addrs {
		n := a.String()
		if seen[a] != "" {
			n += " (" + seen[a] + ")"
		}
		names = append(names, n)
	}
	return strings.Join(names, ", ")
}
