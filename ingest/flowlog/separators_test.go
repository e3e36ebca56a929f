package flowlog

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The positions are those that looking at every byte finds, whatever the length.
func TestSeparators(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	alphabet := []byte{' ', '\n', 0, 0x1f, 0x20, 0x21, 'a', '9', 0x7f, 0x80, 0xa0, 0xa1, 0xff}
	for n := range 400 {
		buf := make([]byte, n+slack)
		for i := range buf {
			buf[i] = alphabet[rng.IntN(len(alphabet))]
			if n%2 == 0 && i%9 != 0 { // the common case: words of some length
				buf[i] = 'x'
			}
		}
		want, adjacent := []uint32{^uint32(0)}, false
		for i, c := range buf[:n] {
			if c <= 0x20 {
				adjacent = adjacent || want[len(want)-1]+1 == uint32(i)
				want = append(want, uint32(i))
			}
		}
		off := make([]uint32, n+1+8)
		count, got := separators(buf, n, off)
		if !slices.Equal(off[:count+1], want) || got != adjacent {
			t.Fatalf("%q: got %v %v, want %v %v", buf[:n], off[:count+1], got, want, adjacent)
		}
	}
}
