package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

// place is one end of a pair: an address, and the interface of the estate that has it, if one with groups does.
type place struct {
	on   *estate.Interface
	addr netip.Addr
}

type pair struct{ source, target place }

// pairs are the packets that a flow stands for: groups for each address of each member of the family of the other end. What
// cannot meet, because the families differ or both are the same machine, is left out.
func (x *explainer) pairs(f Flow) []pair {
	var out []pair
	for _, s := range x.places(f.Source, f.Target) {
		for _, t := range x.places(f.Target, f.Source) {
			if s.addr.Is4() == t.addr.Is4() && (s.on == nil || s.on != t.on) {
				out = append(out, pair{s, t})
			}
		}
	}
	return out
}

// places are the machines that an end means, as the other end sees them.
func (x *explainer) places(e, other End) []place {
	var out []place
	switch {
	case e.GroupID != "":
		for _, i := range x.x.Members(e.GroupID) {
			out = append(out, ownPlaces(i)...)
		}
		return out
	case e.Interface != "":
		if i := x.x.Subject(e.Interface); i != nil {
			out = ownPlaces(i)
		}
		return out
	}
	for _, i := range x.holders(e.Addr, other) {
		if len(i.Groups) > 0 {
			out = append(out, place{i, e.Addr})
		}
	}
	if len(out) == 0 {
		out = []place{{nil, e.Addr}}
	}
	return out
}

