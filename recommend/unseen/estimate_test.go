package unseen

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

func TestEstimate(t *testing.T) {
	days := func(ds ...int32) []int32 { return ds }
	for _, tt := range []struct {
		name string
		in   [][]int32
		want Estimate
	}{
		{"nothing", nil, Estimate{High: 10000}},
		// Q1 2, Q2 1, U 8, T 4: 2/8; Chao2 4 + 3/4 · 2·1/(2·2)
		{"by hand", [][]int32{days(1, 2, 3, 4), days(4, 1), days(2), days(3, 3, 3)},
			Estimate{Species: 4, Days: 4, Incidences: 8, Once: 2, Twice: 1, Missing: 2500, Low: 0, High: 9223, Richness: 4.375}},
		// quarters of 2 days: 2 of 2, 2 of 4 and 4 of 4 incidences are of strangers
		{"turnover", [][]int32{days(0, 1), days(2), days(3, 4, 5), days(4, 5), days(6, 7), days(6, 7)},
			Estimate{Species: 6, Days: 8, Incidences: 12, Once: 1, Twice: 4, Missing: 833, Low: 0, High: 6585, Turnover: 10000, Richness: 6}},
	} {
		got := Of(tt.in)
		if got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestShare(t *testing.T) {
	for _, tt := range []struct {
		num, den int
		want     Share
	}{{0, 0, 0}, {1, 3, 3333}, {2, 3, 6667}, {1, 20000, 1}, {1, 20001, 0}, {5, 5, 10000}} {
		if got := share(tt.num, tt.den); got != tt.want {
			t.Errorf("share(%d, %d): got %d, want %d", tt.num, tt.den, got, tt.want)
		}
	}
}

// world draws what comes on each day: the peers of a population, each with its own chance a day.
type world struct {
	chance []float64
	days   [][]int32 // of each peer, in the window
	later  int       // incidences in the period after
	missed int       // of them, by peers not seen in the window
}

func newWorld(r *rand.Rand, peers int, window, period int32) *world {
	w := &world{}
	heavy := 0.3 + r.Float64() // how unequal the peers are
	for i := range peers {
		w.chance = append(w.chance, min(0.95, 0.95/math.Pow(float64(i+1), heavy)))
		var days []int32
		for d := range window {
			if r.Float64() < w.chance[i] {
				days = append(days, d)
			}
		}
		w.days = append(w.days, days)
		for range period {
			if r.Float64() < w.chance[i] {
				w.later++
				if len(days) == 0 {
					w.missed++
				}
			}
		}
	}
	return w
}

// The actual loss of the next 30 days lies inside the stated 90 % interval, and the estimates are right on average.
func TestLossOfTheNextPeriod(t *testing.T) {
	const worlds = 2000
	inside, guessed, actual := 0, 0.0, 0.0
	for seed := range uint64(worlds) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(r, 5+r.IntN(400), int32(7+r.IntN(84)), 30)
		e := Of(slices.DeleteFunc(w.days, func(d []int32) bool { return len(d) == 0 }))
		loss := share(w.missed, w.later)
		if e.Low <= loss && loss <= e.High {
			inside++
		}
		guessed, actual = guessed+e.Missing.Float(), actual+loss.Float()
	}
	t.Logf("inside the interval in %.1f %% of %d worlds; estimated %.4f, actual %.4f on average", 100*float64(inside)/worlds, worlds, guessed/worlds, actual/worlds)
	if inside < worlds*88/100 || math.Abs(guessed-actual) > 0.1*actual {
		t.Errorf("inside in %d of %d worlds, estimated %.4f, actual %.4f", inside, worlds, guessed/worlds, actual/worlds)
	}
}

// What Widen chooses keeps the loss of the next 30 days below the bound on average, in offices that lend addresses evenly, in
// ones with regulars, and with hosts that are replaced every few days; the exact hosts would not.
func TestLossAfterWidening(t *testing.T) {
	const worlds = 200
	for _, level := range []Share{Strict, Balanced, Loose} {
		lost, exact, later, wide := 0, 0, 0, 0
		for seed := range uint64(worlds) {
			r := rand.New(rand.NewPCG(seed, 8))
			base, bits := netip.MustParseAddr("10.20.30.0").As4(), 4+r.IntN(4)
			alive := make(map[byte]int) // last day of a lease
			s, regulars := seen{}, r.IntN(5)
			next := make(map[string]int)
			for d := range 120 {
				today := map[byte]bool{}
				for i := range regulars {
					today[byte(i*3)] = true
				}
				for host, last := range alive {
					if d > last {
						delete(alive, host)
					}
				}
				for len(alive) < 3 {
					alive[byte(r.IntN(1<<bits))] = d + r.IntN(4)
				}
				for host := range alive {
					today[host] = true
				}
				for host := range today {
					b := base
					b[3] = host
					if a := netip.AddrFrom4(b).String(); d < 90 {
						s.on(d, a)
					} else {
						next[a]++
					}
				}
			}
			got, err := Widen(s.peers(), Options{Within: prefixes("10.0.0.0/8"), Bound: level})
			if err != nil {
				t.Fatal(err)
			}
			if got.Prefixes[0].Bits() < 24 {
				wide++
			}
			for a, n := range next {
				later += n
				if !slices.ContainsFunc(got.Prefixes, func(p netip.Prefix) bool { return p.Contains(netip.MustParseAddr(a)) }) {
					lost += n
				}
				if s[a] == nil {
					exact += n
				}
			}
		}
		t.Logf("bound %s: lost %s, exact hosts %s, wider than the LAN in %d of %d worlds", level, share(lost, later), share(exact, later), wide, worlds)
		// The bound holds for the estimate; that of a tenth of a percent is finer than 90 days of a few hosts can tell.
		if share(lost, later) >= max(level, 50) || wide > worlds/20 || share(exact, later) < Balanced {
			t.Errorf("bound %s: lost %s, exact hosts %s, too wide in %d of %d worlds", level, share(lost, later), share(exact, later), wide, worlds)
		}
	}
}

func BenchmarkWiden(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var peers []Peer
	for range 20000 {
		p := Peer{Addr: netip.AddrFrom4([4]byte{10, byte(r.IntN(4)), byte(r.IntN(256)), byte(r.IntN(256))})}
		for range 1 + r.IntN(5) {
			p.Days = append(p.Days, int32(r.IntN(90)))
		}
		peers = append(peers, p)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Widen(peers, Options{Within: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}); err != nil {
			b.Fatal(err)
		}
	}
}
