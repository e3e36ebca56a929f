package cover

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
)

func ranges(texts ...string) []analyze.PortRange {
	out := []analyze.PortRange{}
	for _, s := range texts {
		r, err := analyze.ParsePortRange(s)
		if err != nil {
			panic(err)
		}
		out = append(out, r)
	}
	return out
}

// on is a port used on the given days.
func on(port uint16, days ...int32) PortUse { return PortUse{port, days} }

// daily are ports used on every day of n.
func daily(n int32, ports ...uint16) []PortUse {
	var days []int32
	for d := range n {
		days = append(days, d)
	}
	var out []PortUse
	for _, p := range ports {
		out = append(out, PortUse{p, days})
	}
	return out
}

// drawn are n ports drawn evenly from r, each used on one day, spread over days.
func drawn(seed uint64, n int, days int32, r analyze.PortRange) []PortUse {
	rnd := rand.New(rand.NewPCG(seed, 2))
	var out []PortUse
	for i := range n {
		out = append(out, on(r.First+uint16(rnd.IntN(r.Len())), int32(i)%days))
	}
	return out
}

func TestPorts(t *testing.T) {
	rpc := analyze.PortRange{First: 49152, Last: 65535}
	var every10 []PortUse
	for i := range uint16(30) {
		every10 = append(every10, daily(30, 5000+10*i)...)
	}
	for _, tt := range []struct {
		name string
		in   []PortUse
		opt  PortOptions
		want []analyze.PortRange
	}{
		{"none", nil, PortOptions{}, ranges()},
		{"three fixed ports stay three", daily(30, 80, 443, 8443), PortOptions{}, ranges("80", "443", "8443")},
		{"side by side is one range", daily(30, 8000, 8001, 8002, 8004), PortOptions{}, ranges("8000-8002", "8004")},
		{"port 0 and 65535", daily(30, 0, 65535), PortOptions{}, ranges("0", "65535")},
		{"400 ports that keep coming become the range", drawn(1, 400, 30, rpc), PortOptions{}, ranges("49152-65535")},
		{"beside them a fixed port stays apart", append(drawn(1, 400, 30, rpc), daily(30, 135, 47000)...), PortOptions{}, ranges("135", "47000", "49152-65535")},
		{"cut to the old rule", drawn(1, 400, 30, analyze.PortRange{First: 50000, Last: 60000}),
			PortOptions{Within: ranges("443", "50000-60000")}, ranges("50000-60000")},
		{"19 ports are no range", drawn(1, 19, 19, analyze.PortRange{First: 100, Last: 101})[:1], PortOptions{}, ranges("100")},
		{"30 fixed ports, new on the first day only, stay 30", every10, PortOptions{}, func() []analyze.PortRange {
			var out []analyze.PortRange
			for _, p := range every10 {
				out = append(out, analyze.PortRange{First: p.Port, Last: p.Port})
			}
			return out
		}()},
	} {
		got, err := Ports(tt.in, tt.opt)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
}

// A fixed port beside a range is not drawn into it, though the span would allow it.
func TestPortsGap(t *testing.T) {
	got, err := Ports(append(drawn(1, 400, 30, analyze.PortRange{First: 50000, Last: 60000}), daily(30, 47000)...), PortOptions{})
	if err != nil || len(got) != 2 || got[0] != (analyze.PortRange{First: 47000, Last: 47000}) || got[1].Len() < 9000 || got[1].Len() > 10001 {
		t.Errorf("got %v, %v; want 47000 and most of 50000-60000", got, err)
	}
}

func TestPortsErrors(t *testing.T) {
	for _, opt := range []PortOptions{{Within: ranges("1-10")}, {MinPorts: -1}, {NewDays: 101}, {Known: []analyze.PortRange{{First: 2, Last: 1}}}} {
		if got, err := Ports(daily(1, 443), opt); err == nil {
			t.Errorf("%+v: got %v, want an error", opt, got)
		}
	}
}

// A range from 19 dynamic ports, or from a burst on two days, or over a gap, is refused; each needs its limit.
func TestPortsLimits(t *testing.T) {
	r := analyze.PortRange{First: 20000, Last: 24000}
	distinct := func(in []PortUse) int {
		var ps []uint16
		for _, p := range in {
			ps = append(ps, p.Port)
		}
		slices.Sort(ps)
		return len(slices.Compact(ps))
	}
	for _, tt := range []struct {
		name  string
		in    []PortUse
		opt   PortOptions
		exact bool
	}{
		{"30 ports over 10 days", drawn(3, 30, 10, r), PortOptions{}, false},
		{"18 ports over 9 days", drawn(3, 18, 9, r), PortOptions{}, true},
		{"18 ports where 15 suffice", drawn(3, 18, 9, r), PortOptions{MinPorts: 15}, false},
		{"30 ports over 2 days", drawn(3, 30, 2, r), PortOptions{}, true},
		{"30 ports over 2 days where 2 suffice", drawn(3, 30, 2, r), PortOptions{MinDays: 2}, false},
		{"new ones on a third of the days", append(drawn(3, 30, 10, r), daily(30, 22000)...), PortOptions{}, true},
		{"new ones on a third of the days where a third suffices", append(drawn(3, 30, 10, r), daily(30, 22000)...), PortOptions{NewDays: 33}, false},
		{"a span above the limit", drawn(3, 30, 10, r), PortOptions{MaxSpan: 900}, true},
		{"a cost that prefers ports", drawn(3, 30, 10, r), PortOptions{RuleCost: 10}, true},
	} {
		got, err := Ports(tt.in, tt.opt)
		if err != nil || (len(got) == distinct(tt.in)) != tt.exact {
			t.Errorf("%s: got %v, %v; want exact ports: %v", tt.name, got, err, tt.exact)
		}
	}
}

// The oracle: every way to cut the sorted used ports into stretches, never between two used neighbours of one old range, with
// the rules of PortOptions written anew.
func leastPortCost(ports []PortUse, opt PortOptions) int64 {
	var cut func(rest []PortUse) int64
	cut = func(rest []PortUse) int64 {
		if len(rest) == 0 {
			return 0
		}
		least := int64(-1)
		for n := 1; n <= len(rest); n++ {
			if n < len(rest) && rest[n].Port == rest[n-1].Port+1 && opt.Within[0].Contains(rest[n].Port) == opt.Within[0].Contains(rest[n-1].Port) {
				continue
			}
			if c := stretchCost(rest[:n], opt); c >= 0 {
				if more := cut(rest[n:]); least < 0 || c+more < least {
					least = c + more
				}
			}
		}
		return least
	}
	return cut(ports)
}

// stretchCost is the cost of one range over these ports, -1 where it is not allowed.
func stretchCost(s []PortUse, opt PortOptions) int64 {
	lo, hi := int(s[0].Port), int(s[len(s)-1].Port)
	if !slices.ContainsFunc(opt.Within, func(w analyze.PortRange) bool { return int(w.First) <= lo && hi <= int(w.Last) }) {
		return -1
	}
	span := hi - lo + 1
	if span == len(s) {
		return opt.RuleCost
	}
	days, first, gap := map[int32]bool{}, map[int32]bool{}, 0
	for i, p := range s {
		first[slices.Min(p.Days)] = true
		for _, d := range p.Days {
			days[d] = true
		}
		if i > 0 {
			gap = max(gap, int(p.Port)-int(s[i-1].Port)-1)
		}
	}
	if len(s) < opt.MinPorts || span > opt.MaxSpan || len(days) < opt.MinDays || 100*len(first) < opt.NewDays*len(days) || !evenGap(gap, len(s), span) {
		return -1
	}
	return opt.RuleCost + int64(span-len(s))
}

func TestPortsAgainstEveryCut(t *testing.T) {
	ranged := 0
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 3))
		edge := uint16(10 + r.IntN(30))
		opt := PortOptions{MinPorts: 2 + r.IntN(3), MaxSpan: 5 + r.IntN(30), NewDays: 1 + r.IntN(100), MinDays: 1 + r.IntN(3), RuleCost: 1 + int64(r.IntN(8)),
			Known: []analyze.PortRange{}, Within: []analyze.PortRange{{First: 0, Last: edge}, {First: edge + 1, Last: 45}}}
		var in []PortUse
		for p := range uint16(48) {
			if r.IntN(5) == 0 {
				u := on(p)
				for range 1 + r.IntN(4) {
					u.Days = append(u.Days, int32(r.IntN(8)))
				}
				in = append(in, u)
			}
		}
		if len(in) > 12 {
			in = in[:12]
		}
		in = slices.DeleteFunc(in, func(p PortUse) bool { return !opt.Within[0].Contains(p.Port) && !opt.Within[1].Contains(p.Port) })
		want := leastPortCost(in, opt)
		got, err := Ports(in, opt)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var cost int64
		for _, g := range got {
			var inside []PortUse
			for _, p := range in {
				if g.Contains(p.Port) {
					inside = append(inside, p)
				}
			}
			if len(inside) < g.Len() {
				ranged++
			}
			cost += stretchCost(inside, opt)
		}
		if cost != want {
			t.Fatalf("seed %d: ports %v options %+v: got %v at %d, want %d", seed, in, opt, got, cost, want)
		}
	}
	if ranged < 100 {
		t.Errorf("only %d ranges with unused ports in all worlds: the test shows little", ranged)
	}
}

func BenchmarkPorts(b *testing.B) {
	in := drawn(1, 20000, 90, analyze.AllPorts)
	for b.Loop() {
		if _, err := Ports(in, PortOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
