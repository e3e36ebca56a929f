package usage

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// Rule is a rule of the estate with its use.
type Rule struct {
	*analyze.Rule
	Group *estate.Group
	Use
}

// Result of a join. Read-only.
type Result struct {
	Estate *estate.Estate
	Index  *estate.Index
	Flows  []Flow // sorted
	Rules  []Rule // by group id, then by key
	Counts Counts

	Unexplained []int32  // needs no rule explains, even maybe
	Unplaced    int      // distinct private peers that no interface is known to have held
	Gone        int      // needs of interfaces that nobody has recorded
	GoneIDs     []string // of those interfaces, sorted
	// Carriers are, by group, the interfaces that nobody has recorded and that surely carried it: no other set of groups
	// explains them.
	Carriers map[string][]string

	byGroup map[string][]int32 // rule indexes
}

// Input of a join.
type Input struct {
	Index         *estate.Index
	Estate        *estate.Estate
	Conversations iter.Seq2[orient.Conversation, error]
	Attributes    map[string]ledger.Attributes
	Named         []netip.Prefix // networks the user named
	Workers       int            // 0: by the cores there are; the result does not depend on it
}

// Join sums the conversations, finds the needs, and attributes them to rules. The only errors are those of the
// conversations' iterator.
func Join(in Input) (*Result, error) {
	summers, err := summed(in)
	if err != nil {
		return nil, err
	}
	r := &Result{Estate: in.Estate, Index: in.Index, Flows: finish(summers), byGroup: map[string][]int32{}, Carriers: map[string][]string{}}
	r.listRules()
	a := newAttributor(r, in)
	for _, s := range summers {
		r.Counts.add(s.counts)
		for i, of := range s.tallies {
			a.locals[s.ids.all[i]] = of.local()
		}
	}
	a.place()
	a.credit(len(summers))
	return r, nil
}

// RulesOf returns the indexes of a group's rules.
func (r *Result) RulesOf(groupID string) []int32 { return r.byGroup[groupID] }

// place finds which flows are needs, interface by interface (flows are sorted by it); of interfaces that nobody has recorded
// it also finds who holds their peers' addresses, and then which groups they may have carried. So every rule set that a flow may
// ask for is there when it is done.
func (a *attributor) place() {
	r := a.r
	unplaced := map[netip.Addr]struct{}{}
	var gone [][]int32 // flows by interface
	for from, to := 0, 0; from < len(r.Flows); from = to {
		var known, unknown []int32
		for ; to < len(r.Flows) && r.Flows[to].Interface == r.Flows[from].Interface; to++ {
			f := &r.Flows[to]
			if f.Subject == nil {
				unknown = append(unknown, int32(to))
				p := a.x.Place(a.subject(f), f.Peer, unix(f.First), unix(f.Last))
				f.Place = &p
			} else {
				known = append(known, int32(to))
				a.ruleSetOf(f.Subject)
			}
			f.Need = a.isNeed(f)
			if f.Place.Class == estate.Unplaced {
				unplaced[f.Peer] = struct{}{}
			}
			if f.Need && f.Subject == nil {
				r.Gone++
			}
		}
		a.listen(known)
		if len(unknown) > 0 {
			gone = append(gone, unknown)
		}
	}
	r.Unplaced = len(unplaced)
	for _, flows := range gone {
		a.placeGone(flows)
	}
}

// placeGone notes which groups an interface may have carried that nobody has recorded.
func (a *attributor) placeGone(flows []int32) {
	r, id := a.r, a.r.Flows[flows[0]].Interface
	sets := a.goneGroups(flows, a.ghosts[id])
	if len(sets) == 1 {
		for _, g := range sets[0] {
			r.Carriers[g] = append(r.Carriers[g], id)
		}
	}
	groups := slices.Sorted(slices.Values(slices.Concat(sets...)))
	a.goneSets[id] = a.ruleSet(slices.Compact(groups))
	r.GoneIDs = append(r.GoneIDs, id)
}

func (r *Result) listRules() {
	ids := make([]string, 0, len(r.Estate.Groups))
	for id := range r.Estate.Groups {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		g := r.Estate.Groups[id]
		from := len(r.Rules)
		for i := range g.Rules {
			r.byGroup[id] = append(r.byGroup[id], int32(len(r.Rules)))
			r.Rules = append(r.Rules, Rule{Rule: &g.Rules[i], Group: g})
		}
		slices.SortFunc(r.Rules[from:], func(a, b Rule) int { return a.Compare(b.RuleKey) }) // EC2 promises no order
	}
}

// isNeed is design §4.6: established; and one-way, weak or attempt when the peer is private, in the estate, or named.
func (a *attributor) isNeed(f *Flow) bool {
	if f.Action != analyze.Accept || f.Strength <= analyze.Rejected {
		return false
	}
	if f.Subject != nil && len(f.Subject.Groups) == 0 {
		return false // NAT, TGW and some NLB interfaces: nothing filters there [aws-facts 1.4, 6]
	}
	if f.Strength == analyze.Established {
		return true
	}
	if analyze.PrivateAddr(f.Peer) || f.Place.Class.InEstate() || a.x.Public(f.Peer) {
		return true
	}
	return slices.ContainsFunc(a.named, func(p netip.Prefix) bool { return p.Contains(f.Peer) })
}
