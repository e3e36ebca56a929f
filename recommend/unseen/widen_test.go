package unseen

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/recommend/cover"
)

func prefixes(texts ...string) []netip.Prefix {
	out := []netip.Prefix{}
	for _, s := range texts {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// seen is peers by day.
type seen map[string][]int32

func (s seen) on(day int, addrs ...string) seen {
	for _, a := range addrs {
		s[a] = append(s[a], int32(day))
	}
	return s
}

func (s seen) peers() []Peer {
	var out []Peer
	for a, d := range s {
		out = append(out, Peer{netip.MustParseAddr(a), d})
	}
	return out
}

// daily is the peers on every day of n.
func (s seen) daily(n int, addrs ...string) seen {
	for d := range n {
		s.on(d, addrs...)
	}
	return s
}

// office is a /26 of which some new and old addresses come every day.
func (s seen) office(seed uint64, days, perDay int, network string) seen {
	r := rand.New(rand.NewPCG(seed, 1))
	base := netip.MustParsePrefix(network)
	for d := range days {
		for range perDay {
			b := base.Addr().As4()
			b[3] += byte(r.IntN(1 << (32 - base.Bits())))
			if a := netip.AddrFrom4(b).String(); !slices.Contains(s[a], int32(d)) {
				s.on(d, a)
			}
		}
	}
	return s
}

func TestWiden(t *testing.T) {
	churn, sequence, rotation, deployed := seen{}, seen{}, seen{}, seen{}
	r := rand.New(rand.NewPCG(9, 9))
	for i := range 90 { // three hosts a time, each for three days, anywhere in a /22
		for _, d := range []int{i, i + 1, i + 2} {
			churn.on(d, fmt.Sprintf("10.1.%d.%d", i*7%4, 1+(i*37+i/7)%250))
		}
		sequence.on(i, fmt.Sprintf("10.1.%d.%d", i/250, 4+i%250))
		rotation.on(i, fmt.Sprintf("10.3.%d.%d", i/30, 10+i/30*80), fmt.Sprintf("10.3.%d.%d", i/30, 17+i/30*90))
		deployed.on(i, "10.1.0.5")
		if i >= 50 {
			deployed.on(i, "10.1.0.77")
		}
	}
	stride := seen{}
	for d := range 92 {
		stride.on(d, fmt.Sprintf("10.4.4.%d", 64+d*7%64))
	}
	six := seen{}
	for d := range 60 {
		six.on(d, fmt.Sprintf("2001:db8::%x:%x:%x:%x", r.IntN(65536), r.IntN(65536), r.IntN(65536), r.IntN(65536)))
	}
	for _, tt := range []struct {
		name  string
		in    seen
		known string
		bound Share
		want  []netip.Prefix
	}{
		{"two fixed batch hosts stay two", seen{}.daily(45, "10.0.0.4", "10.0.9.9"), "", Balanced, prefixes("10.0.0.4/32", "10.0.9.9/32")},
		{"side by side too", seen{}.daily(45, "10.0.0.4", "10.0.0.5"), "10.0.0.0/24", Loose, prefixes("10.0.0.4/32", "10.0.0.5/32")},
		{"in turn", seen{}.on(0, "10.0.0.4").on(1, "10.0.0.9").on(2, "10.0.0.4").on(3, "10.0.0.9"), "", Loose, prefixes("10.0.0.4/32", "10.0.0.9/32")},
		{"an office becomes its /26, strict", seen{}.office(1, 45, 3, "10.2.3.64/26"), "", Strict, prefixes("10.2.3.64/26")},
		{"an office becomes its /26, balanced", seen{}.office(1, 45, 3, "10.2.3.64/26"), "", Balanced, prefixes("10.2.3.64/26")},
		{"an office becomes its /26, loose", seen{}.office(1, 45, 3, "10.2.3.64/26"), "", Loose, prefixes("10.2.3.64/26")},
		{"one address a day", seen{}.office(2, 40, 1, "10.2.3.64/26"), "", Balanced, prefixes("10.2.3.64/26")},
		{"each address in turn", stride, "", Balanced, prefixes("10.4.4.64/26")},
		{"the office and two batch hosts", seen{}.office(1, 45, 3, "10.2.3.64/26").daily(45, "10.2.9.4", "10.2.9.30"), "", Balanced,
			prefixes("10.2.3.64/26", "10.2.9.4/32", "10.2.9.30/32")},
		{"two offices", seen{}.office(1, 45, 3, "10.2.3.64/26").office(2, 45, 3, "10.200.0.0/27"), "", Balanced, prefixes("10.2.3.64/26", "10.200.0.0/27")},
		{"a known network around", seen{}.office(3, 45, 1, "10.2.3.64/26"), "10.2.3.0/25", Balanced, prefixes("10.2.3.0/25")},
		{"a known network around few", seen{}.on(0, "10.2.3.70").on(1, "10.2.3.8").on(2, "10.2.3.100"), "10.2.3.0/25", Balanced, prefixes("10.2.3.0/25")},
		{"one visitor among many, strict", seen{}.daily(45, "10.2.3.4").on(7, "10.9.9.9"), "", Strict, prefixes("10.2.3.4/32", "10.9.9.9/32")},
		{"one visitor among many, loose, nothing around", seen{}.daily(45, "10.2.3.4").on(7, "10.9.9.9"), "", Loose, prefixes("10.0.0.0/8", "2001:db8::/32")[:1]},
		{"hosts that come and go", churn, "", Balanced, prefixes("10.1.0.0/22")},
		{"one address after the other explains no next one; the LAN does", sequence, "", Balanced, prefixes("10.1.0.0/24")},
		{"hosts replaced every month, each time elsewhere", rotation, "", Balanced, prefixes("10.0.0.0/8")},
		{"one deployment in the middle is no turnover", deployed, "", Balanced, prefixes("10.1.0.5/32", "10.1.0.77/32")},
		{"one day says nothing", seen{}.on(3, "10.0.0.4", "10.0.0.5"), "", Strict, prefixes("10.0.0.0/8")},
		{"IPv6 hosts with private addresses become their /64", six, "", Balanced, prefixes("2001:db8::/64")},
		{"nobody", seen{}, "", Balanced, prefixes()},
	} {
		opt := Options{Within: prefixes("10.0.0.0/8", "2001:db8::/32"), Bound: tt.bound}
		if tt.known != "" {
			opt.Known = prefixes(tt.known)
		}
		got, err := Widen(tt.in.peers(), opt)
		if err != nil || !slices.Equal(got.Prefixes, tt.want) {
			t.Errorf("%s: got %v (%+v), %v; want %v", tt.name, got.Prefixes, got, err, tt.want)
		}
		if got.Judged && got.Loss >= tt.bound {
			t.Errorf("%s: loss %s, want below %s", tt.name, got.Loss, tt.bound)
		}
	}
}

// Of networks that would do, those are taken that let in nobody who is rejected; nobody who was seen is left out for it.
func TestWidenAgainstRejects(t *testing.T) {
	in := seen{}.office(1, 45, 3, "10.2.3.64/27").office(2, 45, 3, "10.2.3.192/27").peers()
	for _, tt := range []struct {
		rejected string
		want     []netip.Prefix
	}{
		{"10.2.9.9", prefixes("10.2.3.0/24")},
		{"10.2.3.150", prefixes("10.2.3.64/27", "10.2.3.192/27")},
		{in[0].Addr.String(), prefixes("10.2.3.0/24")},
	} {
		got, err := Widen(in, Options{Within: prefixes("10.0.0.0/8"), Bound: Balanced, Unwanted: []netip.Addr{netip.MustParseAddr(tt.rejected)}})
		if err != nil || !slices.Equal(got.Prefixes, tt.want) {
			t.Errorf("%s rejected: got %v, %v; want %v", tt.rejected, got.Prefixes, err, tt.want)
		}
	}
}

func TestWidenErrors(t *testing.T) {
	for _, tt := range []struct {
		peers []Peer
		opt   Options
	}{
		{seen{}.on(1, "10.0.0.1").peers(), Options{}},
		{seen{}.on(1, "11.0.0.1").peers(), Options{Within: prefixes("10.0.0.0/8")}},
		{seen{}.on(1, "10.0.0.1").peers(), Options{Within: prefixes("10.0.0.0/8"), Bound: -1}},
		{[]Peer{{Addr: netip.MustParseAddr("10.0.0.1")}}, Options{Within: prefixes("10.0.0.0/8")}},
	} {
		if got, err := Widen(tt.peers, tt.opt); err == nil {
			t.Errorf("%+v: got %+v, want an error", tt, got)
		}
	}
	for _, bad := range [][]cover.PortUse{{{Port: 5}}, {{Port: 5, Days: []int32{1}}}} {
		if got, err := WidenPorts(bad, PortOptions{Cover: cover.PortOptions{Within: []analyze.PortRange{{First: 6, Last: 9}}}}); err == nil {
			t.Errorf("%v: got %+v, want an error", bad, got)
		}
	}
	if _, err := Bound("careless"); err == nil {
		t.Error("an unknown level: want an error")
	}
}

// Whatever comes in, every peer is covered, inside the old prefixes, in any order of the input, and a smaller bound never
// gives a greater expected loss than allowed.
func TestWidenProperties(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		within := prefixes("10.0.0.0/16", "10.1.0.0/20", "10.1.0.0/24", "fd00::/48")
		s := seen{}
		for range 1 + r.IntN(40) {
			a := fmt.Sprintf("10.0.%d.%d", r.IntN(3), r.IntN(64))
			switch r.IntN(4) {
			case 0:
				a = fmt.Sprintf("10.1.%d.%d", r.IntN(16), r.IntN(8))
			case 1:
				a = fmt.Sprintf("fd00::%x:0:0:%x", r.IntN(2), r.IntN(16))
			}
			s.on(r.IntN(30), a)
		}
		peers, bound := s.peers(), []Share{Strict, Balanced, Loose}[r.IntN(3)]
		opt := Options{Within: within, Known: prefixes("10.0.1.0/26", "10.0.0.0/21"), Bound: bound}
		slices.SortFunc(peers, func(a, b Peer) int { return a.Addr.Compare(b.Addr) })
		got, err := Widen(peers, opt)
		if err != nil || got.Judged && got.Loss >= bound {
			t.Fatalf("seed %d: got %+v, %v", seed, got, err)
		}
		for _, p := range peers {
			if !slices.ContainsFunc(got.Prefixes, func(c netip.Prefix) bool { return c.Contains(p.Addr) }) {
				t.Fatalf("seed %d: %v is not in %v", seed, p.Addr, got.Prefixes)
			}
		}
		for _, c := range got.Prefixes {
			if !slices.ContainsFunc(within, func(w netip.Prefix) bool { return cover.Contains(w, c) }) {
				t.Fatalf("seed %d: %v is in none of %v", seed, c, within)
			}
		}
		r.Shuffle(len(peers), func(i, j int) { peers[i], peers[j] = peers[j], peers[i] })
		for _, p := range peers {
			r.Shuffle(len(p.Days), func(i, j int) { p.Days[i], p.Days[j] = p.Days[j], p.Days[i] })
		}
		if again, err := Widen(peers, opt); err != nil || !slices.Equal(got.Prefixes, again.Prefixes) || got.Exact != again.Exact {
			t.Fatalf("seed %d: shuffled: got %+v, %v; want %+v", seed, again, err, got)
		}
	}
}

func drawn(seed uint64, n int, days int32, r analyze.PortRange) []cover.PortUse {
	rnd := rand.New(rand.NewPCG(seed, 2))
	var out []cover.PortUse
	for i := range n {
		out = append(out, cover.PortUse{Port: r.First + uint16(rnd.IntN(r.Len())), Days: []int32{int32(i) % days}})
	}
	return out
}

func daily(days int32, ports ...uint16) []cover.PortUse {
	var out []cover.PortUse
	for _, p := range ports {
		for d := range days {
			out = append(out, cover.PortUse{Port: p, Days: []int32{d}})
		}
	}
	return out
}

func TestWidenPorts(t *testing.T) {
	rpc := analyze.PortRange{First: 49152, Last: 65535}
	var next []cover.PortUse
	for i := range int32(40) {
		next = append(next, cover.PortUse{Port: uint16(20000 + 3*i), Days: []int32{i}})
	}
	for _, tt := range []struct {
		name   string
		in     []cover.PortUse
		within string
		want   string
	}{
		{"three fixed ports stay three", daily(30, 80, 443, 8443), "*", "[80 443 8443]"},
		{"400 RPC ports that keep coming become the range", drawn(1, 400, 30, rpc), "*", "[49152-65535]"},
		{"beside them fixed ports stay", append(drawn(1, 400, 30, rpc), daily(30, 135, 443)...), "*", "[135 443 49152-65535]"},
		{"cut to the old rule", drawn(1, 400, 30, analyze.PortRange{First: 50000, Last: 60000}), "50000-60000", "[50000-60000]"},
		{"too few for a range: the old one stays", drawn(1, 10, 10, rpc), "1024-65535", "[1024-65535]"},
		{"one day says nothing", daily(1, 80, 443), "1-1000", "[1-1000]"},
		{"a range that wanders on does not explain its next port", next, "1024-65535", "[1024-65535]"},
		{"none", nil, "*", "[]"},
	} {
		within, err := analyze.ParsePortRange(tt.within)
		if err != nil {
			t.Fatal(err)
		}
		got, err := WidenPorts(tt.in, PortOptions{Cover: cover.PortOptions{Within: []analyze.PortRange{within}}})
		if err != nil || fmt.Sprint(got.Ranges) != tt.want {
			t.Errorf("%s: got %v (%+v), %v; want %s", tt.name, got.Ranges, got, err, tt.want)
		}
	}
}
