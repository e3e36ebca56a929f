package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/sgtrim/sgtrim/recommend/cover"
)

// coverFigure is one line on the sizes of covers.
type coverFigure struct {
	name, text string
	right      bool
}

// The small cases are hosts of a /29, where all 677 covers can be tried; the large ones are hosts of a /16 that come in networks,
// as many rules as a change may become.
const (
	smallCases = 2000
	mostRules  = 10
	ruleCost   = 16 // in unseen addresses
)

var (
	small = netip.MustParsePrefix("10.0.0.0/29")
	large = netip.MustParsePrefix("10.1.0.0/16")
)

func coverFigures() ([]coverFigure, error) {
	rnd := rand.New(rand.NewPCG(1, 2))
	same := 0
	for range smallCases {
		hosts := someHosts(rnd, small, 1+rnd.IntN(8))
		got, err := cover.Addrs(hosts, cover.Options{Within: []netip.Prefix{small}, RuleCost: 2})
		if err != nil {
			return nil, err
		}
		if costOf(got, len(hosts), 2) == cheapest(small, hosts, 2) {
			same++
		}
	}
	out := []coverFigure{{
		name: "small: as cheap as the best of all covers, by brute force", right: same == smallCases,
		text: fmt.Sprintf("%d of %d cases", same, smallCases),
	}}
	for _, hosts := range []int{50, 200, 800} {
		f, err := largeCase(rnd, hosts)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// largeCase compares with one /32 a host, and with merging the cheapest neighbours until the rules are few enough.
func largeCase(rnd *rand.Rand, n int) (coverFigure, error) {
	hosts := clustered(rnd, n)
	best, err := cover.Addrs(hosts, cover.Options{Within: []netip.Prefix{large}, RuleCost: ruleCost, MaxPrefixes: mostRules})
	if err != nil {
		return coverFigure{}, err
	}
	merged := greedy(hosts, len(best))
	a, g := size(best), size(merged)
	return coverFigure{
		name: fmt.Sprintf("%d hosts of a /16, rules and addresses: naive · greedy · optimal", len(hosts)), right: a <= g && len(best) <= mostRules,
		text: fmt.Sprintf("%d, %d · %d, %.0f · %d, %.0f", len(hosts), len(hosts), len(merged), g, len(best), a),
	}, nil
}

func someHosts(rnd *rand.Rand, in netip.Prefix, n int) []netip.Addr {
	set := map[netip.Addr]bool{}
	for len(set) < n {
		set[nth(in, rnd.IntN(1<<(32-in.Bits())))] = true
	}
	return sorted(set)
}

// clustered are hosts of some networks of different sizes.
func clustered(rnd *rand.Rand, n int) []netip.Addr {
	set := map[netip.Addr]bool{}
	for len(set) < n {
		lan, _ := nth(large, rnd.IntN(1<<16)).Prefix(23 + rnd.IntN(5))
		for range 1 + rnd.IntN(n/5) {
			if len(set) < n {
				set[nth(lan, rnd.IntN(1<<(32-lan.Bits())))] = true
			}
		}
	}
	return sorted(set)
}

func nth(p netip.Prefix, i int) netip.Addr {
	a := p.Addr().As4()
	v := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3]) + uint32(i)
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

func sorted(set map[netip.Addr]bool) []netip.Addr {
	out := make([]netip.Addr, 0, len(set))
	for a := range set {
		out = append(out, a)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// cheapest tries every cover of the hosts by prefixes of a network.
func cheapest(in netip.Prefix, hosts []netip.Addr, rule int) float64 {
	inside := slices.DeleteFunc(slices.Clone(hosts), func(a netip.Addr) bool { return !in.Contains(a) })
	if len(inside) == 0 {
		return 0
	}
	whole := float64(rule) + math.Ldexp(1, 32-in.Bits()) - float64(len(inside))
	if in.IsSingleIP() {
		return whole
	}
	low := netip.PrefixFrom(in.Addr(), in.Bits()+1)
	high := netip.PrefixFrom(nth(in, 1<<(31-in.Bits())), in.Bits()+1)
	return min(whole, cheapest(low, inside, rule)+cheapest(high, inside, rule))
}

func costOf(cover []netip.Prefix, hosts, rule int) float64 {
	return float64(rule*len(cover)) + size(cover) - float64(hosts)
}

func size(ps []netip.Prefix) float64 {
	n := 0.0
	for _, p := range ps {
		n += math.Ldexp(1, 32-p.Bits())
	}
	return n
}

// greedy joins, again and again, the two neighbours whose common prefix is smallest.
func greedy(hosts []netip.Addr, most int) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range hosts {
		out = append(out, netip.PrefixFrom(a, 32))
	}
	for len(out) > most {
		at, best := 0, netip.Prefix{}
		for i := 1; i < len(out); i++ {
			if p := common(out[i-1], out[i]); !best.IsValid() || p.Bits() > best.Bits() {
				at, best = i-1, p
			}
		}
		out = append(out[:at], append([]netip.Prefix{best}, slices.DeleteFunc(slices.Clone(out[at:]), func(p netip.Prefix) bool {
			return best.Contains(p.Addr())
		})...)...)
	}
	return out
}

// common is the smallest prefix that holds both.
func common(a, b netip.Prefix) netip.Prefix {
	for bits := min(a.Bits(), b.Bits()); ; bits-- {
		if p, _ := a.Addr().Prefix(bits); p.Contains(b.Addr()) {
			return p
		}
	}
}
