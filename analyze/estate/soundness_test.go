package estate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
)

// TestMatchIsSoundWithLess: in a full world, the holder of an address is known, and so whether a reference to a group matches
// traffic from it. Then parts of the estate are forgotten, and addresses change hands after the conversation. What is left
// may answer maybe, but never the opposite.
func TestMatchIsSoundWithLess(t *testing.T) {
	start := uint64(time.Now().UnixNano())
	answers := map[analyze.Match]int{}
	for seed := start; seed < start+6000; seed++ {
		w, truth := fullWorld(seed)
		x := NewIndex(w.forget(truth))
		for _, c := range truth.conversations {
			subject := x.Subject(c.subject.ID)
			if subject == nil {
				continue
			}
			for _, g := range worldGroups {
				r := analyze.Rule{RuleKey: analyze.RuleKey{Direction: analyze.Ingress, Service: analyze.AllTraffic, Peer: analyze.Peer{GroupID: g}}}
				got := x.MatchPeer(r, subject, c.addr, spring, spring)
				answers[got]++
				if want := yesNo(slices.Contains(c.holder.Groups, g)); got != analyze.Maybe && got != want {
					t.Fatalf("seed %d: %s at %s (%v in %s) → %s (in %s), reference to %s: got %v, the truth is %v",
						seed, c.holder.ID, c.addr, c.holder.Groups, c.holder.VPC, c.subject.ID, c.subject.VPC, g, got, want)
				}
			}
		}
	}
	if answers[analyze.Yes] < 1000 || answers[analyze.No] < 1000 || answers[analyze.Maybe] < 1000 {
		t.Errorf("seed %d: the worlds are too tame: %v", start, answers)
	}
}

type conversation struct {
	subject, holder *Interface
	addr            netip.Addr
}

type trueWorld struct{ conversations []conversation }

// fullWorld has four VPCs: 1 and 2 are peered and have CIDRs of their own, 3 hangs on a transit gateway with 1, 4 has VPC 2's
// CIDR and no way to the others.
func fullWorld(seed uint64) (*world, trueWorld) {
	w := &world{rng: rand.New(rand.NewPCG(seed, 2)), e: &Estate{
		Groups: map[string]*Group{}, Interfaces: map[string]*Interface{}, PrefixLists: map[string]*PrefixList{}, VPCs: map[string]*VPC{},
		Subnets: map[string]*Subnet{}, Peerings: map[string]*Peering{}, AssociationsKnown: true,
	}}
	for n, block := range []string{"10.0.0.0/24", "10.1.0.0/24", "10.2.0.0/24", "10.1.0.0/24"} {
		id := worldVPCs[n]
		w.e.VPCs[id] = &VPC{ID: id, Owner: "A", Region: "r", CIDRs: []netip.Prefix{netip.MustParsePrefix(block)}}
	}
	w.e.Peerings["pcx-0"] = &Peering{ID: "pcx-0", Status: "active",
		Requester: PeeringSide{VPC: "vpc-1", Region: "r", CIDRs: w.e.VPCs["vpc-1"].CIDRs}, Accepter: PeeringSide{VPC: "vpc-2", Region: "r", CIDRs: w.e.VPCs["vpc-2"].CIDRs}}
	for _, v := range []string{"vpc-1", "vpc-3"} {
		w.e.Transit = append(w.e.Transit, &TransitAttachment{ID: "a-" + v, TransitGateway: "tgw-0", VPC: v, State: "available", GroupReferences: true})
	}
	w.e.RouteTables = []*RouteTable{{ID: "rtb-1", VPC: "vpc-1", Main: true, Routes: []Route{
		{Destination: netip.MustParsePrefix("10.0.0.0/24"), Target: "local"}, {Destination: netip.MustParsePrefix("10.1.0.0/24"), Target: "pcx-0"}, {Destination: netip.MustParsePrefix("10.2.0.0/24"), Target: "tgw-0"}}}}
	for n, id := range worldGroups {
		w.e.Groups[id] = &Group{ID: id, VPC: worldVPCs[n%3], Owner: "A", Region: "r"}
		if w.chance(20) { // also used in another VPC
			w.e.Groups[id].AssociatedVPCs = []string{pick(w, worldVPCs)}
		}
	}
	taken := map[string]bool{}
	for n := range 12 {
		i := &Interface{ID: fmt.Sprintf("eni-%02d", n), VPC: pick(w, worldVPCs), Owner: "A", Region: "r", Type: "interface", Attached: spring.AddDate(-1, 0, 0)}
		a := w.within(w.e.VPCs[i.VPC].CIDRs[0])
		if taken[i.VPC+a.String()] {
			continue
		}
		taken[i.VPC+a.String()] = true
		i.Addrs = []netip.Addr{a}
		for _, id := range worldGroups {
			if g := w.e.Groups[id]; (g.VPC == i.VPC || slices.Contains(g.AssociatedVPCs, i.VPC)) && w.chance(50) {
				i.Groups = append(i.Groups, id)
			}
		}
		w.e.Interfaces[i.ID] = i
	}
	var truth trueWorld
	reach := map[string][]string{"vpc-1": {"vpc-1", "vpc-2", "vpc-3"}, "vpc-2": {"vpc-2", "vpc-1"}, "vpc-3": {"vpc-3", "vpc-1"}, "vpc-4": {"vpc-4"}}
	for _, subject := range w.e.Interfaces {
		for _, holder := range w.e.Interfaces {
			if slices.Contains(reach[subject.VPC], holder.VPC) {
				truth.conversations = append(truth.conversations, conversation{subject, holder, holder.Addrs[0]})
			}
		}
	}
	return w, truth
}

// forget is the estate as it is seen later and in part.
func (w *world) forget(trueWorld) *Estate {
	e := *w.e
	e.Interfaces = map[string]*Interface{}
	for _, id := range sortedKeys(w.e.Interfaces) {
		old := w.e.Interfaces[id]
		if w.chance(75) {
			e.Interfaces[id] = old
			continue
		}
		if w.chance(60) { // it has gone, and another has its address now
			next := *old
			next.ID, next.Attached, next.Groups = "eni-next"+strings.TrimPrefix(id, "eni-"), july, []string{pick(w, worldGroups)}
			e.Interfaces[next.ID] = &next
		}
	}
	e.Groups = maybeWithout(w, w.e.Groups, 10)
	if w.chance(15) { // the call was denied
		e.VPCs = map[string]*VPC{}
	}
	e.Peerings = maybeWithout(w, w.e.Peerings, 20)
	if w.chance(20) {
		e.Transit = nil
	}
	if w.chance(30) {
		e.RouteTables = nil
	}
	if w.chance(30) { // nobody asked for associations
		e.AssociationsKnown = false
		for id, g := range e.Groups {
			copied := *g
			copied.AssociatedVPCs = nil
			e.Groups[id] = &copied
		}
	}
	return &e
}

func maybeWithout[V any](w *world, m map[string]V, percent int) map[string]V {
	out := map[string]V{}
	for _, k := range sortedKeys(m) {
		if !w.chance(percent) {
			out[k] = m[k]
		}
	}
	return out
}
