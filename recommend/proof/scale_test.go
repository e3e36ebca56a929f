package proof

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// bigWorld has 2,500 groups of 24 rules and 10,000 interfaces with 4 groups each; a third of the rules is narrowed.
func bigWorld() Input {
	r := rand.New(rand.NewPCG(1, 1))
	e := mkEstate()
	in := Input{Estate: e}
	group := func() string { return fmt.Sprintf("sg-%04d", r.IntN(2500)) }
	for g := range 2500 {
		id := fmt.Sprintf("sg-%04d", g)
		e.Groups[id] = &estate.Group{ID: id, VPC: "vpc-1"}
		for n := range 24 {
			rule := bigRule(r, id, n, group)
			e.Groups[id].Rules = append(e.Groups[id].Rules, rule)
			if n%3 == 0 {
				c := Change{ID: rule.ID, GroupID: id, Direction: rule.Direction, Old: []analyze.Rule{rule}, Review: n == 3}
				if p := rule.Peer.Prefix; p.IsValid() && p.Bits() < 32 {
					for _, bits := range []int{p.Bits() + 1, p.Bits() + 2} {
						rule.Peer.Prefix = netip.PrefixFrom(p.Addr(), bits)
						c.New = append(c.New, rule)
					}
				}
				in.Changes = append(in.Changes, c)
			}
		}
	}
	for i := range 10000 {
		n := &estate.Interface{ID: fmt.Sprintf("eni-%05d", i), VPC: "vpc-1", Addrs: []netip.Addr{bigAddr(i)}}
		for range 4 {
			n.Groups = append(n.Groups, group())
		}
		e.Interfaces[n.ID] = n
	}
	return in
}

func bigAddr(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func bigRule(r *rand.Rand, group string, n int, other func() string) analyze.Rule {
	port := uint16(r.IntN(100))
	rule := analyze.Rule{ID: fmt.Sprint(group, "-", n), RuleKey: analyze.RuleKey{GroupID: group, Direction: analyze.Ingress,
		Service: analyze.PortService(analyze.TCP, analyze.PortRange{First: port, Last: port + uint16(r.IntN(20))})}}
	switch n % 6 {
	case 0, 1, 2:
		rule.Peer.Prefix = netip.PrefixFrom(bigAddr(r.IntN(1<<17)), 8+r.IntN(20)).Masked()
	case 3, 4:
		rule.Peer.GroupID = other()
	case 5:
		rule.Direction = analyze.Egress
		rule.Peer.Prefix = netip.PrefixFrom(bigAddr(0), 8+r.IntN(8)).Masked()
	}
	return rule
}

// bigTraffic yields n conversations, nearly all distinct.
func bigTraffic(n int) func(yield func(orient.Conversation, error) bool) {
	return func(yield func(orient.Conversation, error) bool) {
		r := rand.New(rand.NewPCG(2, 2))
		ids := make([]string, 10000)
		for i := range ids {
			ids[i] = fmt.Sprintf("eni-%05d", i)
		}
		c := mkTraffic("eni-0 ingress tcp 1 10.0.0.1")
		for i := range n {
			c.Interface, c.Day = ids[i%len(ids)], int32(i/100000)
			c.Direction = analyze.Ingress + analyze.Direction(i/7%2)
			c.Peer, c.Port = bigAddr(r.IntN(1<<17)), uint16(r.IntN(120))
			if !yield(c, nil) {
				return
			}
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	in := bigWorld()
	const n = 1_000_000
	in.Conversations = bigTraffic(n)
	b.ReportAllocs()
	for b.Loop() {
		if res, err := Check(in); err != nil || res.Needs < n/2 {
			b.Fatal(res.Needs, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)/float64(b.N), "ns/conversation")
}
