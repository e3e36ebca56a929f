package inflate

import (
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

// Of every length, at every place in a block, and in parts, the sum is the library's.
func TestChecksum(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	text := make([]byte, 5000)
	for i := range text {
		text[i] = byte(rng.Uint32())
	}
	for n := range text {
		p, first := text[rng.IntN(len(text)-n):][:n], rng.IntN(n+1)
		c := checksum{sum: rng.Uint32()}
		want := crc32.Update(c.sum, crc32.IEEETable, p)
		c.add(p[:first])
		c.add(p[first:])
		if c.sum != want {
			t.Fatalf("%d bytes, %d of them first: %#x, want %#x", n, first, c.sum, want)
		}
	}
}

func BenchmarkChecksum(b *testing.B) {
	text, c := flowLog(2, 1<<17), checksum{}
	for name, add := range map[string]func([]byte){
		"library": func(p []byte) { c.sum = crc32.Update(c.sum, crc32.IEEETable, p) },
		"own":     c.add,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				add(text)
			}
		})
	}
}
