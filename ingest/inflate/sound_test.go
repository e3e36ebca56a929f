package inflate

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// texts are inputs of different character, all of n bytes.
func texts(n int) map[string][]byte {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	random, few := make([]byte, n), make([]byte, n)
	for i := range n {
		random[i], few[i] = byte(rng.Uint32()), "abc"[rng.IntN(3)]
	}
	all := map[string][]byte{
		"zeros": make([]byte, n), "random": random, "few": few,
		"text": flowLog(5, n)[:n],
	}
	for _, period := range []int{2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 1000} {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(i % period * 37)
		}
		all[fmt.Sprintf("period %d", period)] = p
	}
	return all
}

func TestAgreesOnSoundFiles(t *testing.T) {
	r := NewReader(nil)
	sizes := []int{0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 257, 258, 259, 1000, 32767, 32768, 32769, 65535, 65536}
	for _, edge := range []int{windowFull, windowSize, 2*windowFull - historySize} {
		sizes = append(sizes, edge-1, edge, edge+1)
	}
	for _, n := range sizes {
		for name, text := range texts(n) {
			for level := gzip.HuffmanOnly; level <= 9; level++ {
				if n > 1000 && level != gzip.HuffmanOnly && level != 0 && level != 6 {
					continue
				}
				file := compress(t, text, level)
				got, end := decode(r, bytes.NewReader(file))
				if end != "sound" || !bytes.Equal(got, text) {
					t.Fatalf("%s, %d bytes, level %d: got %d bytes, %s", name, n, level, len(got), end)
				}
			}
		}
	}
}

// Every place at which a window can fill up, with a match or literals there.
func TestWindowEdge(t *testing.T) {
	r := NewReader(nil)
	lit, dist := fixedCodes()
	prefix := texts(windowSize)["random"]
	for before := windowFull - 300; before <= windowFull+10; before++ {
		var w bitWriter
		w.header()
		w.stored(prefix[:before], false)
		w.blockStart(true, 1)
		for i := range 40 {
			for range i % 5 {
				w.symbol(lit, 'x')
			}
			w.match(lit, dist, 258-(before+i)%255, 1+(before*i)%historySize)
		}
		w.symbol(lit, endOfBlock)
		w.finish()
		agree(t, r, w.out)
		if got, end := decode(r, bytes.NewReader(w.out)); end != "sound" || len(got) < before {
			t.Fatalf("before %d: the file should be sound, is %s", before, end)
		}
	}
}

func TestMatches(t *testing.T) {
	r := NewReader(nil)
	lit, dist := fixedCodes()
	prefix := texts(historySize)["random"]
	distances := []int{historySize, historySize - 1, 24577, 24576, 16385, 16384, 257, 256}
	for d := 1; d <= 70; d++ {
		distances = append(distances, d)
	}
	for length := 3; length <= 258; length++ {
		var w bitWriter
		w.header()
		w.stored(prefix, false)
		w.blockStart(true, 1)
		for _, d := range distances {
			w.match(lit, dist, length, d)
			w.symbol(lit, d%256)
		}
		w.symbol(lit, endOfBlock)
		w.finish()
		agree(t, r, w.out)
		got, end := decode(r, bytes.NewReader(w.out))
		if want := historySize + len(distances)*(length+1); end != "sound" || len(got) != want {
			t.Fatalf("length %d: got %d bytes, %s; want %d", length, len(got), end, want)
		}
	}
}

// randomCode makes the lengths of a complete code of n of size symbols, which holds the symbols in must.
func randomCode(rng *rand.Rand, size, n int, must ...int) []int {
	lens := []int{1, 1}
	for len(lens) < n { // split a code; deep ones first half of the time
		i := rng.IntN(len(lens))
		if rng.IntN(2) == 0 {
			i = len(lens) - 1
		}
		for lens[i] == maxCodeLen {
			i = rng.IntN(len(lens))
		}
		lens[i]++
		lens = append(lens, lens[i])
	}
	rng.Shuffle(len(lens), func(i, j int) { lens[i], lens[j] = lens[j], lens[i] })
	all := make([]int, size)
	copy(all, lens)
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, s := range must {
		for i := 0; all[s] == 0; i++ {
			if all[i] > 0 && !slices.Contains(must, i) {
				all[s], all[i] = all[i], 0
			}
		}
	}
	return all
}

// Blocks of random codes with random symbols: sub-tables of every shape.
func TestRandomCodes(t *testing.T) {
	r := NewReader(nil)
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var w bitWriter
		w.header()
		w.stored(texts(5000)["random"], false)
		for block := range 3 {
			lit := newCode(randomCode(rng, maxLitCodes, 3+rng.IntN(maxLitCodes-2), endOfBlock))
			dist := newCode(randomCode(rng, maxDistCodes, 2+rng.IntN(maxDistCodes-1)))
			w.dynamicHeader(block == 2, lit.lens, dist.lens)
			for range rng.IntN(2000) {
				s := rng.IntN(maxLitCodes)
				if lit.lens[s] == 0 || s == endOfBlock {
					continue
				}
				w.symbol(lit, s)
				if s > endOfBlock {
					w.bits(rng.Uint64()&(1<<(litSymbols[s]&15)-1), uint(litSymbols[s]&15))
					d := rng.IntN(24)
					for dist.lens[d] == 0 {
						d = (d + 1) % maxDistCodes
					}
					w.symbol(dist, d)
					w.bits(rng.Uint64()&(1<<(distSymbols[d]&15)-1), uint(distSymbols[d]&15))
				}
			}
			w.symbol(lit, endOfBlock)
		}
		w.finish()
		agree(t, r, w.out)
	}
}

