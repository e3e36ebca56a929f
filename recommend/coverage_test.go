package recommend

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The runs of a set of days, written out, are the set; no run touches the next.
func TestDayRuns(t *testing.T) {
	const first = 20454
	c := &coverer{window: span{from: first*24 + 7, until: (first + 40) * 24}}
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		days := map[int32]bool{}
		var want []int
		for d := range 40 {
			if rnd.IntN(3) > 0 {
				days[first+int32(d)] = true
				want = append(want, d)
			}
		}
		runs := c.dayRuns(days)
		var got []int
		for i := 0; i < len(runs); i += 2 {
			if i > 0 && runs[i] <= runs[i-1]+1 {
				t.Fatalf("seed %d: %v has two runs that touch", seed, runs)
			}
			for d := runs[i]; d <= runs[i+1]; d++ {
				got = append(got, d)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: runs %v stand for %v, want %v", seed, runs, got, want)
		}
	}
}
