package estate

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
)

// manyInterfaces has n interfaces in 50 VPCs of one transit gateway, and two groups for every hundred interfaces.
func manyInterfaces(n int) *Estate {
	e := &Estate{Groups: map[string]*Group{}, Interfaces: map[string]*Interface{}, VPCs: map[string]*VPC{}, AssociationsKnown: true}
	for v := range 50 {
		id := fmt.Sprint("vpc-", v)
		e.VPCs[id] = &VPC{ID: id, Owner: "A", Region: "r", CIDRs: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(v), 0, 0}), 16)}}
		e.Transit = append(e.Transit, &TransitAttachment{ID: "a-" + id, TransitGateway: "tgw", VPC: id, State: "available", GroupReferences: true})
	}
	for k := range n {
		v, host := k%50, k/50
		i := &Interface{ID: fmt.Sprintf("eni-%06d", k), Owner: "A", Region: "r", VPC: fmt.Sprint("vpc-", v), Type: "interface", InstanceID: fmt.Sprint("i-", k)}
		i.Addrs = []netip.Addr{netip.AddrFrom4([4]byte{10, byte(v), byte(host / 250), byte(host%250 + 1)})}
		for _, g := range []string{fmt.Sprint("sg-", v, "-", host/100), fmt.Sprint("sg-", v, "-all")} {
			i.Groups = append(i.Groups, g)
			e.Groups[g] = &Group{ID: g, VPC: i.VPC, Owner: "A", Region: "r"}
		}
		e.Interfaces[i.ID] = i
	}
	return e
}

func BenchmarkNewIndex100k(b *testing.B) {
	e := manyInterfaces(100_000)
	b.ReportAllocs()
	for b.Loop() {
		NewIndex(e)
	}
}

func BenchmarkPlace(b *testing.B) {
	x := NewIndex(manyInterfaces(100_000))
	subject := x.Subject("eni-000000")
	peers := map[string]func(k int) netip.Addr{
		"own VPC":        func(k int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(k / 256), byte(k)}) },
		"across the TGW": func(k int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(1 + k%49), byte(k / 256), byte(k)}) },
		"Internet":       func(k int) netip.Addr { return netip.AddrFrom4([4]byte{8, byte(k >> 16), byte(k >> 8), byte(k)}) },
	}
	for _, name := range sortedKeys(peers) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			k := 0
			for b.Loop() {
				x.Place(subject, peers[name](k), spring, july)
				k++
			}
		})
	}
	b.Run("match a reference", func(b *testing.B) {
		r := rule(b, "sg-0-0", analyze.Ingress, "tcp 443 sg-0-all")
		b.ReportAllocs()
		k := 0
		for b.Loop() {
			x.MatchPeer(r, subject, peers["own VPC"](k), spring, july)
			k++
		}
	})
}