// Every entry of the fast loop's table against what the other table says of the bits that it is found by.
func TestFusedTable(t *testing.T) {
	r := NewReader(nil)
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 3))
		lens := make([]uint8, maxLitCodes)
		for s, n := range randomCode(rng, maxLitCodes, 2+rng.IntN(maxLitCodes-1), endOfBlock) {
			lens[s] = uint8(n)
		}
		if !r.code.build(r.lit[:], litBits, lens, litSymbols[:]) {
			t.Fatalf("seed %d: %v is a complete code", seed, lens)
		}
		r.fuse(&r.code)
		for bits := range uint64(1 << litBits) {
			if got, want := r.fusedEntry(bitBuffer{bits: bits}), fusedByHand(r.lit[:], bits); got&^fusedUnread != want {
				t.Fatalf("seed %d, bits %011b: got %#x, want %#x", seed, bits, got, want)
			}
		}
	}
}

// fusedUnread is the part of an entry that nothing depends on.
const fusedUnread = 1 << 8

func fusedByHand(lit []uint32, bits uint64) (entry uint32) {
	taken := uint32(0)
	for place := fusedFirstShift; ; place = fusedSecondShift {
		e := lit[bits>>taken]
		n := e & consumeMask
		switch {
		case e&entrySpecial != 0 || taken+n > litBits:
			if taken == 0 {
				return fusedOther
			}
			return entry | fusedLiterals | taken
		case e&entryLiteral == 0:
			return entry&^consumeMask + wholeLength(e, bits>>taken) + taken
		}
		entry += fusedOne | e>>baseShift<<place
		taken += n
		if place == fusedSecondShift {
			return entry | fusedLiterals | taken
		}
	}
}

// Symbols that take the most bits, so that a round of the fast loop takes all that it can; cut off anywhere.
func TestLongestCodes(t *testing.T) {
	r := NewReader(nil)
	chain := func(size int, order ...int) []int { // code lengths 1, 2, 3 … and twice the last one
		lens := make([]int, size)
		for i, s := range order {
			lens[s] = min(i+1, len(order)-1)
		}
		return lens
	}
	lit := newCode(chain(maxLitCodes, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', endOfBlock, 'm', 283, 284))
	dist := newCode(chain(maxDistCodes, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 28, 29))
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var w bitWriter
		w.header()
		w.stored(texts(historySize)["few"], false)
		body := len(w.out)
		w.dynamicHeader(true, lit.lens, dist.lens)
		for range 60 {
			for range rng.IntN(4) {
				w.symbol(lit, 'a'+rng.IntN(13))
			}
			w.match(lit, dist, 195+rng.IntN(63), 16385+rng.IntN(16384))
		}
		w.symbol(lit, endOfBlock)
		w.finish()
		if _, end := decode(r, bytes.NewReader(w.out)); end != "sound" {
			t.Fatalf("seed %d: %s", seed, end)
		}
		for n := body; n <= len(w.out); n++ {
			agree(t, r, w.out[:n])
		}
	}
}

// The claim of table.go that the tables have room for the codes that need most: as many sub-tables as there can be,
// of two codes each, all as large as one of them needs.
func TestLargestTables(t *testing.T) {
	for _, c := range []struct {
		width, symbols, want int
		table                []uint32
	}{
		{litBits, maxLitCodes, 137, make([]uint32, litTableSize)},
		{distBits, maxDistCodes, 8, make([]uint32, distTableSize)},
	} {
		most := 0
		for twins := 0; ; twins++ {
			lens := bytes.Repeat([]byte{uint8(c.width + 1)}, 2*twins)
			for n := c.width + 1; n < maxCodeLen; n++ {
				lens = append(lens, uint8(n))
			}
			lens = append(lens, maxCodeLen, maxCodeLen)
			for bit, rest := 0, 1<<c.width-twins-1; rest>>bit > 0; bit++ {
				if rest>>bit&1 != 0 {
					lens = append(lens, uint8(c.width-bit))
				}
			}
			if len(lens) > c.symbols {
				break
			}
			if !new(prefixCode).build(c.table, c.width, lens, make([]uint32, c.symbols)) {
				t.Fatalf("width %d: %v is a complete code", c.width, lens)
			}
			most = twins
		}
		if most+1 != c.want {
			t.Errorf("width %d: %d sub-tables, want %d", c.width, most+1, c.want)
		}
	}
}

func TestMembers(t *testing.T) {
	r := NewReader(nil)
	rng := rand.New(rand.NewPCG(5, 5))
	text := flowLog(5, 1<<20)
	for _, most := range []int{5, 3000, 200_000} {
		var file, want []byte
		for len(want) < 700_000 && len(file) < 200_000 {
			n := rng.IntN(most)
			at := rng.IntN(len(text) - n)
			want = append(want, text[at:at+n]...)
			file = append(file, compress(t, text[at:at+n], rng.IntN(12)-2)...)
		}
		got, end := decode(r, bytes.NewReader(file))
		if end != "sound" || !bytes.Equal(got, want) {
			t.Fatalf("members up to %d: got %d bytes, %s; want %d", most, len(got), end, len(want))
		}
	}
	// One that begins in mid-window and goes on for several windows.
	for _, before := range []int{50_000, 100_000, 150_000} {
		file := slices.Concat(compress(t, text[:before], 6), compress(t, text, 6))
		got, end := decode(r, bytes.NewReader(file))
		if end != "sound" || !bytes.Equal(got, slices.Concat(text[:before], text)) {
			t.Fatalf("after %d bytes: got %d bytes, %s", before, len(got), end)
		}
	}
}
