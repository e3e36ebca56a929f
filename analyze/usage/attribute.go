package usage

import (
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/ledger"
)

// attributor tells which rules may apply to a flow and which of them allow it. All groups of an interface are a union: there is
// no order and no deny. Once all flows are placed it is only read.
type attributor struct {
	r          *Result
	x          *estate.Index
	attributes map[string]ledger.Attributes
	named      []netip.Prefix
	bySet      map[string]*ruleSet            // groups of an interface, joined by space
	byState    map[*estate.Interface]*ruleSet // the same, by the state of an interface that carries them
	ghosts     map[string]*estate.Interface
	goneSets   map[string]*ruleSet         // gone interface → rules of the groups it may have carried
	around     map[[2]string]*surroundings // by VPC and subnet
	groupIDs   []string                    // of the estate, sorted
	locals     map[string]netip.Addr       // interface → an address of its own
	near       map[[2]string]bool          // group and subnet: some member of the group is in the subnet
	size       []int64                     // of the rules, see narrowness
	alone      []int32                     // all rules: a part of one is shared by the flows that it is credited with
}

// ruleSet holds the rules of some groups by direction.
type ruleSet struct {
	dir    [3][]int32
	served map[analyze.Service]bool // what interfaces that carry exactly these groups are seen to serve
}

func newAttributor(r *Result, in Input) *attributor {
	a := &attributor{
		r: r, x: in.Index, attributes: in.Attributes, named: in.Named,
		bySet: map[string]*ruleSet{}, byState: map[*estate.Interface]*ruleSet{}, ghosts: map[string]*estate.Interface{},
		goneSets: map[string]*ruleSet{}, around: map[[2]string]*surroundings{}, locals: map[string]netip.Addr{}, near: map[[2]string]bool{},
		size: make([]int64, len(r.Rules)),
	}
	for id := range in.Estate.Groups {
		a.groupIDs = append(a.groupIDs, id)
	}
	slices.Sort(a.groupIDs)
	for _, id := range a.groupIDs {
		for _, i := range a.x.Members(id) {
			a.near[[2]string{id, i.Subnet}] = true
		}
	}
	for i := range r.Rules {
		a.alone = append(a.alone, int32(i))
		a.size[i] = narrowness(r.Rules[i].Rule, in.Index)
	}
	return a
}

// subject returns the interface of the flow, or a stand-in for one that is gone, of which only the logs tell.
func (a *attributor) subject(f *Flow) *estate.Interface {
	if f.Subject != nil {
		return f.Subject
	}
	g, ok := a.ghosts[f.Interface]
	if !ok {
		at := a.attributes[f.Interface]
		g = &estate.Interface{ID: f.Interface, Owner: at.Account, Region: at.Region, VPC: at.VPC, Subnet: at.Subnet}
		a.homeOf(g)
		a.ghosts[f.Interface] = g
	}
	return g
}

// homeOf finds the VPC and subnet of a gone interface by its own address, where the logs do not name them: the one subnet
// of the estate that holds it. Where several do, none is taken.
func (a *attributor) homeOf(g *estate.Interface) {
	local := a.locals[g.ID]
	if g.Subnet != "" || !local.IsValid() {
		return
	}
	var home *estate.Subnet
	for _, s := range a.r.Estate.Subnets {
		if g.VPC != "" && s.VPC != g.VPC || !slices.ContainsFunc(s.CIDRs, func(p netip.Prefix) bool { return p.Contains(local) }) {
			continue
		}
		if home != nil {
			return
		}
		home = s
	}
	if home != nil {
		g.VPC, g.Subnet = home.VPC, home.ID
	}
}

// rules returns the rules that may have applied to the flow's interface.
func (a *attributor) rules(f *Flow) []int32 {
	if f.Subject == nil {
		return a.goneSets[f.Interface].dir[f.Direction]
	}
	return a.ruleSetOf(f.Subject).dir[f.Direction]
}

// ruleSetOf is the rule set of the groups that an interface carries.
func (a *attributor) ruleSetOf(i *estate.Interface) *ruleSet {
	set, ok := a.byState[i]
	if !ok {
		set = a.ruleSet(i.Groups)
		a.byState[i] = set
	}
	return set
}

// ruleSet is the one rule set of some groups, sorted as an interface lists them.
func (a *attributor) ruleSet(groups []string) *ruleSet {
	key := strings.Join(groups, " ")
	set, ok := a.bySet[key]
	if !ok {
		set = a.collect(groups)
		a.bySet[key] = set
	}
	return set
}

func (a *attributor) collect(groups []string) *ruleSet {
	set := &ruleSet{}
	for _, id := range groups {
		for _, ri := range a.r.byGroup[id] {
			d := a.r.Rules[ri].Direction
			set.dir[d] = append(set.dir[d], ri)
		}
	}
	return set
}

// match is the three-valued answer for one rule and one flow.
func (a *attributor) match(ri int32, f *Flow, subject *estate.Interface) analyze.Match {
	rule := a.r.Rules[ri].Rule
	if rule.Unsupported != "" {
		return analyze.Maybe
	}
	m := rule.Service.MatchFlow(f.Proto, f.Port)
	if m == analyze.No {
		return m
	}
	m = min(m, a.x.MatchPlaced(rule, subject, f.Peer, f.Place, time.Unix(f.First, 0).UTC(), time.Unix(f.Last, 0).UTC()))
	if m == analyze.No && rule.Peer.GroupID != "" && a.mayHaveMoved(f, rule.Peer.GroupID) {
		return analyze.Maybe
	}
	return m
}

// mayHaveMoved reports whether a member of the group may have had the peer's address before its holder of now: secondary
// IPv4 addresses and delegated prefixes (pods, addresses of a cluster) go from interface to interface within a subnet, and
// but for a history the estate does not tell when. A primary address stays as long as its interface.
func (a *attributor) mayHaveMoved(f *Flow, group string) bool {
	if f.Place.Class != estate.Member || !f.Peer.Is4() {
		return false
	}
	holder := f.Place.Interfaces[0]
	recorded := !holder.Recorded.IsZero() && f.First > holder.Recorded.Unix()
	if recorded || !holder.Primary.IsValid() || f.Peer == holder.Primary {
		return false
	}
	return a.near[[2]string{group, holder.Subnet}]
}

// narrowness orders rules from narrow to wide: by the bits of the (address, service) space they allow, then by those of the
// service. Bits, not counts, so that it stays an integer; ties are broken by the rule's key.
func narrowness(r *analyze.Rule, x *estate.Index) int64 {
	var peer int
	switch {
	case r.Peer.IsCIDR():
		peer = r.Peer.Prefix.Addr().BitLen() - r.Peer.Prefix.Bits()
	case r.Peer.GroupID != "":
		peer = bits.Len(uint(len(x.MemberAddrs(r.Peer.GroupID))))
	default:
		peer = 16 // a list: between a subnet and a network
		if l := x.List(r.Peer.PrefixListID); l != nil && l.EntriesKnown {
			peer = 0
			for _, p := range l.Entries {
				peer = max(peer, p.Addr().BitLen()-p.Bits())
			}
			peer += bits.Len(uint(len(l.Entries)))
		}
	}
	service := 24
	switch {
	case r.Service.Proto == analyze.AllProtocols:
	case r.Service.Proto.HasPorts():
		service = bits.Len(uint(r.Service.Ports.Len() - 1))
	case r.Service.Proto.IsICMP() && r.Service.Type != -1:
		service = 0
	default:
		service = 8
	}
	return int64(peer+service)*64 + int64(service)
}
