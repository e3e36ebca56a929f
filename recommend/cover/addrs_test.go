package cover

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

func prefixes(texts ...string) []netip.Prefix {
	out := []netip.Prefix{}
	for _, s := range texts {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range texts {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestAddrs(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []netip.Addr
		opt  Options
		want []netip.Prefix
	}{
		{"none", nil, Options{}, prefixes()},
		{"zero options give exact hosts, siblings too", addrs("10.0.0.4", "10.0.0.5", "2001:db8::1", "10.0.0.4"), Options{},
			prefixes("10.0.0.4/32", "10.0.0.5/32", "2001:db8::1/128")},
		{"a rule cost of 1 joins without unseen addresses", addrs("10.0.0.4", "10.0.0.5", "10.0.0.7", "2001:db8::2", "2001:db8::3"), Options{RuleCost: 1},
			prefixes("10.0.0.4/31", "10.0.0.7/32", "2001:db8::2/127")},
		{"one unseen address is worth two rules", addrs("10.0.0.4", "10.0.0.5", "10.0.0.7"), Options{RuleCost: 2}, prefixes("10.0.0.4/30")},
		{"a preferred network before a tighter aggregate", addrs("10.0.0.1", "10.0.0.20", "10.0.0.40", "10.0.0.41"),
			Options{RuleCost: 8, Preferred: prefixes("10.0.0.0/26")}, prefixes("10.0.0.0/26")},
		{"within cuts an aggregate", addrs("10.0.0.1", "10.0.0.2"), Options{RuleCost: 100, Within: prefixes("10.0.0.0/31", "10.0.0.2/31")},
			prefixes("10.0.0.1/32", "10.0.0.2/32")},
		{"a floor cuts an aggregate", addrs("10.0.0.1", "10.0.0.2", "10.0.0.200"), Options{RuleCost: 1000, MinBits4: 25}, prefixes("10.0.0.0/30", "10.0.0.200/32")},
		{"the bound takes both families together", addrs("10.0.0.1", "10.0.0.2", "fd00::1", "fd00::9"), Options{MaxPrefixes: 3},
			prefixes("10.0.0.0/30", "fd00::1/128", "fd00::9/128")},
		{"a mapped address is IPv4", addrs("::ffff:10.0.0.1"), Options{}, prefixes("10.0.0.1/32")},
		{"the whole space", addrs("0.0.0.0", "255.255.255.255", "::", "ffff::"), Options{MaxPrefixes: 2}, prefixes("0.0.0.0/0", "::/0")},
	} {
		got, err := Addrs(tt.in, tt.opt)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestAddrsErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []netip.Addr
		opt  Options
	}{
		{"outside", addrs("10.1.0.1"), Options{Within: prefixes("10.0.0.0/16")}},
		{"no address", []netip.Addr{{}}, Options{}},
		{"zone", addrs("fe80::1%eth0"), Options{}},
		{"negative cost", addrs("10.0.0.1"), Options{RuleCost: -1}},
		{"bad prefix", addrs("10.0.0.1"), Options{Preferred: []netip.Prefix{{}}}},
	} {
		if got, err := Addrs(tt.in, tt.opt); err == nil {
			t.Errorf("%s: got %v, want an error", tt.name, got)
		}
	}
	_, err := Addrs(addrs("10.0.0.1", "fd00::1"), Options{MaxPrefixes: 1})
	if !errors.Is(err, ErrTooMany) {
		t.Errorf("two families in one prefix: got %v, want ErrTooMany", err)
	}
}

// every lists every cover of the seen hosts by prefixes of the tree below p: the brute force of small worlds.
func every(p netip.Prefix, seen []netip.Addr, yield func([]netip.Prefix)) {
	if hosts(seen, p) == 0 {
		yield(nil)
		return
	}
	yield([]netip.Prefix{p})
	if p.IsSingleIP() {
		return
	}
	low := netip.PrefixFrom(p.Addr(), p.Bits()+1)
	b := p.Addr().AsSlice()
	b[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	a, _ := netip.AddrFromSlice(b)
	high := netip.PrefixFrom(a, p.Bits()+1)
	every(low, seen, func(l []netip.Prefix) {
		every(high, seen, func(h []netip.Prefix) { yield(slices.Concat(l, h)) })
	})
}

func hosts(seen []netip.Addr, p netip.Prefix) int {
	n := 0
	for _, a := range seen {
		if p.Contains(a) {
			n++
		}
	}
	return n
}

// priceOf is the stated cost of a cover, written anew; -1 where it is not allowed.
func priceOf(c []netip.Prefix, seen []netip.Addr, opt Options) int64 {
	if opt.MaxPrefixes > 0 && len(c) > opt.MaxPrefixes {
		return -1
	}
	var sum int64
	for _, p := range c {
		allowed := len(opt.Within) == 0
		for _, w := range opt.Within {
			if w.Overlaps(p) && w.Bits() <= p.Bits() {
				allowed = true
			}
		}
		floor := opt.MinBits4
		if p.Addr().Is6() {
			floor = opt.MinBits6
		}
		if !allowed || p.Bits() < floor {
			return -1
		}
		unseen := int64(1)<<(p.Addr().BitLen()-p.Bits()) - int64(hosts(seen, p))
		if slices.Contains(opt.Preferred, p) {
			unseen >>= opt.PreferredShift
		}
		for i, a := range opt.Unwanted {
			if p.Contains(a) && !slices.Contains(seen, a) && !slices.Contains(opt.Unwanted[:i], a) {
				unseen++
			}
		}
		sum += opt.RuleCost + unseen
		if opt.Losses != nil && p.Addr().Is4() {
			sum += opt.LossPrice * opt.Losses(p)
		}
	}
	return sum
}

// smallWorld is a random tree of 4 or 5 bits in either family, with random hosts and options.
func smallWorld(r *rand.Rand) (netip.Prefix, []netip.Addr, Options) {
	bits := 4 + r.IntN(8)/7
	root := netip.PrefixFrom(netip.MustParseAddr("10.0.0.32"), 32-bits)
	if r.IntN(2) == 0 {
		root = netip.PrefixFrom(netip.MustParseAddr("fd00::ffe0"), 128-bits)
	}
	at := func(i int) netip.Addr {
		a := root.Addr()
		for range i {
			a = a.Next()
		}
		return a
	}
	part := func() netip.Prefix {
		return netip.PrefixFrom(at(r.IntN(1<<bits)), root.Bits()+r.IntN(bits+1)).Masked()
	}
	var seen []netip.Addr
	for range 1 + r.IntN(10) {
		seen = append(seen, at(r.IntN(1<<bits)))
	}
	slices.SortFunc(seen, netip.Addr.Compare)
	seen = slices.Compact(seen)
	opt := Options{RuleCost: int64(r.IntN(8)), PreferredShift: 1 + r.IntN(3), MaxPrefixes: r.IntN(6)}
	for range r.IntN(4) {
		opt.Preferred = append(opt.Preferred, part())
	}
	if root.Addr().Is4() && r.IntN(2) == 0 {
		opt.LossPrice = int64(r.IntN(9))
		opt.Losses = func(p netip.Prefix) int64 { return int64(p.Addr().As4()[3]+7*byte(p.Bits())) % 5 }
		for b := range bits + 1 { // the price is not monotonous, so every prefix may be the best
			for i := range 1 << bits {
				opt.Networks = append(opt.Networks, netip.PrefixFrom(at(i), root.Bits()+b).Masked())
			}
		}
	}
	if r.IntN(3) == 0 {
		for range 1 + r.IntN(6) {
			opt.Unwanted = append(opt.Unwanted, at(r.IntN(1<<bits)))
		}
	}
	if r.IntN(3) == 0 {
		opt.MinBits4, opt.MinBits6 = 32-bits+r.IntN(bits+1), 128-bits+r.IntN(bits+1)
	}
	if r.IntN(3) == 0 {
		for range 3 {
			opt.Within = append(opt.Within, part())
		}
		seen = slices.DeleteFunc(seen, func(a netip.Addr) bool {
			return !slices.ContainsFunc(opt.Within, func(w netip.Prefix) bool { return w.Contains(a) })
		})
	}
	return root, seen, opt
}

func TestAddrsAgainstEveryCover(t *testing.T) {
	for seed := range uint64(1500) {
		root, seen, opt := smallWorld(rand.New(rand.NewPCG(seed, 1)))
		least := int64(-1)
		every(root, seen, func(c []netip.Prefix) {
			if p := priceOf(c, seen, opt); p >= 0 && (least < 0 || p < least) {
				least = p
			}
		})
		got, err := Addrs(seen, opt)
		if least < 0 {
			if !errors.Is(err, ErrTooMany) {
				t.Fatalf("seed %d: got %v, %v; want ErrTooMany", seed, got, err)
			}
			continue
		}
		if err != nil || priceOf(got, seen, opt) != least {
			t.Fatalf("seed %d: hosts %v options %+v: got %v at %d, %v; the least is %d", seed, seen, opt, got, priceOf(got, seen, opt), err, least)
		}
		for _, a := range seen {
			if !slices.ContainsFunc(got, func(p netip.Prefix) bool { return p.Contains(a) }) {
				t.Fatalf("seed %d: %v does not hold %v", seed, got, a)
			}
		}
	}
}

// greedy joins the two neighbours whose common prefix adds fewest addresses until few enough are left: what other tools do.
func greedy(seen []netip.Addr, most int) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range seen {
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
	}
	for len(out) > most {
		best := 0
		for i := 1; i+1 < len(out); i++ {
			if common(out[i].Addr(), out[i+1].Addr()).Bits() > common(out[best].Addr(), out[best+1].Addr()).Bits() {
				best = i
			}
		}
		p := common(out[best].Addr(), out[best+1].Addr())
		out = slices.DeleteFunc(out, func(o netip.Prefix) bool { return Contains(p, o) })
		i, _ := slices.BinarySearchFunc(out, p, comparePrefixes)
		out = slices.Insert(out, i, p)
	}
	return out
}

func addresses(ps []netip.Prefix) (n uint64) {
	for _, p := range ps {
		n += size(p).lo
	}
	return n
}

// One tool makes 65,246 addresses of 100 hosts scattered over a /16.
func TestHundredHostsStayFew(t *testing.T) {
	r := rand.New(rand.NewPCG(100, 1))
	var seen []netip.Addr
	for range 100 {
		seen = append(seen, netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(256)), byte(r.IntN(256))}))
	}
	slices.SortFunc(seen, netip.Addr.Compare)
	seen = slices.Compact(seen)
	got, err := Addrs(seen, Options{RuleCost: 16})
	if n := addresses(got); err != nil || n > 300 {
		t.Errorf("100 hosts at 16 addresses a rule: got %d addresses in %d rules, %v; want at most 300", n, len(got), err)
	}
	for _, most := range []int{60, 40, 20, 10} {
		got, err := Addrs(seen, Options{MaxPrefixes: most})
		other := greedy(seen, most)
		if err != nil || len(got) > most || addresses(got) > addresses(other) {
			t.Errorf("at most %d rules: got %d addresses in %d rules, %v; greedy has %d in %d", most, addresses(got), len(got), err, addresses(other), len(other))
		}
		t.Logf("at most %2d rules: optimal %5d addresses, greedy %5d, hosts %d", most, addresses(got), addresses(other), len(seen))
	}
}

func BenchmarkAddrs(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 5))
	var seen []netip.Addr
	for range 20000 {
		seen = append(seen, netip.AddrFrom4([4]byte{10, byte(r.IntN(8)), byte(r.IntN(256)), byte(r.IntN(256))}))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Addrs(seen, Options{RuleCost: 16, MaxPrefixes: 200}); err != nil {
			b.Fatal(err)
		}
	}
}
