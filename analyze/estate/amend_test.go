package estate

import (
	"net/netip"
	"testing"
)

// BenchmarkAmended is a node's interface to which pods' addresses come and go, 20,000 times.
func BenchmarkAmended(b *testing.B) {
	first := netip.MustParseAddr("10.0.0.1")
	i := &Interface{ID: "eni-1", Primary: first, Addrs: []netip.Addr{first}}
	marks := []mark[Interface]{{origin: fromTrail, begins: true, value: i, key: i.stateKey()}}
	var events []amendment
	for k := range 20000 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 1 + byte(k/2/250%30), byte(k / 2 % 250)}), 32)
		a := amendment{at: int64(100*k + 100), gained: []netip.Prefix{p}}
		if k%2 == 1 {
			a.gained, a.lost = nil, a.gained
		}
		events = append(events, a)
	}
	b.ReportAllocs()
	for b.Loop() {
		if all := terms(amended(marks, events), true); len(all) != 20001 {
			b.Fatalf("%d states", len(all))
		}
	}
}
