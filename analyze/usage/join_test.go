package usage

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

func TestJoinAgainstOracle(t *testing.T) {
	for seed := range uint64(100) {
		e, convs := randomEstate(seed)
		x := estate.NewIndex(e)
		r, err := Join(Input{Index: x, Estate: e, Conversations: sequence(convs)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(oracle(e, x, convs), described(r)); diff != "" {
			t.Fatalf("seed %d: join (-oracle +got):\n%s", seed, diff)
		}
	}
}

// oracle sums and attributes the slow way: one map by text, and every rule of the estate tried for every flow.
func oracle(e *estate.Estate, x *estate.Index, convs []orient.Conversation) []string {
	type sum struct {
		c           orient.Conversation
		days        map[int32]bool
		first, last int64
		strength    analyze.Strength
	}
	sums := map[string]*sum{}
	for _, c := range convs {
		if c.Strength() == analyze.StrengthNone {
			continue
		}
		k := fmt.Sprint(c.Interface, c.Direction, c.Peer, c.Proto, c.Port, c.Action)
		if c.Action == analyze.Accept { // what is surely of the peer's holder stands apart from what is not
			k += fmt.Sprint(x.Place(e.Interfaces[c.Interface], c.Peer, time.Unix(c.First, 0).UTC(), time.Unix(c.Last, 0).UTC()).Certain)
		}
		s := sums[k]
		if s == nil {
			s = &sum{c: c, days: map[int32]bool{}, first: c.First, last: c.Last}
			sums[k] = s
		}
		s.days[c.Day] = true
		s.first, s.last = min(s.first, c.First), max(s.last, c.Last)
		s.strength = max(s.strength, c.Strength())
	}
	var out []string
	for _, s := range sums {
		i := e.Interfaces[s.c.Interface]
		need := s.c.Action == analyze.Accept && len(i.Groups) > 0 &&
			(s.strength == analyze.Established || s.strength > analyze.Rejected && analyze.PrivateAddr(s.c.Peer))
		line := fmt.Sprintf("%s %s %s %d/%d %s days=%d need=%v", s.c.Interface, s.c.Direction, s.c.Peer, s.c.Proto, s.c.Port, s.c.Action, len(s.days), need)
		if need {
			line += " credit=" + oracleCredit(e, x, i, s.c, s.first, s.last)
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

func oracleCredit(e *estate.Estate, x *estate.Index, i *estate.Interface, c orient.Conversation, first, last int64) string {
	var yes, maybe []*analyze.Rule
	for _, id := range i.Groups {
		for n := range e.Groups[id].Rules {
			r := &e.Groups[id].Rules[n]
			if r.Direction != c.Direction {
				continue
			}
			m := min(r.Service.MatchFlow(c.Proto, c.Port), x.MatchPeer(*r, i, c.Peer, time.Unix(first, 0).UTC(), time.Unix(last, 0).UTC()))
			switch m {
			case analyze.Yes:
				yes = append(yes, r)
			case analyze.Maybe:
				maybe = append(maybe, r)
			}
		}
	}
	if len(yes) > 0 {
		best := yes[0]
		for _, r := range yes[1:] {
			if a, b := narrowness(r, x), narrowness(best, x); a < b || a == b && r.Compare(best.RuleKey) < 0 {
				best = r
			}
		}
		return best.RuleKey.String()
	}
	var names []string
	for _, r := range maybe {
		names = append(names, r.RuleKey.String())
	}
	slices.Sort(names)
	return strings.Join(names, " and ")
}

func described(r *Result) []string {
	var out []string
	for i := range r.Flows {
		f := &r.Flows[i]
		line := fmt.Sprintf("%s %s %s %d/%d %s days=%d need=%v", f.Interface, f.Direction, f.Peer, f.Proto, f.Port, f.Action, len(f.Days), f.Need)
		if f.Need {
			var names []string
			for _, ri := range f.Credit {
				names = append(names, r.Rules[ri].RuleKey.String())
			}
			slices.Sort(names)
			line += " credit=" + strings.Join(names, " and ")
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

func sequence(convs []orient.Conversation) iter.Seq2[orient.Conversation, error] {
	return func(yield func(orient.Conversation, error) bool) {
		for _, c := range convs {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func randomEstate(seed uint64) (*estate.Estate, []orient.Conversation) {
	rng := rand.New(rand.NewPCG(seed, 3))
	e := &estate.Estate{
		Groups: map[string]*estate.Group{}, Interfaces: map[string]*estate.Interface{},
		VPCs: map[string]*estate.VPC{"vpc-1": {ID: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}}},
	}
	peers := []analyze.Peer{
		{Prefix: netip.MustParsePrefix("0.0.0.0/0")}, {Prefix: netip.MustParsePrefix("10.0.0.0/8")}, {Prefix: netip.MustParsePrefix("10.0.0.0/29")},
		{GroupID: "sg-0"}, {GroupID: "sg-1"}, {GroupID: "sg-2"},
	}
	for g := range 3 {
		id := fmt.Sprintf("sg-%d", g)
		group := &estate.Group{ID: id, VPC: "vpc-1"}
		for range rng.IntN(6) {
			s := analyze.PortService(analyze.TCP, analyze.PortRange{First: uint16(rng.IntN(4)), Last: uint16(4 + rng.IntN(4))})
			k := analyze.RuleKey{GroupID: id, Direction: analyze.Direction(1 + rng.IntN(2)), Service: s, Peer: peers[rng.IntN(len(peers))]}
			if !slices.ContainsFunc(group.Rules, func(r analyze.Rule) bool { return r.RuleKey == k }) {
				group.Rules = append(group.Rules, analyze.Rule{RuleKey: k})
			}
		}
		e.Groups[id] = group
	}
	for i := range 6 {
		a := netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})
		in := &estate.Interface{ID: fmt.Sprintf("eni-%d", i), VPC: "vpc-1", Primary: a, Addrs: []netip.Addr{a}, Attached: time.Unix(int64(rng.IntN(3)*1000), 0)}
		for g := range 3 {
			if rng.IntN(2) == 0 {
				in.Groups = append(in.Groups, fmt.Sprintf("sg-%d", g))
			}
		}
		e.Interfaces[in.ID] = in
	}
	addrs := []netip.Addr{netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("192.168.0.1")}
	for i := range 10 {
		addrs = append(addrs, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
	}
	var convs []orient.Conversation
	for range 60 {
		c := orient.Conversation{Key: orient.Key{
			Day: int32(rng.IntN(3)), Interface: fmt.Sprintf("eni-%d", rng.IntN(6)), Direction: analyze.Direction(1 + rng.IntN(2)),
			Peer: addrs[rng.IntN(len(addrs))], Proto: 6, Port: uint16(rng.IntN(9)), Action: analyze.Action(1 + rng.IntN(2)),
		}, First: int64(1000 + rng.IntN(3000)), Orientation: analyze.OwnFlags}
		c.Last = c.First + 60
		c.Counters[rng.IntN(int(analyze.NumStrengths))] = orient.Counter{Flows: 1, Packets: 3, Bytes: 100}
		convs = append(convs, c)
	}
	return e, convs
}

// TestOpenSide: where the evidence leaves the local side open the estate decides; where it cannot, both readings stand.
func TestOpenSide(t *testing.T) {
	a, b, c := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")
	e := &estate.Estate{Groups: map[string]*estate.Group{"sg-0": {ID: "sg-0"}}, Interfaces: map[string]*estate.Interface{
		"eni-a": {ID: "eni-a", Primary: a, Addrs: []netip.Addr{a}, Groups: []string{"sg-0"}},
	}}
	tests := []struct {
		service, client netip.Addr
		want            string
	}{
		{a, b, "ingress 10.0.0.2 flags"},
		{b, a, "egress 10.0.0.2 flags"},
		{b, c, "ingress 10.0.0.3 ambiguous, egress 10.0.0.2 ambiguous"},
	}
	for _, tt := range tests {
		conv := orient.Conversation{Key: orient.Key{Interface: "eni-a", Local: tt.service, Peer: tt.client, Proto: 6, Port: 443, Action: analyze.Accept}, Orientation: analyze.OwnFlags}
		conv.Counters[analyze.Established].Flows = 1
		r, err := Join(Input{Index: estate.NewIndex(e), Estate: e, Conversations: sequence([]orient.Conversation{conv})})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range r.Flows {
			got = append(got, fmt.Sprint(f.Direction, " ", f.Peer, " ", f.Orientation))
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("service %s, client %s (-want +got):\n%s", tt.service, tt.client, diff)
		}
	}
}
