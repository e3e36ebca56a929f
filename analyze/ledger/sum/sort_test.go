package sum

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Peers are sorted as any numbers are, and places move with them, few or many, alike in any of their digits or in none.
func TestSortPeers(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 9))
	var spare []uint64
	for _, n := range []int{0, 1, 2, 100, 511, 512, 513, 5000, 70_000} {
		for _, differing := range []uint64{0, 1, 0xfff, 0xff000, 3 << 32, 3<<32 | 0xf, 1<<34 - 1} {
			words, places := make([]uint64, n), make([]rowPlace, n)
			for i := range words {
				words[i] = (1<<32|0x0a0b0c0d)<<placeBits&^(differing<<placeBits) | rng.Uint64()&differing<<placeBits | uint64(i)
				places[i] = rowPlace{uint32(i % 3), uint32(i)}
			}
			want := slices.Sorted(slices.Values(words))
			spare = sortPeers(words, spare)
			if !slices.Equal(words, want) {
				t.Fatalf("%d words that differ in %x are not sorted", n, differing)
			}
			move(places, words)
			for i, p := range places {
				if from := uint32(want[i] & placeMask); p != (rowPlace{from % 3, from}) {
					t.Fatalf("of %d, %v stands at %d, where that of %d belongs", n, p, i, from)
				}
			}
		}
	}
}