// holders are the interfaces that have an address: within reach of the other end where that is in the estate, else anywhere.
func (x *explainer) holders(a netip.Addr, other End) []*estate.Interface {
	var from *estate.Interface
	switch {
	case other.Interface != "":
		from = x.x.Subject(other.Interface)
	case other.GroupID != "" && len(x.x.Members(other.GroupID)) > 0:
		from = x.x.Members(other.GroupID)[0]
	}
	if from != nil {
		return x.x.Place(from, a, x.at, x.at).Interfaces
	}
	var out []*estate.Interface
	for _, i := range x.e.Interfaces {
		if x.x.IsLocal(i.ID, a) {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b *estate.Interface) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func ownPlaces(i *estate.Interface) []place {
	var out []place
	for _, a := range i.Addrs {
		out = append(out, place{i, a})
	}
	return out
}

func (x *explainer) flow(f Flow) FlowAnswer {
	var verdicts [3][]analyze.Match // of each pair
	sides := sideSet{x: x, at: map[string]int{}}
	for _, p := range x.pairs(f) {
		worst := [3]analyze.Match{analyze.Yes, analyze.Yes, analyze.Yes}
		filtered := false
		for _, look := range []struct {
			on   *estate.Interface
			ask  analyze.Direction
			peer netip.Addr
		}{{p.source.on, analyze.Egress, p.target.addr}, {p.target.on, analyze.Ingress, p.source.addr}} {
			if look.on == nil || len(look.on.Groups) == 0 {
				continue
			}
			filtered = true
			side := sides.add(look.on, recommend.Packet{Direction: look.ask, Proto: f.Proto, Port: f.Port, Peer: look.peer, First: x.at, Last: x.at})
			for s, v := range [3]string{side.Now.Allowed, side.After.Allowed, side.WithReview.Allowed} {
				worst[s] = min(worst[s], matchOf(v))
			}
		}
		if filtered {
			for s := range verdicts {
				verdicts[s] = append(verdicts[s], worst[s])
			}
		}
	}
	return FlowAnswer{
		Flow: f.String(), Now: overall(verdicts[now]), After: overall(verdicts[after]), WithReview: overall(verdicts[withReview]),
		Sides: sides.list(), Notes: x.notes(f),
	}
}

// sideSet gathers the sides of a flow, folding interfaces and peers for which the rules decide alike.
type sideSet struct {
	x         *explainer
	at        map[string]int
	sides     []Side
	sightings []*sighting
}

// add asks the rules of an interface about a packet, and returns the answer for it alone.
func (s *sideSet) add(on *estate.Interface, p recommend.Packet) Side {
	side := s.x.side(on, p)
	key := fmt.Sprint(side.Direction, side.Now, side.After, side.WithReview, side.Near)
	i, ok := s.at[key]
	if !ok {
		i = len(s.sides)
		s.at[key] = i
		s.sides = append(s.sides, side)
		s.sightings = append(s.sightings, &sighting{days: map[int32]bool{}})
	}
	s.sightings[i].add(s.x, on, p)
	had := &s.sides[i]
	had.Interfaces, had.Peers = withName(had.Interfaces, side.Interfaces[0]), withName(had.Peers, side.Peers[0])
	return side
}

func withName(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(slices.Clip(list), name)
}

// list is the sides, egress first, as it happens.
func (s *sideSet) list() []Side {
	out := []Side{}
	for _, d := range []analyze.Direction{analyze.Egress, analyze.Ingress} {
		for i := range s.sides {
			if s.sides[i].Direction == d {
				s.sides[i].Seen = s.sightings[i].seen()
				out = append(out, s.sides[i])
			}
		}
	}
	return out
}

func matchOf(word string) analyze.Match {
	for _, m := range []analyze.Match{analyze.Yes, analyze.Maybe} {
		if m.String() == word {
			return m
		}
	}
	return analyze.No
}

// overall is the answer for all pairs.
func overall(all []analyze.Match) string {
	if len(all) == 0 {
		return "unknown"
	}
	for _, m := range all {
		if m != all[0] {
			return "partly"
		}
	}
	return all[0].String()
}

// side asks the rules of one interface.
func (x *explainer) side(on *estate.Interface, p recommend.Packet) Side {
	out := Side{Direction: p.Direction, Interfaces: []string{x.name(on)}, Peers: []string{x.peerName(on, p)}, Near: []Near{}, Lost: []Lost{}}
	before, by := x.allowed(now, on, p)
	out.Now = x.verdict(before, by)
	for s, to := range map[int]*Verdict{after: &out.After, withReview: &out.WithReview} {
		*to = x.verdict(x.allowed(s, on, p))
	}
	for _, r := range by {
		if c := x.changes[r.RuleKey]; c != nil && c.Status != recommend.Held {
			ref := x.ref(r)
			ref.ChangeID = c.ID
			out.Lost = append(out.Lost, Lost{ref, c.Kind, c.Status, c.Reason})
		}
	}
	if before != analyze.Yes {
		out.Near = x.near(on, p)
	}
	return out
}

func (x *explainer) verdict(m analyze.Match, by []*analyze.Rule) Verdict {
	v := Verdict{Allowed: m.String(), By: []RuleRef{}}
	for _, r := range by {
		ref := x.ref(r)
		if c := x.brings[r.RuleKey]; c != nil && x.ruleAtOrNone(r.RuleKey) < 0 {
			ref.ChangeID = c.ID
		}
		v.By = append(v.By, ref)
	}
	return v
}

// ruleAtOrNone is the index of a rule of the estate, -1 for others.
func (x *explainer) ruleAtOrNone(k analyze.RuleKey) int32 {
	if i, ok := x.ruleAt[k]; ok {
		return i
	}
	return -1
}

func (x *explainer) peerName(on *estate.Interface, p recommend.Packet) string {
	if name := x.x.Place(on, p.Peer, p.First, p.Last).Name; name != "" {
		return p.Peer.String() + " (" + name + ")"
	}
	return p.Peer.String()
}

// maxNear is how many rules that come near are named.
const maxNear = 5

// near are rules that fit in all but the peer, or all but the port.
func (x *explainer) near(on *estate.Interface, p recommend.Packet) []Near {
	out := []Near{}
	for _, g := range on.Groups {
		for i := range x.states[now][g] {
			r := &x.states[now][g][i]
			if r.Direction != p.Direction || r.Unsupported != "" || len(out) == maxNear {
				continue
			}
			service := r.Service.MatchFlow(uint8(p.Proto), p.Port)
			peer := x.x.MatchPeer(*r, on, p.Peer, p.First, p.Last)
			switch {
			case service != analyze.No && peer == analyze.No:
				out = append(out, Near{x.ref(r), "the peer is not in " + r.Peer.String()})
			case service == analyze.No && peer != analyze.No:
				out = append(out, Near{x.ref(r), "it is for " + r.Service.String()})
			}
		}
	}
	return out
}

// flowKey finds what was seen of a packet.
type flowKey struct {
	on        string
	direction analyze.Direction
	proto     uint8
	port      uint16
	peer      netip.Addr
}

func (x *explainer) indexFlows() {
	x.flowsOf = map[flowKey][]int32{}
	for i := range x.use.Flows {
		f := &x.use.Flows[i]
		k := flowKey{f.Interface, f.Direction, f.Proto, f.Port, f.Peer}
		if !analyze.Proto(f.Proto).HasPorts() {
			k.port = 0
		}
		x.flowsOf[k] = append(x.flowsOf[k], int32(i))
	}
}

// sighting sums what the logs show of the packets of a side.
type sighting struct {
	Seen
	strength analyze.Strength
	days     map[int32]bool
}

func (s *sighting) add(x *explainer, on *estate.Interface, p recommend.Packet) {
	for _, i := range x.flowsOf[flowKey{on.ID, p.Direction, uint8(p.Proto), p.Port, p.Peer}] {
		f := &x.use.Flows[i]
		if f.Action == analyze.Reject {
			s.Rejected += f.Flows
			continue
		}
		s.Flows += f.Flows
		for _, d := range f.Days {
			s.days[d] = true
		}
		first, last := time.Unix(f.First, 0).UTC(), time.Unix(f.Last, 0).UTC()
		if s.FirstSeen.IsZero() || first.Before(s.FirstSeen) {
			s.FirstSeen = first
		}
		if last.After(s.LastSeen) {
			s.LastSeen = last
		}
		s.strength = max(s.strength, f.Strength)
	}
}

func (s *sighting) seen() Seen {
	s.DaysSeen = len(s.days)
	if s.strength > analyze.StrengthNone {
		s.Strength = s.strength.String()
	}
	return s.Seen
}

// notes say what the answer does not look at.
func (x *explainer) notes(f Flow) []string {
	var out []string
	for _, e := range []End{f.Source, f.Target} {
		switch {
		case e.GroupID != "" && len(x.x.Members(e.GroupID)) == 0:
			out = append(out, "no interface carries "+e.GroupID+" now")
		case e.Addr.IsValid() && x.x.Public(e.Addr):
			out = append(out, fmt.Sprintf("%s is the public address of an interface of the estate: name the interface to ask its rules too", e.Addr))
		case e.Addr.IsValid() && analyze.PrivateAddr(e.Addr) && len(x.holders(e.Addr, End{})) == 0:
			out = append(out, fmt.Sprintf("no interface of the estate has %s: only the other end's rules are asked", e.Addr))
		}
	}
	return append(out, "routes, network ACLs and firewalls of the machines themselves are not looked at")
}
